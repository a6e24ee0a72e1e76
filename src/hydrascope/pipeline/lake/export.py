"""Parts of a state go to the lake, each once."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope.errors import UsageError, nearest
from hydrascope.features.observed import VALUES
from hydrascope.pipeline.lake.delta import DeltaLake
from hydrascope.pipeline.lake.parquet import ParquetLake
from hydrascope.pipeline.lake.rows import readable_rows
from hydrascope.pipeline.watch import State
from hydrascope.pipeline.watch.journal import Part

__all__ = ["FORMATS", "Lake", "open_lake"]

FORMATS = ("parquet", "delta")


class _Table(Protocol):
    def last(self, state: str) -> int:
        """The number of the state's last part that is there, as far as that is known; else -1."""

    def append(self, rows: pa.Table, *, state: str, part: int) -> None:
        """Add a part; again is the same as once."""

    def delete_account(self, account_id: str) -> None:
        """Remove an account's rows."""

    def retain_since(self, at_us: int) -> None:
        """Remove rows that began before that time, in microseconds since 1970."""


class Lake:
    """A lake that a state's parts go to; made by `open_lake`."""

    def __init__(self, table: _Table) -> None:
        self._table = table

    def export(self, state: State) -> int:
        """Add every part that is not there yet; the exchanges added."""
        waiting = sorted((p for p in state.journal.parts if not p.exported), key=lambda p: int(p.name))
        if not waiting:
            return 0
        name = state.identity()
        last, added = self._table.last(name), 0
        for part in waiting:
            if int(part.name) > last and "rows" in part.files:
                self._table.append(_read(state, part), state=name, part=int(part.name))
                added += part.n_exchanges
        state.mark_exported([p.name for p in waiting])
        return added

    def delete_account(self, account_id: str) -> None:
        """Remove an account's rows; before they are removed from the state, so that it can be tried again."""
        self._table.delete_account(account_id)

    def retain_since(self, at_us: int) -> None:
        """Remove rows that began before that time, in microseconds since 1970."""
        self._table.retain_since(at_us)


def open_lake(folder: Path, format: str) -> Lake:
    """The lake in `folder`, made where there is none.

    Args:
        format: one of `FORMATS`.

    Raises:
        UsageError: an unknown format, or one whose extra is not installed.
    """
    if format not in FORMATS:
        raise UsageError(f"unknown lake format '{format}'", hint=nearest(format, FORMATS))
    return Lake(DeltaLake(folder) if format == "delta" else ParquetLake(folder))


def _read(state: State, part: Part) -> pa.Table:
    rows = pq.read_table(state.verify(part, "rows"))
    values = pq.read_table(state.verify(part, "values")) if "values" in part.files else VALUES.empty_table()
    return readable_rows(rows, values)
