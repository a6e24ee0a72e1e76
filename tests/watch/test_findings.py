"""Findings from a state are those of a scan; what was removed from a state is gone from it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner
from watch_logs import START

from hydrascope.campaigns.succession import Portrait, ValueMark
from hydrascope.campaigns.track import Track
from hydrascope.cli.app import build_app
from hydrascope.features.observer import KINDS
from hydrascope.pipeline import scan
from hydrascope.pipeline.memory import Memory, read_memory
from hydrascope.pipeline.watch import (
    delete_account,
    detect_state,
    land_files,
    merge_parts,
    open_state,
    retain_since,
)
from hydrascope.pipeline.watch.findings import recent_window
from hydrascope.simulate import read_scenario, simulate_world

FINDINGS = ("campaigns.parquet", "accounts.parquet", "links.parquet", "campaigns.json", "rejects.jsonl")
LogWriter = Callable[..., Path]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small mixed world with campaigns, with one day's file there twice, under another name."""
    folder = tmp_path_factory.mktemp("world")
    demo = read_scenario("demo")
    answering = replace(demo, world=replace(demo.world, completions="short"))
    simulate_world(answering, folder, scale=0.06, workers=1)
    days = sorted((folder / "exchanges").glob("*.parquet"))
    (folder / "exchanges" / "zz-again.parquet").write_bytes(days[1].read_bytes())
    return folder


def test_landed_in_pieces_out_of_order_equals_one_scan(world: Path, tmp_path: Path) -> None:
    """Late files, repeated exchanges, merged parts: the findings are the scan's, byte for byte."""
    files = sorted((world / "exchanges").glob("*.parquet"))
    tables = {"accounts": str(world / "accounts.parquet"), "events": str(world / "events.parquet")}
    for start in range(3):
        with open_state(tmp_path / "state") as state:
            for file in reversed(files[start::3]):
                land_files(state, [str(file)])
            merge_parts(state, at=3)
    with open_state(tmp_path / "state") as state:
        assert land_files(state, [str(world / "exchanges")]).n_files == 0
        detect_state(state, tmp_path / "watched", **tables)
    scan([str(world / "exchanges")], tmp_path / "scanned", **tables)
    for name in FINDINGS:
        assert (tmp_path / "watched" / name).read_bytes() == (tmp_path / "scanned" / name).read_bytes(), name
    assert (tmp_path / "watched" / "rejects.jsonl").stat().st_size > 0
    assert pq.read_table(tmp_path / "watched" / "campaigns.parquet").num_rows > 0


def test_the_last_hours_are_found_as_a_scan_of_them_finds_them(world: Path, tmp_path: Path) -> None:
    """Groups, verdicts and probabilities are those of a log cut to the window; nothing is enforceable."""
    files = sorted((world / "exchanges").glob("*.parquet"))
    rows = pa.concat_tables([pq.read_table(f) for f in files])
    hours = 120
    newest = pc.max(rows["started_at"]).as_py()
    cut = rows.filter(pc.greater_equal(rows["started_at"], pa.scalar(newest - timedelta(hours=hours))))
    pq.write_table(cut, tmp_path / "cut.parquet")
    tables = {"accounts": str(world / "accounts.parquet"), "events": str(world / "events.parquet")}
    with open_state(tmp_path / "state") as state:
        for file in files:
            land_files(state, [str(file)])
        detect_state(state, tmp_path / "recent", recent_hours=hours, **tables)
        window = recent_window(state, hours)
        assert 0 < len(window.parts) < len(state.journal.parts)
    scan([str(tmp_path / "cut.parquet")], tmp_path / "scanned", **tables)
    found, wanted = (
        pq.read_table(tmp_path / f / "campaigns.parquet").to_pylist() for f in ("recent", "scanned")
    )
    assert found
    assert not any(row.pop("enforceable") for row in found)
    assert found == [{k: v for k, v in row.items() if k != "enforceable"} for row in wanted]
    accounts = [
        pq.read_table(tmp_path / f / "accounts.parquet", columns=["account_id", "campaign_id", "n_exchanges"])
        for f in ("recent", "scanned")
    ]
    assert accounts[0].equals(accounts[1])


def test_a_clock_that_is_ahead_does_not_empty_the_window(tmp_path: Path, write_log: LogWriter) -> None:
    """The window ends now, if the newest exchange lies in the future."""
    source = write_log("a.parquet", 0, 20).parent
    write_log("b.parquet", int((time.time() - START.timestamp()) / 60) + 100_000, 1)  # ten weeks from now
    with open_state(tmp_path / "state") as state:
        for path in sorted(source.iterdir()):
            land_files(state, [str(path)])
        before_us = recent_window(state, 1.0).since_us
        assert abs(before_us / 1e6 - (time.time() - 3600)) < 60


def test_a_deleted_account_leaves_nothing(tmp_path: Path, write_log: LogWriter) -> None:
    """Neither its rows, samples and texts nor the values that only it used remain, in no snapshot either."""
    source = write_log("a.parquet", 0, 40).parent
    account, address = "acct_1", "192.0.2.1"
    with open_state(tmp_path / "state") as state:
        land_files(state, [str(source)])
        state.publish()
        assert delete_account(state, account) == 8
        assert delete_account(state, account) == 0
        assert land_files(state, [str(source)]).n_files == 0
    for folder in (tmp_path / "state", tmp_path / "state" / "current"):
        values = pq.read_table(folder / "values")
        assert not {account, address} & set(values["text"].to_pylist())
        assert "acct_2" in values["text"].to_pylist()
        for room in ("rows", "shingles", "texts"):
            assert len(set(pq.read_table(folder / room)["account"].to_pylist())) == 4
    assert len(list((tmp_path / "state" / "snapshots").iterdir())) == 1


def test_old_exchanges_are_dropped_with_their_samples(tmp_path: Path, write_log: LogWriter) -> None:
    """Only what began since the limit stays; a part that is wholly younger is not touched."""
    source = write_log("a.parquet", 0, 30).parent
    write_log("b.parquet", 30, 30)
    with open_state(tmp_path / "state") as state:
        land_files(state, [str(source / "a.parquet")])
        land_files(state, [str(source / "b.parquet")])
        rows = pq.read_table(tmp_path / "state" / "rows")
        untouched = state.journal.parts[1]
        assert retain_since(state, sorted(rows["at_us"].to_pylist())[10]) == 10
        assert untouched in state.journal.parts
    kept = set(pq.read_table(tmp_path / "state" / "rows")["xid"].to_pylist())
    assert len(kept) == 50
    assert set(pq.read_table(tmp_path / "state" / "shingles")["xid"].to_pylist()) <= kept


def test_merged_parts_hold_the_same(tmp_path: Path, write_log: LogWriter) -> None:
    """Rows stay one for one; samples shrink to what the final sample can need."""
    for i in range(4):
        source = write_log(f"{i}.parquet", i * 500, 500, accounts=2).parent
    with open_state(tmp_path / "state") as state:
        for i in range(4):
            land_files(state, [str(source / f"{i}.parquet")])
        before = {room: pq.read_table(tmp_path / "state" / room).num_rows for room in KINDS}
        assert merge_parts(state, at=4) == 4
        assert merge_parts(state, at=4) == 0
        assert len(state.journal.parts) == 1
    after = {room: pq.read_table(tmp_path / "state" / room).num_rows for room in KINDS}
    assert after["rows"] == before["rows"] == 2000
    assert after["shingles"] == 2 * 2 * 96 < before["shingles"]
    assert after["passages"] == before["passages"] > 2000
    assert after["systems"] == 3


def test_the_command_looks_once_and_writes_findings(tmp_path: Path, write_log: LogWriter) -> None:
    """`watch --once` lands, detects and stops; a second time there is nothing to land."""
    source = write_log("a.parquet", 0, 300, accounts=30).parent
    arguments = ["watch", str(source), "--state", str(tmp_path / "state"), "--once"]
    first = CliRunner().invoke(build_app(["watch"]), arguments, catch_exceptions=False)
    assert first.exit_code == 0, first.output
    assert "300 exchanges of 1 files landed" in first.output
    assert pq.read_table(tmp_path / "state-findings" / "accounts.parquet").num_rows == 30
    second = CliRunner().invoke(
        build_app(["watch"]), [*arguments, "--delete-account", "acct_1"], catch_exceptions=False
    )
    assert "10 exchanges of acct_1 removed" in second.output
    assert "landed" not in second.output
    assert pq.read_table(tmp_path / "state-findings" / "accounts.parquet").num_rows == 29


def test_a_deleted_account_is_forgotten_at_once(tmp_path: Path, write_log: LogWriter) -> None:
    """Also by what the next detection goes on from, with the values that it alone may have used."""
    source = write_log("a.parquet", 0, 300, accounts=30).parent
    state = tmp_path / "state"
    watch, run = build_app(["watch"]), CliRunner().invoke
    run(watch, ["watch", str(source), "--state", str(state), "--once"], catch_exceptions=False)
    marks = tuple(ValueMark(value=v, n_members=n, n_all=n) for v, n in ((77, 3), (88, 1)))
    portraits = [
        Portrait(members=("acct_1", "acct_2", "acct_3"), values={"ip": marks}),
        Portrait(members=("acct_1",)),
        Portrait(members=("acct_4", "acct_5"), values={"ip": marks}),
    ]
    tracks = [Track(campaign_id=f"C-{i}", portrait=p) for i, p in enumerate(portraits)]
    for out in (tmp_path / "state-findings", tmp_path / "state-findings-recent"):
        out.mkdir(exist_ok=True)
        (out / "tracks.json").write_bytes(msgspec.json.encode(Memory(run=1, tracks=tuple(tracks))))
    ended = run(watch, ["watch", "--state", str(state), "--delete-account", "acct_1"], catch_exceptions=False)
    assert "acct_1 forgotten in tracks.json" in ended.output
    for out in (tmp_path / "state-findings", tmp_path / "state-findings-recent"):
        left = {t.campaign_id: t.portrait for t in read_memory(out).tracks}
        assert left["C-0"].members == ("acct_2", "acct_3")
        assert left["C-0"].values == {"ip": (ValueMark(value=77, n_members=2, n_all=3),)}
        assert left["C-2"] == portraits[2] and "C-1" not in left
    again = run(watch, ["watch", "--state", str(state), "--delete-account", "acct_1"], catch_exceptions=False)
    assert "forgotten" not in again.output
