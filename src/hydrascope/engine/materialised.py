"""An engine that keeps every collected result as Parquet, so that an interrupted scan resumes where it stopped."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope.engine.base import Engine

__all__ = ["MaterialisedEngine"]


class _Digest(io.RawIOBase):
    """A file that only takes note of what is written to it."""

    def __init__(self, digest: hashlib._Hash) -> None:
        self._digest = digest

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._digest.update(data)
        return len(data)


class MaterialisedEngine:
    """Wraps an engine; a result is found again by its SQL and by all views and tables that were named before it.

    Args:
        engine: does the work.
        folder: holds the results of one scan of one input; another input needs another folder.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = engine.name
        self._engine = engine
        self._folder = folder
        self._history = hashlib.sha256()

    def view(self, name: str, files: str | Path | Sequence[str | Path]) -> None:
        self._engine.view(name, files)

    def register(self, name: str, table: pa.Table) -> None:
        self._history.update(f"{name}:{table.num_rows}".encode())
        with pa.ipc.new_stream(pa.PythonFile(_Digest(self._history), "w"), table.schema) as content:
            content.write_table(table.combine_chunks())
        self._engine.register(name, table)

    def define(self, name: str, sql: str) -> None:
        self._history.update(f"{name}={sql}".encode())
        self._engine.define(name, sql)

    def collect(self, sql: str) -> pa.Table:
        digest = self._history.copy()
        digest.update(sql.encode())
        path = self._folder / f"{digest.hexdigest()[:24]}.parquet"
        kept = _read(path)
        if kept is not None:
            return kept
        partial = path.with_suffix(".partial")
        pq.write_table(self._engine.collect(sql), partial, compression="zstd")
        partial.replace(path)
        return pq.read_table(path)

    def stream(self, sql: str) -> Iterator[pa.RecordBatch]:
        return self._engine.stream(sql)

    def write(self, sql: str, path: Path) -> None:
        self._engine.write(sql, path)

    def close(self) -> None:
        self._engine.close()


def _read(path: Path) -> pa.Table | None:
    """A kept result; None where there is none, or where it is damaged and must be computed again."""
    try:
        return pq.read_table(path)
    except (FileNotFoundError, pa.ArrowException, OSError):
        return None
