"""The lake as folders of Parquet: LAKE/date=2026-03-02/hour=7/STATE-PART.parquet, each file whole from the start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.pipeline.lake.rows import PARTITIONS
from hydrascope.pipeline.watch.journal import flush

__all__ = ["ParquetLake"]

_HOUR_US = 3_600_000_000


class ParquetLake:
    """Hive-partitioned Parquet; readers of a running state see a part's hours appear one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._partial = folder / "_partial"
        folder.mkdir(parents=True, exist_ok=True)

    def last(self, state: str) -> int:
        """Nothing is known: a part that was there already is written again, to the same names."""
        return -1

    def append(self, rows: pa.Table, *, state: str, part: int) -> None:
        """Add a part's rows, or replace them with the same."""
        for place, piece in _hours(rows):
            target = self._folder / place
            target.mkdir(parents=True, exist_ok=True)
            self._replace(target / f"{state}-{part:08d}.parquet", piece)
            flush(target)

    def delete_account(self, account_id: str) -> None:
        """Rewrite every file that holds rows of the account."""
        for path in self._files():
            self._keep(path, lambda rows: pc.not_equal(rows["account_id"], account_id))

    def retain_since(self, at_us: int) -> None:
        """Remove rows that began before; files of later hours are not opened."""
        limit = pa.scalar(at_us, pa.int64())
        for path in self._files():
            if _hour_us(path) < at_us:
                self._keep(path, lambda rows: pc.greater_equal(rows["started_at"].cast(pa.int64()), limit))

    def _keep(self, path: Path, wanted: Callable[[pa.Table], pa.ChunkedArray]) -> None:
        rows = pq.read_table(path, partitioning=None)
        kept = rows.filter(wanted(rows))
        if not len(kept):
            path.unlink()
        elif len(kept) < len(rows):
            self._replace(path, kept)

    def _replace(self, path: Path, rows: pa.Table) -> None:
        self._partial.mkdir(exist_ok=True)
        partial = self._partial / path.name
        pq.write_table(rows, partial, compression="zstd")
        flush(partial)
        partial.replace(path)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("date=*/hour=*/*.parquet"))


def _hours(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Each partition's folder and its rows; `rows` are ordered by time."""
    hours = rows["started_at"].cast(pa.int64()).to_numpy() // _HOUR_US
    starts = np.flatnonzero(np.diff(hours, prepend=hours[:1] - 1))
    data = rows.drop_columns(list(PARTITIONS))
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(rows)], strict=True):
        date, hour = rows["date"][start].as_py(), rows["hour"][start].as_py()
        yield f"date={date}/hour={hour}", data.slice(start, stop - start)


def _hour_us(path: Path) -> int:
    date, hour = (folder.partition("=")[2] for folder in (path.parts[-3], path.parts[-2]))
    return int(np.datetime64(date, "us").astype(np.int64)) + int(hour) * _HOUR_US
