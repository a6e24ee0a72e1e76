"""The lake holds every landed exchange once, in the folder of its hour, whatever stopped the run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from watch_logs import START

from hydrascope.errors import UsageError
from hydrascope.pipeline.lake import Lake, open_lake
from hydrascope.pipeline.watch import State, delete_account, land_files, merge_parts, open_state

LogWriter = Callable[..., Path]
FORMATS = ["parquet", "delta"]


@pytest.fixture(params=FORMATS)
def format(request: pytest.FixtureRequest) -> str:
    """Both kinds of lake."""
    if request.param == "delta":
        pytest.importorskip("deltalake")
    return str(request.param)


def read(folder: Path, format: str) -> list[dict[str, Any]]:
    """The lake's rows, as another engine reads them, by time."""
    if format == "delta":
        import deltalake

        rows = deltalake.DeltaTable(str(folder)).to_pyarrow_table().to_pylist()
    else:
        found = duckdb.sql(f"FROM read_parquet('{folder}/*/*/*.parquet', hive_partitioning=true)")
        rows = found.to_arrow_table().to_pylist()
    return sorted(rows, key=lambda r: r["started_at"])


def land(state: State, lake: Lake, *paths: Path) -> int:
    """What a look does."""
    land_files(state, [str(p) for p in paths])
    added = lake.export(state)
    merge_parts(state, at=2)
    return added


def test_rows_are_readable_and_lie_in_their_hour(tmp_path: Path, write_log: LogWriter, format: str) -> None:
    """Values as they were sent; no text; `date` and `hour` are those of the beginning, UTC."""
    path = write_log("a.parquet", 50, 30)
    with open_state(tmp_path / "state") as state:
        assert land(state, open_lake(tmp_path / "lake", format), path) == 30
    rows = read(tmp_path / "lake", format)
    assert [r["started_at"] for r in rows] == [START + timedelta(minutes=i) for i in range(50, 80)]
    assert [r["account_id"] for r in rows] == [f"acct_{i % 5}" for i in range(50, 80)]
    assert {r["client_ip"] for r in rows} == {f"192.0.2.{i}" for i in range(5)}
    assert {(str(r["date"]), int(r["hour"])) for r in rows} == {("2026-03-02", 0), ("2026-03-02", 1)}
    assert all(r["model"] is None and r["reasoning"] is None for r in rows)
    assert not any("river" in str(value) for r in rows for value in r.values())
    folders = {str(p.parent.relative_to(tmp_path / "lake")) for p in (tmp_path / "lake").rglob("*.parquet")}
    assert folders == {"date=2026-03-02/hour=0", "date=2026-03-02/hour=1"}


def test_each_part_is_there_once(tmp_path: Path, write_log: LogWriter, format: str) -> None:
    """Late files, merged parts, and a lake that is opened again."""
    paths = [write_log(f"{i}.parquet", i * 40, 40) for i in range(5)]
    for path in reversed(paths):
        with open_state(tmp_path / "state") as state:
            assert land(state, open_lake(tmp_path / "lake", format), path) == 40
    with open_state(tmp_path / "state") as state:
        assert open_lake(tmp_path / "lake", format).export(state) == 0
        assert len(state.journal.parts) < 5
    assert (
        len(read(tmp_path / "lake", format))
        == len({r["exchange"] for r in read(tmp_path / "lake", format)})
        == 200
    )


def test_a_stop_between_lake_and_journal_doubles_nothing(
    tmp_path: Path, write_log: LogWriter, format: str
) -> None:
    """The journal of before is put back, as if the run had been killed before it was written."""
    paths = [write_log(f"{i}.parquet", i * 40, 40) for i in range(3)]
    journal = tmp_path / "state" / "journal.json"
    with open_state(tmp_path / "state") as state:
        land(state, open_lake(tmp_path / "lake", format), paths[0])
        land_files(state, [str(paths[1])])
        before = journal.read_bytes()
        open_lake(tmp_path / "lake", format).export(state)
    journal.write_bytes(before)
    with open_state(tmp_path / "state") as state:
        land(state, open_lake(tmp_path / "lake", format), paths[2])
    rows = read(tmp_path / "lake", format)
    assert len(rows) == len({r["exchange"] for r in rows}) == 120


def test_a_lake_that_is_added_later_gets_all(tmp_path: Path, write_log: LogWriter, format: str) -> None:
    """Also what was merged meanwhile; merged parts hold exported exchanges or others, never both."""
    paths = [write_log(f"{i}.parquet", i * 40, 40) for i in range(4)]
    with open_state(tmp_path / "state") as state:
        for path in paths[:3]:
            land_files(state, [str(path)])
        assert merge_parts(state, at=3) == 3
        lake = open_lake(tmp_path / "lake", format)
        assert lake.export(state) == 120
        land_files(state, [str(paths[3])])
        assert merge_parts(state, at=2) == 0
        assert lake.export(state) == 40
    assert len(read(tmp_path / "lake", format)) == 160


def test_two_states_share_a_lake(tmp_path: Path, write_log: LogWriter, format: str) -> None:
    """Parts of the same number are not the same part."""
    paths = [write_log(f"{i}.parquet", i * 40, 40) for i in range(2)]
    for i, path in enumerate(paths):
        with open_state(tmp_path / f"state{i}") as state:
            land(state, open_lake(tmp_path / "lake", format), path)
    assert len(read(tmp_path / "lake", format)) == 80


def test_deletion_reaches_the_lake(tmp_path: Path, write_log: LogWriter, format: str) -> None:
    """No file of it holds the account any more, nor anything older than the limit."""
    path = write_log("a.parquet", 0, 200)
    with open_state(tmp_path / "state") as state:
        lake = open_lake(tmp_path / "lake", format)
        land(state, lake, path)
        lake.delete_account("acct_1")
        delete_account(state, "acct_1")
        assert lake.export(state) == 0
        limit = START + timedelta(minutes=90)
        lake.retain_since(int(limit.timestamp() * 1e6))
    rows = read(tmp_path / "lake", format)
    assert {r["account_id"] for r in rows} == {f"acct_{i}" for i in (0, 2, 3, 4)}
    assert min(r["started_at"] for r in rows) == limit
    for file in (tmp_path / "lake").rglob("*.parquet"):
        table = pq.read_table(file, partitioning=None)
        assert "acct_1" not in table["account_id"].to_pylist()
        assert min(table["started_at"].to_pylist()) >= limit


def test_a_killed_export_is_gone_on_with(tmp_path: Path, write_log: LogWriter, format: str) -> None:
    """The process is ended inside the writing of its second part."""
    for i in range(3):
        write_log(f"{i}.parquet", i * 40, 40)
    script = f"""
import os
from pathlib import Path
from hydrascope.pipeline.lake import export, open_lake
from hydrascope.pipeline.watch import land_files, open_state
kept = export._read
def killed(state, part):
    if part.name == "00000001":
        os._exit(9)
    return kept(state, part)
export._read = killed
with open_state(Path({str(tmp_path / "state")!r})) as state:
    for i in range(3):
        land_files(state, [f"{tmp_path}/source/{{i}}.parquet"])
    open_lake(Path({str(tmp_path / "lake")!r}), {format!r}).export(state)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    assert len(read(tmp_path / "lake", format)) == 40
    with open_state(tmp_path / "state") as state:
        open_lake(tmp_path / "lake", format).export(state)
    rows = read(tmp_path / "lake", format)
    assert len(rows) == len({r["exchange"] for r in rows}) == 120


def test_an_unknown_lake_is_refused(tmp_path: Path) -> None:
    """With the nearest name."""
    with pytest.raises(UsageError, match="unknown lake format 'detla'") as caught:
        open_lake(tmp_path / "lake", "detla")
    assert caught.value.hint == "did you mean 'delta'?"
    assert not (tmp_path / "lake").exists()
