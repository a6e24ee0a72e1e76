"""Where there is no campaign, nothing is enforceable."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from scanning import accused, campaigns, scan_paths
from worlds import build_world, write_world

from hydrascope.pipeline import ScanSettings
from hydrascope.simulate import read_scenario, simulate_world


@pytest.mark.parametrize("seed", [21, 22])
def test_strangers_a_class_and_an_enterprise_are_left_alone(tmp_path: Path, seed: int) -> None:
    """No enforceable verdict, and no account in a distillation campaign."""
    log, _, _ = write_world(build_world(campaign=0, people=150, seed=seed), tmp_path)
    scan_paths([log], tmp_path / "out", tmp_path)
    assert not any(c["enforceable"] for c in campaigns(tmp_path / "out"))
    assert not accused(tmp_path / "out")


def test_two_people_are_no_campaign(tmp_path: Path) -> None:
    """The smallest log of all: no division by nobody."""
    log, _, _ = write_world(build_world(campaign=0, class_size=0, enterprise=0, people=2), tmp_path)
    scan_paths([log], tmp_path / "out", tmp_path)
    assert campaigns(tmp_path / "out") == []
    assert len(pq.read_table(tmp_path / "out" / "accounts.parquet")) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("null-tuning", 1),
        ("null-tuning", 2),
        ("null-judging", 1),
        ("null-judging-relays", 4),
        ("null-tuning-relays", 5),
        ("null-tuning-gatherings", 4),
    ],
)
def test_a_mixed_world_without_a_campaign_has_no_enforceable_verdict(
    tmp_path: Path, name: str, seed: int
) -> None:
    """Every look-alike of a family, thousands of accounts, the full null."""
    simulate_world(read_scenario(name), tmp_path / "world", seed=seed)
    world = tmp_path / "world"
    scan_paths([world / "exchanges"], tmp_path / "out", world, detect=ScanSettings().detect)
    assert not any(c["enforceable"] for c in campaigns(tmp_path / "out"))
    rows = pq.read_table(tmp_path / "out" / "accounts.parquet", columns=["enforceable"])
    assert not any(rows["enforceable"].to_pylist())
