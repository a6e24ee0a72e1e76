"""One chunk of a log is read once: its files and its record of what was read are kept, and made again if damaged."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from hydrascope.features.observer import KINDS, ObserveSettings, PartObserver
from hydrascope.features.sample_cuts import PartCuts
from hydrascope.ingest import LogPart, Rejects
from hydrascope.pipeline.whole import digest_of
from hydrascope.storage import file_facts, is_remote, join, read_bytes, send_file, write_bytes

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
    stages: str | Path,
    number: int,
    parts: Sequence[LogPart],
    settings: ObserveSettings,
    *,
    transform: Callable[[pa.RecordBatch], pa.RecordBatch] | None = None,
    cuts: PartCuts | None = None,
    told: Told | None = None,
) -> _Kept:
    """Rows by file and rejects of a chunk; read and sketched now, unless that was done before and is still whole.

    Args:
        stages: folder or store where its files go, as `KIND/NUMBER.parquet`, and its record, as `done/NUMBER.pickle`.
        number: of the chunk in the log.
        transform: applied to every batch.
        cuts: what need not be kept.
        told: of the progress.
    """
    name, told = f"{number:06d}", told or _Nobody()
    done = join(stages, "done", f"{name}.pickle")
    if (kept := _read_done(done, stages, name)) is not None:
        return kept
    counts: dict[str, int] = {}
    rejects = Rejects()
    with _place_to_write(stages) as folder, PartObserver(folder, name, settings, cuts) as observer:
        for part in parts:
            for batch in part.batches(rejects):
                observer.observe(transform(batch) if transform else batch)
                counts[part.file.path] = counts.get(part.file.path, 0) + len(batch)
                told.batch(len(batch))
            told.part(part)
    write_bytes(done, pickle.dumps((counts, rejects, _digests(stages, name))))
    return counts, rejects


@contextmanager
def _place_to_write(stages: str | Path) -> Iterator[Path]:
    """The stage's folder; for a store, one on this disk whose files are sent when all are whole."""
    if not is_remote(stages):
        yield Path(stages)
        return
    with tempfile.TemporaryDirectory(prefix="hydrascope-") as local:
        yield Path(local)
        for path in sorted(Path(local).rglob("*.parquet")):
            send_file(path, str(join(stages, path.parent.name, path.name)))


def _read_done(done: str | Path, stages: str | Path, name: str) -> _Kept | None:
    """What was read before; None where there is no record, or where it or a file of the chunk is damaged."""
    try:
        counts, rejects, digests = pickle.loads(read_bytes(done))
    except FileNotFoundError:
        return None
    except Exception:  # a damaged pickle can raise anything
        return None
    return (counts, rejects) if digests == _digests(stages, name) else None


def _digests(stages: str | Path, name: str) -> dict[str, str]:
    """By kind; a store looks after its objects' bytes itself, so their size will do."""
    found = {}
    for kind in KINDS:
        path = join(stages, kind, f"{name}.parquet")
        if (facts := file_facts(path)) is not None:
            found[kind] = str(facts.size_bytes) if is_remote(path) else digest_of(Path(path))
    return found
