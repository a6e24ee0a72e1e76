"""The same SQL and the same kernels on Spark give the same findings, byte for byte.

`HYDRASCOPE_SPARK` names where, Sail by default; `conftest.py` can start a Spark Connect server.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hydrascope.engine.spark import TARGET_VARIABLE, SparkEngine
from hydrascope.errors import ResourceError
from hydrascope.pipeline import ScanSettings, scan
from hydrascope.simulate import read_scenario, simulate_world

pytestmark = pytest.mark.spark
pytest.importorskip("pyspark")
if "HYDRASCOPE_SPARK_SERVE" not in os.environ and os.environ.get(TARGET_VARIABLE, "sail") == "sail":
    pytest.importorskip("pysail")

FINDINGS = ("campaigns.parquet", "accounts.parquet", "links.parquet", "campaigns.json", "rejects.jsonl")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEngine]:
    """One session for the small tests."""
    engine = SparkEngine(scratch=tmp_path_factory.mktemp("scratch"), memory_bytes=1 << 30)
    yield engine
    engine.close()


def test_lists_become_rows(engine: SparkEngine) -> None:
    """`unnest` of the portable subset works, and integer widths stay."""
    engine.register("lists", pa.table({"a": pa.array([1, 2], pa.int32()), "l": [[7, 8], [9]]}))
    rows = engine.collect("SELECT a, unnest(l) AS v FROM lists").sort_by("v")
    assert rows["v"].to_pylist() == [7, 8, 9]
    assert rows["a"].type == pa.int32()


def test_division_by_a_double_literal_is_no_decimal(engine: SparkEngine) -> None:
    """`1e0` is a double on Spark as on DuckDB."""
    engine.register("numbers", pa.table({"a": [1, 2, 4]}))
    assert engine.collect("SELECT a / 3e0 AS s FROM numbers")["s"].to_pylist() == [1 / 3, 2 / 3, 4 / 3]


def test_an_empty_table_keeps_its_columns(engine: SparkEngine) -> None:
    """Stages without rows are registered as empty tables."""
    engine.register("nothing", pa.schema([("a", pa.int64()), ("l", pa.list_(pa.int64()))]).empty_table())
    assert engine.collect("SELECT a, l FROM nothing").num_rows == 0


def test_large_tables_go_through_the_scratch_folder(engine: SparkEngine) -> None:
    """What is too large for a message arrives whole."""
    engine.register("large", pa.table({"a": range(2_500_000)}))
    assert engine.collect("SELECT sum(a) AS s FROM large")["s"].to_pylist() == [2_500_000 * 2_499_999 // 2]


def test_write_gives_one_file(engine: SparkEngine, tmp_path: Path) -> None:
    """A written result is one Parquet file, also when it is empty."""
    engine.register("numbers", pa.table({"a": [3, 1, 2]}))
    engine.write("SELECT a FROM numbers", tmp_path / "some.parquet")
    engine.write("SELECT a FROM numbers WHERE a > 5", tmp_path / "none.parquet")
    assert sorted(pq.read_table(tmp_path / "some.parquet")["a"].to_pylist()) == [1, 2, 3]
    assert pq.read_table(tmp_path / "none.parquet").num_rows == 0


def test_kernels_work_on_the_workers(engine: SparkEngine) -> None:
    """`map_parts` gives each payload's result in order."""
    payloads = [bytes([i]) for i in range(7)]
    assert list(engine.map_parts(lambda payload: payload * 2, payloads)) == [p * 2 for p in payloads]


def test_a_failing_query_says_so(engine: SparkEngine) -> None:
    """Spark's own error becomes one line with a hint."""
    engine.register("numbers", pa.table({"a": [1]}))
    with pytest.raises(ResourceError, match="Spark failed"):
        engine.collect("SELECT no_such_column FROM numbers")


def test_findings_are_those_of_duckdb(tmp_path: Path) -> None:
    """A simulated world, scanned by both engines: the same bytes."""
    scale = float(os.environ.get("HYDRASCOPE_SPARK_SCALE", "0.06"))
    demo = read_scenario("demo")
    answering = replace(demo, world=replace(demo.world, completions="short"))
    simulate_world(answering, tmp_path / "world", scale=scale, workers=1)
    tables = {n: str(tmp_path / "world" / f"{n}.parquet") for n in ("accounts", "events")}
    for engine in ("duckdb", "spark"):
        settings = ScanSettings(engine=engine)
        scan([str(tmp_path / "world" / "exchanges")], tmp_path / engine, settings=settings, **tables)
    for name in FINDINGS:
        assert (tmp_path / "spark" / name).read_bytes() == (tmp_path / "duckdb" / name).read_bytes(), name
    assert pq.read_table(tmp_path / "spark" / "campaigns.parquet").num_rows > 0
