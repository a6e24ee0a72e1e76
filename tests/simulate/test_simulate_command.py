"""`hydrascope simulate` from the outside."""

from __future__ import annotations

import dataclasses
import resource
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from simulated import SMALL
from typer.testing import CliRunner

from hydrascope.cli.app import build_app
from hydrascope.simulate import read_scenario, simulate_world

RUN = CliRunner()


def test_the_command_writes_a_world_and_says_how_large_it_is(tmp_path: Path) -> None:
    """OUT holds the log and the truth; the last line counts them."""
    (tmp_path / "s.toml").write_text(SMALL)
    arguments = ["simulate", str(tmp_path / "w"), "--scenario", str(tmp_path / "s.toml"), "--workers", "1"]
    result = RUN.invoke(build_app(arguments), arguments)
    assert result.exit_code == 0, result.output
    assert "72 accounts" in result.output
    assert sorted(p.name for p in (tmp_path / "w").iterdir()) == [
        "accounts.parquet", "events.parquet", "exchanges", "truth.parquet", "truth_shares.parquet", "world.json",
    ]  # fmt: skip


def test_the_command_lists_the_worlds() -> None:
    """`--list` needs no folder."""
    result = RUN.invoke(build_app(["simulate"]), ["simulate", "--list"])
    assert "judging/mixed" in result.output.split()


def test_a_second_world_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    """Writing into a folder again replaces the days that were there."""
    for days in (3, 1):
        (tmp_path / "s.toml").write_text(SMALL.replace("days = 3", f"days = {days}"))
        simulate_world(read_scenario(tmp_path / "s.toml"), tmp_path / "w", workers=1)
    assert [p.name for p in (tmp_path / "w" / "exchanges").iterdir()] == ["day-000.parquet"]


@pytest.mark.slow
def test_large_worlds_are_fast_and_need_little_memory(tmp_path: Path) -> None:
    """One day of the 28 M world: 60,000 exchanges per CPU second at the least, below 1.5 GB."""
    scenario = read_scenario("scale/28m")
    scenario = dataclasses.replace(scenario, world=dataclasses.replace(scenario.world, days=2, releases={}))
    begin = time.process_time()
    facts = simulate_world(scenario, tmp_path / "w", workers=1)
    assert facts.n_exchanges / (time.process_time() - begin) > 60_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1_500_000


@pytest.mark.slow
def test_a_hundred_thousand_honest_accounts_can_be_made(tmp_path: Path) -> None:
    """The null world stretches to any number of accounts and stays without a campaign."""
    scenario = read_scenario("null-tuning")
    scenario = dataclasses.replace(scenario, world=dataclasses.replace(scenario.world, days=2, releases={}))
    facts = simulate_world(scenario, tmp_path / "w", accounts=100_000, workers=2)
    assert abs(facts.n_accounts - 100_000) < 200
    assert pq.read_table(tmp_path / "w" / "truth.parquet")["campaign"].null_count == facts.n_accounts
