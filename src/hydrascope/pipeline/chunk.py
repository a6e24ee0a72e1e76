"""One chunk of a log is read once: its files and its record of what was read are kept, and made again if damaged."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from hydrascope.features.observer import KINDS, ObserveSettings, PartObserver
from hydrascope.ingest import LogPart, Rejects
from hydrascope.pipeline.whole import digest_of

__all__ = ["Told", "observe_chunk"]

_Kept = tuple[dict[str, int], Rejects]


class Told(Protocol):
    """Is told of each batch and of each part that is done."""

    def batch(self, n_rows: int) -> None:
        """So many rows were observed."""

    def part(self, part: LogPart) -> None:
        """All of a part was observed."""


class _Nobody:
    def batch(self, n_rows: int) -> None:
        """Nothing."""

    def part(self, part: LogPart) -> None:
        """Nothing."""


def observe_chunk(
    stages: Path,
    number: int,
    parts: Sequence[LogPart],
    settings: ObserveSettings,
    *,
    transform: Callable[[pa.RecordBatch], pa.RecordBatch] | None = None,
    told: Told | None = None,
) -> _Kept:
    """Rows by file and rejects of a chunk; read and sketched now, unless that was done before and is still whole.

    Args:
        stages: where its files go, as `KIND/NUMBER.parquet`, and its record, as `done/NUMBER.pickle`.
        number: of the chunk in the log.
        transform: applied to every batch.
        told: of the progress.
    """
    name, told = f"{number:06d}", told or _Nobody()
    done = stages / "done" / f"{name}.pickle"
    if (kept := _read_done(done, stages, name)) is not None:
        return kept
    counts: dict[str, int] = {}
    rejects = Rejects()
    with PartObserver(stages, name, settings) as observer:
        for part in parts:
            for batch in part.batches(rejects):
                observer.observe(transform(batch) if transform else batch)
                counts[part.file.path] = counts.get(part.file.path, 0) + len(batch)
                told.batch(len(batch))
            told.part(part)
    done.parent.mkdir(parents=True, exist_ok=True)
    partial = done.with_suffix(".partial")
    partial.write_bytes(pickle.dumps((counts, rejects, _digests(stages, name))))
    partial.replace(done)
    return counts, rejects


def _read_done(done: Path, stages: Path, name: str) -> _Kept | None:
    """What was read before; None where there is no record, or where it or a file of the chunk is damaged."""
    try:
        counts, rejects, digests = pickle.loads(done.read_bytes())
    except FileNotFoundError:
        return None
    except Exception:  # a damaged pickle can raise anything
        return None
    return (counts, rejects) if digests == _digests(stages, name) else None


def _digests(stages: Path, name: str) -> dict[str, str]:
    paths = (stages / kind / f"{name}.parquet" for kind in KINDS)
    return {path.parent.name: digest_of(path) for path in paths if path.exists()}
