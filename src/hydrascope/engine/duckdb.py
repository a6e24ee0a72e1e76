"""The default engine: DuckDB in this process, under a stated memory limit, spilling to disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa

from hydrascope.errors import ResourceError

__all__ = ["DuckEngine"]

_Result = TypeVar("_Result")


class DuckEngine:
    """One connection with its limits.

    Args:
        memory_bytes: DuckDB's own limit; the kernels' memory comes on top.
        threads: worker threads.
        spill: folder for what does not fit.
    """

    name = "duckdb"

    def __init__(self, *, memory_bytes: int, threads: int, spill: Path) -> None:
        spill.mkdir(parents=True, exist_ok=True)
        self._connection = duckdb.connect(":memory:")
        for setting in (
            f"SET memory_limit='{memory_bytes // 2**20}MiB'",
            f"SET threads={threads}",
            f"SET temp_directory={_quoted(spill)}",
            "SET preserve_insertion_order=false",
            "SET TimeZone='UTC'",
            "SET enable_external_file_cache=false",  # the system keeps files in memory that is not ours
        ):
            self._connection.execute(setting)

    def view(self, name: str, files: str | Path | Sequence[str | Path]) -> None:
        listed = ", ".join(map(_quoted, [files] if isinstance(files, str | Path) else files))
        self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet([{listed}])")

    def register(self, name: str, table: pa.Table) -> None:
        self._connection.register(name, table)

    def define(self, name: str, sql: str) -> None:
        self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS {sql}")

    def collect(self, sql: str) -> pa.Table:
        return self._execute(self._reader(sql).read_all)

    def stream(self, sql: str) -> Iterator[pa.RecordBatch]:
        reader = self._reader(sql)
        while (batch := self._execute(partial(next, reader, None))) is not None:
            yield batch

    def write(self, sql: str, path: Path) -> None:
        unfinished = path.with_suffix(".partial")
        copy = f"COPY ({sql}) TO {_quoted(unfinished)} (FORMAT parquet, COMPRESSION zstd)"
        self._execute(lambda: self._connection.execute(copy))
        unfinished.replace(path)

    def close(self) -> None:
        self._connection.close()

    def _reader(self, sql: str) -> pa.RecordBatchReader:
        # Asked of a relation, not of a cursor: from a cursor DuckDB copies the rows once more, and warns of it.
        return self._execute(partial(self._read_arrow, sql))

    def _read_arrow(self, sql: str) -> pa.RecordBatchReader:
        relation = self._connection.sql(sql)
        # The method was renamed in DuckDB 2.
        read = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
        return read(1_000_000)

    def _execute(self, work: Callable[[], _Result]) -> _Result:
        try:
            return work()
        except duckdb.OutOfMemoryException as error:
            raise _out_of_memory(error) from error
        except duckdb.IOException as error:
            raise _not_written(error) from error
        except (
            OSError
        ) as error:  # what DuckDB meets while Arrow reads on; it keeps the name in the text alone
            if str(error).startswith("Out of Memory Error"):
                raise _out_of_memory(error) from error
            if str(error).startswith("IO Error"):
                raise _not_written(error) from error
            raise


def _out_of_memory(error: Exception) -> ResourceError:
    return ResourceError(
        f"DuckDB ran out of memory: {str(error).splitlines()[0]}",
        hint="run the same command again with a larger --memory; finished stages are kept",
    )


def _not_written(error: Exception) -> ResourceError:
    return ResourceError(
        f"reading or writing failed: {str(error).splitlines()[0]}",
        hint="check the free space of the output folder, then run the same command again",
    )


def _quoted(path: Path | str) -> str:
    return "'" + str(path).replace("'", "''") + "'"
