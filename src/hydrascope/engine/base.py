"""What the pipeline needs of a data engine: six calls, no more.

Tables live as Parquet between stages, so that any engine can take over where another stopped. The SQL is
the portable subset kept in `hydrascope.engine.sql`: no decimal literals (`1e0`, not `1.0`), no engine hash,
at most one count(distinct) in an aggregate, and an explicit order wherever a result is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

__all__ = ["Engine"]


class Engine(Protocol):
    """Computes tables; holds no state that cannot be rebuilt from Parquet."""

    name: str

    def view(self, name: str, files: str | Path | Sequence[str | Path]) -> None:
        """Name one Parquet file, a glob of them, or several files by name, so that SQL can read them."""

    def register(self, name: str, table: pa.Table) -> None:
        """Name a small in-memory table so that SQL can read it."""

    def define(self, name: str, sql: str) -> None:
        """Name a query as a view."""

    def collect(self, sql: str) -> pa.Table:
        """The whole result, in memory: for results the size of accounts, not of exchanges."""

    def stream(self, sql: str) -> Iterator[pa.RecordBatch]:
        """The result batch by batch, in no promised order."""

    def write(self, sql: str, path: Path) -> None:
        """The result as one Parquet file, written beside `path` and renamed into place."""

    def close(self) -> None:
        """Give memory and temporary files back."""
