"""Reading a log on Spark's workers: the same kernels, one task a chunk, through mapInArrow.

Workers read the log's files and write the stage's Parquet themselves, so both must be on storage that they see: a
shared folder, or an object store. A task may be tried twice, and two tries may run at once: each writes the same files
with the same bytes, and its `done` record last.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydrascope.engine.limits import share_memory
from hydrascope.engine.spark import SparkEngine
from hydrascope.ingest import LogPart, Rejects
from hydrascope.pipeline.chunk import observe_chunk
from hydrascope.pipeline.settings import ScanSettings
from hydrascope.storage import is_remote, join

__all__ = ["observe_remotely"]


def observe_remotely(
    stages: str | Path, chunks: Sequence[Sequence[LogPart]], settings: ScanSettings
) -> Iterator[tuple[dict[str, int], Rejects]]:
    """Observe every chunk that is not done yet; rows by file, and rejects, of each chunk in order."""
    absolute = stages if is_remote(stages) else Path(stages).resolve()
    payloads = [pickle.dumps((absolute, n, list(c), settings.observe)) for n, c in enumerate(chunks)]
    memory = share_memory(settings.memory_bytes, settings.workers).engine_bytes
    engine = SparkEngine(memory_bytes=memory, workers=settings.workers, scratch=join(absolute, "spill"))
    try:
        for result in engine.map_parts(_observe_payload, payloads):
            counts, rejects = pickle.loads(result)
            yield counts, rejects
    finally:
        engine.close()


def _observe_payload(payload: bytes) -> bytes:
    return pickle.dumps(observe_chunk(*pickle.loads(payload)))
