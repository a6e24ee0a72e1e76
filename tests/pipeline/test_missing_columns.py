"""Every optional column may be missing: less is known, nothing breaks, and no more honest accounts are accused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scanning import accused, scan_world
from worlds import World, build_world

from hydrascope.schema import ACCOUNTS, EXCHANGES
from hydrascope.sketch import encode_sketches, sketch_texts

NEEDED = {"exchange_id", "started_at", "account_id", "prompt", "sketch", "source_file", "source_line"}
LOG = sorted(set(EXCHANGES.names) - NEEDED)
TABLE = sorted(f"accounts.{name}" for name in ACCOUNTS.names if name != "account_id")
EVERYTHING = frozenset({*LOG, "accounts", "events"})


def bits_of(folder: Path, accounts: set[str]) -> float:
    """Mean match weight of some accounts."""
    rows = pq.read_table(folder / "accounts.parquet").to_pylist()
    held = [r["bits"] for r in rows if r["account_id"] in accounts]
    return sum(held) / len(held)


def assert_no_worse(world: World, scanned: Path, findings: Path) -> None:
    """No more honest accounts in distillation campaigns than with the whole log, and a row for everybody."""
    assert len(accused(scanned) & world.honest) <= len(accused(findings) & world.honest)
    rows = pq.read_table(scanned / "accounts.parquet")
    assert rows["account_id"].to_pylist() == sorted(world.honest | world.campaign)
    assert not any(r["enforceable"] for r in rows.to_pylist() if r["account_id"] in world.honest)


def sketched(world: World) -> World:
    """The world as an operator sends it who may keep no text."""
    texts = pa.array([r["prompt"] for r in world.exchanges], pa.string())
    sketches = encode_sketches(sketch_texts(texts)).to_pylist()
    dropped = ("prompt", "system", "completion")
    rows = [
        {**{k: v for k, v in r.items() if k not in dropped}, "sketch": s}
        for r, s in zip(world.exchanges, sketches, strict=True)
    ]
    return replace(world, exchanges=rows)


def redacted(world: World) -> World:
    """The world with every text redacted before it was logged."""
    gone = {"prompt": "[redacted]", "system": None, "completion": None}
    rows = [{**r, **gone} for r in world.exchanges]
    return replace(world, exchanges=rows)


def test_the_whole_log_shows_the_campaign(world: World, findings: Path) -> None:
    """What the other tests of this file compare with: everybody of the campaign, nobody else."""
    assert accused(findings) == world.campaign


@pytest.mark.parametrize(
    "drop",
    [
        frozenset(LOG),
        frozenset({"accounts"}),
        frozenset({"events"}),
        EVERYTHING,
        frozenset({"client_ip", "client_asn", "tls_fingerprint", "user_agent"}),
        frozenset({"accounts.created_at", "accounts.payment_fingerprint"}),
    ],
    ids=["log", "accounts", "events", "everything", "network", "sign-up and card"],
)
def test_groups_of_columns_may_be_missing(
    world: World, findings: Path, tmp_path: Path, drop: frozenset[str]
) -> None:
    """All optional columns of the log, a whole table, all of it, or what carries most."""
    scanned = scan_world(world, tmp_path, drop=drop)
    assert_no_worse(world, scanned, findings)
    assert bits_of(scanned, world.campaign) <= bits_of(findings, world.campaign) + 0.5


@pytest.mark.parametrize("change", [sketched, redacted])
@pytest.mark.parametrize("drop", [frozenset(), EVERYTHING], ids=["alone", "and everything else"])
def test_text_may_be_missing(
    world: World, findings: Path, tmp_path: Path, change: Callable[[World], World], drop: frozenset[str]
) -> None:
    """Sketches in place of prompts, or no prompt at all, with and without the other columns."""
    assert_no_worse(world, scan_world(change(world), tmp_path, drop=drop), findings)


def test_sketches_find_what_text_finds(world: World, tmp_path: Path) -> None:
    """The campaign is found from sketches alone, and no text is anywhere in the findings."""
    scanned = scan_world(sketched(world), tmp_path)
    assert accused(scanned) == world.campaign
    assert b"write out every step" not in (scanned / "campaigns.json").read_bytes().lower()


def test_a_log_of_only_the_needed_columns_of_strangers_accuses_nobody(tmp_path: Path) -> None:
    """With next to nothing known, nothing is held against anybody."""
    quiet = build_world(campaign=0, seed=12)
    scanned = scan_world(quiet, tmp_path, drop=EVERYTHING)
    assert not accused(scanned)


@pytest.mark.slow
@pytest.mark.parametrize("column", [*LOG, *TABLE])
def test_each_optional_column_may_be_missing(
    world: World, findings: Path, tmp_path: Path, column: str
) -> None:
    """One column at a time."""
    scanned = scan_world(world, tmp_path, drop=frozenset({column}))
    assert_no_worse(world, scanned, findings)
    assert bits_of(scanned, world.campaign) <= bits_of(findings, world.campaign) + 0.5


@pytest.mark.slow
@pytest.mark.parametrize("column", [*LOG, "accounts", "events"])
def test_each_optional_column_may_be_the_only_one(
    world: World, findings: Path, tmp_path: Path, column: str
) -> None:
    """All but one."""
    assert_no_worse(world, scan_world(world, tmp_path, drop=EVERYTHING - {column}), findings)


@pytest.mark.slow
@pytest.mark.parametrize("column", [*LOG, *TABLE, "accounts", "events"])
@pytest.mark.parametrize("change", [sketched, redacted])
def test_each_optional_column_may_be_missing_beside_text(
    world: World, findings: Path, tmp_path: Path, change: Callable[[World], World], column: str
) -> None:
    """One column at a time, from sketches and without any prompt."""
    assert_no_worse(world, scan_world(change(world), tmp_path, drop=frozenset({column})), findings)
