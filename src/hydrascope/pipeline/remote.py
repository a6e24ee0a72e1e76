"""Reading a log on Spark's workers: the same kernels, one task a chunk, through mapInArrow.

The workers read the log's files and write the stage's Parquet themselves, so both must be on storage that they see.
A task may be tried twice: it writes the same files with the same bytes, and its `done` record last.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydrascope.engine.limits import share_memory
from hydrascope.engine.spark import SparkEngine
from hydrascope.features.observer import PartObserver
from hydrascope.ingest import LogPart, Rejects
from hydrascope.pipeline.settings import ScanSettings

__all__ = ["observe_remotely"]


def observe_remotely(
    stages: Path, chunks: Sequence[Sequence[LogPart]], settings: ScanSettings
) -> Iterator[tuple[dict[str, int], Rejects]]:
    """Observe every chunk that is not done yet; rows by file, and rejects, of each chunk in order."""
    absolute = str(stages.resolve())
    payloads = [pickle.dumps((absolute, n, list(c), settings.observe)) for n, c in enumerate(chunks)]
    memory = share_memory(settings.memory_bytes, settings.workers).engine_bytes
    engine = SparkEngine(memory_bytes=memory, workers=settings.workers, scratch=stages / "spill")
    try:
        for result in engine.map_parts(_observe_chunk, payloads):
            counts, rejects = pickle.loads(result)
            yield counts, rejects
    finally:
        engine.close()


def _observe_chunk(payload: bytes) -> bytes:
    folder, number, parts, settings = pickle.loads(payload)
    stages = Path(folder)
    done = stages / "done" / f"{number:06d}.pickle"
    if done.exists():
        return done.read_bytes()
    counts: dict[str, int] = {}
    rejects = Rejects()
    with PartObserver(stages, f"{number:06d}", settings) as observer:
        for part in parts:
            for batch in part.batches(rejects):
                observer.observe(batch)
                counts[part.file.path] = counts.get(part.file.path, 0) + len(batch)
    result = pickle.dumps((counts, rejects))
    done.parent.mkdir(parents=True, exist_ok=True)
    partial = done.with_suffix(".partial")
    partial.write_bytes(result)
    partial.replace(done)
    return result
