"""Collected results are kept, and found again only where everything before them was the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from hydrascope.engine.base import Engine
from hydrascope.engine.duckdb import DuckEngine
from hydrascope.engine.materialised import MaterialisedEngine

SUM = "SELECT sum(n) AS n FROM t"


class Counting:
    """An engine that counts what it is asked."""

    def __init__(self, engine: DuckEngine) -> None:
        self.name = engine.name
        self.asked = 0
        self._engine = engine
        self.view, self.register, self.define = engine.view, engine.register, engine.define
        self.stream, self.write, self.close = engine.stream, engine.write, engine.close

    def collect(self, sql: str) -> pa.Table:
        """The engine's answer, counted."""
        self.asked += 1
        return self._engine.collect(sql)


@pytest.fixture
def inner(tmp_path: Path) -> Iterator[Counting]:
    """DuckDB, counted."""
    engine = DuckEngine(memory_bytes=512 << 20, threads=1, spill=tmp_path / "spill")
    yield Counting(engine)
    engine.close()


def total(inner: Engine, folder: Path, values: list[int], sql: str = SUM, view: str = "SELECT 1 AS a") -> int:
    """One run that registers a table, defines a view and asks."""
    engine = MaterialisedEngine(inner, folder)
    engine.register("t", pa.table({"n": values}))
    engine.define("v", view)
    return int(engine.collect(sql)["n"][0].as_py())


def test_a_second_run_asks_nothing(inner: Counting, tmp_path: Path) -> None:
    """The same calls in the same order find the kept result, whatever process made it."""
    assert total(inner, tmp_path / "kept", [1, 2]) == 3
    assert total(inner, tmp_path / "kept", [1, 2]) == 3
    assert inner.asked == 1


def test_another_table_view_or_query_is_asked_anew(inner: Counting, tmp_path: Path) -> None:
    """Also a table of the same size with other values."""
    kept = tmp_path / "kept"
    assert total(inner, kept, [1, 2]) == 3
    assert total(inner, kept, [1, 2, 3]) == 6
    assert total(inner, kept, [5, 6]) == 11
    assert total(inner, kept, [1, 2], sql="SELECT max(n) AS n FROM t") == 2
    assert total(inner, kept, [1, 2], view="SELECT 2 AS a") == 3
    assert inner.asked == 5


def test_an_unfinished_result_is_not_used(inner: Counting, tmp_path: Path) -> None:
    """What a killed run had half written is made again."""
    kept = tmp_path / "kept"
    total(inner, kept, [1, 2])
    (result,) = kept.iterdir()
    result.rename(result.with_suffix(".partial"))
    assert total(inner, kept, [1, 2]) == 3
    assert inner.asked == 2


def test_kept_results_keep_their_types(inner: Counting, tmp_path: Path) -> None:
    """A result read back equals the result first given, schema and nulls included."""
    sql = "SELECT 1::TINYINT AS a, NULL::VARCHAR AS b, [1, 2] AS c, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS d"
    first = MaterialisedEngine(inner, tmp_path / "kept").collect(sql)
    again = MaterialisedEngine(inner, tmp_path / "kept").collect(sql)
    assert again.schema == first.schema
    assert again.equals(first)
