"""DuckDB answers the six calls of an engine under its limits, and fails with a hint."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from glob import escape
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hydrascope.engine.duckdb import DuckEngine
from hydrascope.errors import ResourceError

TABLE = pa.table({"account": [1, 1, 2], "n": [5, 6, 7]})


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckEngine]:
    """An engine that spills into the test's folder."""
    engine = DuckEngine(memory_bytes=512 << 20, threads=2, spill=tmp_path / "it's spilt")
    yield engine
    engine.close()


def test_registered_tables_views_and_files_are_read_by_sql(engine: DuckEngine, tmp_path: Path) -> None:
    """A table in memory, a query under a name, a file, a list of files and a glob."""
    folder = tmp_path / "it's [a] folder"
    folder.mkdir()
    for i in range(2):
        pq.write_table(TABLE, folder / f"{i}.parquet")
    engine.register("memory", TABLE)
    engine.define("named", "SELECT account, sum(n) AS n FROM memory GROUP BY account")
    engine.view("one", folder / "0.parquet")
    engine.view("two", [folder / "0.parquet", folder / "1.parquet"])
    engine.view("every", f"{escape(str(folder))}/*.parquet")
    assert engine.collect("SELECT n FROM named ORDER BY account")["n"].to_pylist() == [11, 7]
    counts = [
        engine.collect(f"SELECT count(*) AS n FROM {v}")["n"][0].as_py() for v in ("one", "two", "every")
    ]
    assert counts == [3, 6, 6]


def test_a_name_may_be_given_again(engine: DuckEngine) -> None:
    """The later meaning counts."""
    engine.register("t", TABLE)
    engine.register("t", TABLE.slice(0, 1))
    engine.define("v", "SELECT 1 AS a")
    engine.define("v", "SELECT 2 AS a")
    assert engine.collect("SELECT count(*) AS n FROM t")["n"].to_pylist() == [1]
    assert engine.collect("SELECT a FROM v")["a"].to_pylist() == [2]


def test_a_stream_gives_every_row_in_batches(engine: DuckEngine) -> None:
    """More rows than one batch holds."""
    batches = list(engine.stream("SELECT i FROM range(1500000) r(i)"))
    assert len(batches) > 1
    assert sum(len(b) for b in batches) == 1_500_000


def test_a_written_result_is_whole_or_absent(engine: DuckEngine, tmp_path: Path) -> None:
    """The file appears under its name once it is complete; a failing query leaves none."""
    engine.register("memory", TABLE)
    engine.write("SELECT * FROM memory ORDER BY n", tmp_path / "a's.parquet")
    assert pq.read_table(tmp_path / "a's.parquet")["n"].to_pylist() == [5, 6, 7]
    with pytest.raises(Exception, match="no_such_column"):
        engine.write("SELECT no_such_column FROM memory", tmp_path / "b.parquet")
    assert not (tmp_path / "b.parquet").exists()
    assert not list(tmp_path.glob("*.partial"))


def test_timestamps_are_utc(engine: DuckEngine) -> None:
    """Whatever zone the machine is in."""
    assert engine.collect("SELECT current_setting('TimeZone') AS z")["z"].to_pylist() == ["UTC"]


def test_no_warning_reaches_the_user(engine: DuckEngine) -> None:
    """A quiet scan is quiet: reading results warns of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        engine.collect("SELECT 1 AS a")
        list(engine.stream("SELECT 1 AS a"))


def test_running_out_of_memory_says_what_to_type(tmp_path: Path) -> None:
    """An aggregate that cannot spill under the limit ends in one sentence and a hint."""
    engine = DuckEngine(memory_bytes=20 << 20, threads=1, spill=tmp_path / "spill")
    with pytest.raises(ResourceError, match="memory") as caught:
        engine.collect("SELECT list(i) AS a, list(i * 2) AS b FROM range(20000000) r(i)")
    assert "--memory" in (caught.value.hint or "")
    engine.close()


@pytest.mark.parametrize("text", ["Out of Memory Error: ArrowBuffer", "IO Error: Could not write all"])
def test_what_fails_while_rows_are_fetched_is_said_too(
    engine: DuckEngine, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """There DuckDB's error comes through Arrow, as an OSError that has the name in its text alone."""

    def broken(sql: str) -> pa.RecordBatchReader:
        def batches() -> Iterator[pa.RecordBatch]:
            yield TABLE.to_batches()[0]
            raise OSError(f"{text}\n\nPossible solutions:")

        return pa.RecordBatchReader.from_batches(TABLE.schema, batches())

    monkeypatch.setattr(engine, "_read_arrow", broken)
    for read in (engine.collect, lambda sql: list(engine.stream(sql))):
        with pytest.raises(ResourceError, match=text) as caught:
            read("SELECT 1")
        assert "Possible" not in caught.value.what


def test_a_file_that_cannot_be_read_says_where_to_look(engine: DuckEngine, tmp_path: Path) -> None:
    """A stage file that is cut short is no traceback."""
    pq.write_table(TABLE, tmp_path / "a.parquet")
    engine.view("t", tmp_path / "a.parquet")
    (tmp_path / "a.parquet").unlink()
    with pytest.raises(ResourceError) as caught:
        engine.collect("SELECT * FROM t")
    assert caught.value.hint
