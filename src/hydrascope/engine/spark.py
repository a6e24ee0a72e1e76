"""The engine for data that outgrows one machine: Spark SQL, spoken to a cluster or to a local stand-in.

The SQL is the same text that DuckDB gets. The few words that Spark spells otherwise are exchanged in `spark_sql`
and nowhere else; integers and hashes are computed by our own kernels or by integer arithmetic, so the results
are the same to the bit.

Where it runs is one string: `sc://host:port` (Spark Connect, as managed clusters offer it), `sail` (a Sail server
inside this process, for tests and laptops), or a Spark master such as `local-cluster[2,1,1024]` or `yarn`. The
stage folder must be on storage that driver and workers both see.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope.errors import HydrascopeError, ResourceError, UsageError
from hydrascope.storage import join, list_files, open_parquet, remove_folder, write_parquet

__all__ = ["TARGET_VARIABLE", "SparkEngine", "spark_sql"]

TARGET_VARIABLE = "HYDRASCOPE_SPARK"
"""Environment variable that names the cluster; `SPARK_REMOTE`, Spark's own, is read after it."""

_INLINE_BYTES = 16 << 20
"""Tables up to this size travel with the query; larger ones go through the scratch folder."""
_INSTALL = (
    "pip install 'hydrascope[sail]' for Spark Connect and Sail, or 'hydrascope[spark]' for Apache Spark"
)
_WORDS = {"unnest": "explode"}
_CALL = re.compile(r"\b(" + "|".join(_WORDS) + r")\(")


def spark_sql(sql: str) -> str:
    """The portable subset in Spark's words.

    >>> spark_sql("SELECT unnest(shingles) AS shingle FROM systems")
    'SELECT explode(shingles) AS shingle FROM systems'
    """
    return _CALL.sub(lambda found: _WORDS[found[1]] + "(", sql)


class SparkEngine:
    """One Spark session.

    Args:
        target: where to compute (module docstring); None: `HYDRASCOPE_SPARK`, then `SPARK_REMOTE`, then `sail`.
        scratch: folder, or a store's, for what is too large to travel with a query; seen by driver and workers.
        memory_bytes: memory of the driver where this process starts it; a cluster has its own limits.
        workers: threads of a local session and partitions of a shuffle on it.

    Raises:
        UsageError: the Python packages for the target are not installed.
        ResourceError: the target does not answer.
    """

    name = "spark"

    def __init__(
        self, target: str | None = None, *, scratch: str | Path, memory_bytes: int = 4 << 30, workers: int = 2
    ) -> None:
        self.target = target or os.environ.get(TARGET_VARIABLE) or os.environ.get("SPARK_REMOTE") or "sail"
        self._scratch = join(scratch, uuid.uuid4().hex[:12])
        self._server: Any = None
        self._session = self._open(memory_bytes, workers)
        self._session.conf.set("spark.sql.session.timeZone", "UTC")

    def view(self, name: str, files: str | Path | Sequence[str | Path]) -> None:
        paths = [str(f) for f in ([files] if isinstance(files, str | Path) else files)]
        self._try(lambda: self._session.read.parquet(*paths).createOrReplaceTempView(name))

    def register(self, name: str, table: pa.Table) -> None:
        if table.nbytes > _INLINE_BYTES:
            path = self._fresh_path(f"{name}.parquet")
            write_parquet(path, table)
            self.view(name, path)
            return
        self._try(lambda: self._frame(table).createOrReplaceTempView(name))

    def define(self, name: str, sql: str) -> None:
        self._try(lambda: self._session.sql(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS {spark_sql(sql)}"))

    def collect(self, sql: str) -> pa.Table:
        table: pa.Table = self._try(lambda: self._session.sql(spark_sql(sql)).toArrow())
        return table

    def stream(self, sql: str) -> Iterator[pa.RecordBatch]:
        folder = self._fresh_path("stream")
        self._try(lambda: self._session.sql(spark_sql(sql)).write.parquet(str(folder)))
        try:
            for part in list_files(folder, ".parquet"):
                with open_parquet(part) as file:
                    yield from file.iter_batches(1_000_000)
        finally:
            remove_folder(folder)

    def write(self, sql: str, path: Path) -> None:
        partial = path.with_suffix(".partial")
        writer: pq.ParquetWriter | None = None
        for batch in self.stream(sql):
            writer = writer or pq.ParquetWriter(partial, batch.schema, compression="zstd")
            writer.write_batch(batch)
        if writer is None:
            pq.write_table(self.collect(sql), partial, compression="zstd")
        else:
            writer.close()
        partial.replace(path)

    def map_parts(self, work: Callable[[bytes], bytes], payloads: Sequence[bytes]) -> Iterator[bytes]:
        """Results of `work` on each payload, one task a payload, on the workers; in the payloads' order.

        Args:
            work: picklable; its modules must be installed on every worker.
            payloads: what each task gets; a task may be tried twice, so `work` must be idempotent.
        """

        def each(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                results = [work(payload) for payload in batch["payload"].to_pylist()]
                yield pa.RecordBatch.from_arrays(
                    [batch["number"], pa.array(results, pa.binary())], names=["number", "result"]
                )

        if not payloads:
            return
        table = pa.table({"number": pa.array(range(len(payloads)), pa.int64()), "payload": list(payloads)})
        frame = self._session.createDataFrame(table).repartition(len(payloads), "number")
        found = self._try(lambda: frame.mapInArrow(each, "number bigint, result binary").toArrow())
        yield from found.sort_by("number")["result"].to_pylist()

    def close(self) -> None:
        remove_folder(self._scratch)
        self._session.stop()
        if self._server is not None:
            self._server.stop()

    def _frame(self, table: pa.Table) -> Any:
        if len(table):
            return self._session.createDataFrame(table.combine_chunks())
        # Spark Connect asks for at least one row to see the types.
        one = pa.table([pa.nulls(1, f.type) for f in table.schema], names=table.column_names)
        return self._session.createDataFrame(one).where("1 = 0")

    def _fresh_path(self, name: str) -> str | Path:
        return join(self._scratch, f"{uuid.uuid4().hex[:12]}-{name}")

    def _open(self, memory_bytes: int, workers: int) -> Any:
        # The workers must run this interpreter, not whatever `python3` is there: it has our kernels.
        if not self.target.startswith("sc://"):
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = _module("pyspark.sql").SparkSession.builder.appName("hydrascope")
        try:
            if self.target == "sail":
                return builder.remote(self._serve_sail()).getOrCreate()
            if self.target.startswith("sc://"):
                return builder.remote(self.target).getOrCreate()
            return _local(builder.master(self.target), memory_bytes, workers).getOrCreate()
        except HydrascopeError:
            raise
        except Exception as error:
            raise ResourceError(
                f"Spark does not answer at '{self.target}': {_first_line(error)}",
                hint=f"set {TARGET_VARIABLE} to sc://host:port, sail, or a Spark master such as local[2]",
            ) from error

    def _serve_sail(self) -> str:
        os.environ.setdefault("RUST_LOG", "error")
        self._server = _module("pysail.spark").SparkConnectServer("127.0.0.1", 0)
        self._server.start(background=True)
        _, port = self._server.listening_address
        return f"sc://127.0.0.1:{port}"

    def _try(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:
            if type(error).__module__.split(".")[0] not in ("pyspark", "py4j", "grpc"):
                raise
            raise ResourceError(
                f"Spark failed: {_first_line(error)}",
                hint="see docs/spark.md for the usual causes, then run the same command again; finished stages are kept",
            ) from error


def _local(builder: Any, memory_bytes: int, workers: int) -> Any:
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": f"{max(memory_bytes // 2**20, 512)}m",
        "spark.driver.maxResultSize": "0",
        "spark.sql.shuffle.partitions": str(max(workers * 2, 2)),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UsageError(
            f"the engine 'spark' needs {name.split('.', maxsplit=1)[0]}", hint=_INSTALL
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
