"""Read, detect, write: one scan from its inputs to its findings folder.

Each part of the log, and each result of the engine, is kept as Parquet in the findings folder until the scan
is done, under a name made of the input and the settings: the same command after an interruption goes on where
it stopped, and another input never picks up its leftovers.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from hydrascope import __version__
from hydrascope.campaigns.observations import QUANTITIES
from hydrascope.engine.base import Engine
from hydrascope.engine.duckdb import DuckEngine
from hydrascope.engine.limits import share_memory
from hydrascope.engine.materialised import MaterialisedEngine
from hydrascope.engine.spark import SparkEngine
from hydrascope.errors import InputError, UsageError, nearest
from hydrascope.features.incidence import CHANNELS
from hydrascope.features.rows import resolve_rows
from hydrascope.ingest import ColumnMap, LogPart, LogSource, Rejects, open_log, read_accounts, read_events
from hydrascope.pipeline.chunk import observe_chunk
from hydrascope.pipeline.control import Control
from hydrascope.pipeline.detect import Detection, detect
from hydrascope.pipeline.follow import follow
from hydrascope.pipeline.lock import hold_lock
from hydrascope.pipeline.memory import read_history, read_memory
from hydrascope.pipeline.output import (
    describe_run,
    make_folder,
    room_to_write,
    write_findings,
    write_manifest,
)
from hydrascope.pipeline.remote import observe_remotely
from hydrascope.pipeline.sampling import read_cuts
from hydrascope.pipeline.settings import ScanSettings
from hydrascope.records import FAMILIES
from hydrascope.storage import file_facts, is_remote, join, remove_folder

__all__ = ["Clock", "Progress", "ScanResult", "open_engine", "scan"]

_CHUNK_BYTES = 128 << 20
_LEAST_CHUNK_BYTES = 2 << 20
_CHUNKS = 16
"""A log is read in at least so many pieces where it is not tiny, whatever the number of workers."""


class Progress(Protocol):
    """What a scan tells while it works; both calls must be cheap and may come from several threads."""

    def stage(self, name: str, total: int | None) -> None:
        """A stage begins; `total` is its size in bytes where that is known."""

    def advance(self, *, size: int, rows: int) -> None:
        """So many bytes and rows of the current stage are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """What a scan leaves behind."""

    folder: Path
    campaigns: pa.Table
    """`schema.FINDINGS_CAMPAIGNS`."""
    n_exchanges: int
    n_accounts: int
    n_rejects: int
    manifest: dict[str, Any]


class _Silent:
    def stage(self, name: str, total: int | None) -> None:
        """Nothing."""

    def advance(self, *, size: int, rows: int) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class _Told:
    """Passes a chunk's progress on, in bytes of the log."""

    progress: Progress
    weights: dict[int, int]

    def batch(self, n_rows: int) -> None:
        self.progress.advance(size=0, rows=n_rows)

    def part(self, part: LogPart) -> None:
        self.progress.advance(size=self.weights[part.file.index], rows=0)


class Clock:
    """Seconds and processor seconds by stage."""

    def __init__(self) -> None:
        self.timings: dict[str, dict[str, float]] = {}

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.timings[name] = {
            "wall_s": round(time.perf_counter() - wall, 3),
            "cpu_s": round(time.process_time() - cpu, 3),
        }


def scan(
    paths: Sequence[str],
    out: Path,
    *,
    accounts: str | None = None,
    events: str | None = None,
    format: str | None = None,
    column_map: ColumnMap | None = None,
    control: Control | None = None,
    settings: ScanSettings | None = None,
    progress: Progress | None = None,
    transform: Callable[[pa.RecordBatch], pa.RecordBatch] | None = None,
    transform_files: Sequence[str] = (),
    rejects: Rejects | None = None,
    previous: Path | None = None,
) -> ScanResult:
    """Find the campaigns in a log and write the findings folder.

    Args:
        paths: files, folders or globs of the exchange log.
        out: the findings folder; created, and overwritten file by file.
        accounts, events: the optional tables of the contract.
        control: what the operator has decided beforehand.
        transform: applied to every batch after it is read: joins of edge logs, look-ups of addresses.
        transform_files: what it reads; other files make another scan, which picks up no leftovers of this one.
        rejects: what was rejected before, such as lines of an edge log; takes the log's as well.
        previous: findings folder of an earlier scan, whose campaign ids are carried on; may be `out` itself.

    Raises:
        FindingsError: `previous` is no findings folder.
        InputError: nothing could be read, or no exchange was left.
        ResourceError: memory or disk ran out; the same call later goes on where this one stopped.
    """
    settings, progress = settings or ScanSettings(), progress or _Silent()
    _check_names(settings)
    memory = None if previous is None else read_memory(previous)
    history = "" if previous is None or memory is None else read_history(previous, memory)
    source = open_log(list(paths), format=format, column_map=column_map)
    clock = Clock()
    make_folder(out, [f.path for f in source.files] + [t for t in (accounts, events) if t])
    rejects = Rejects() if rejects is None else rejects
    tables = (
        read_accounts(accounts, rejects) if accounts else None,
        read_events(events, rejects) if events else None,
    )
    mark = _fingerprint(source, settings, accounts, events, *transform_files)
    stages = join(settings.stages or out / ".stages", mark)
    with room_to_write(out), hold_lock(out, "findings folder", name=".lock"):
        with clock.time("read"):
            counts = _observe(source, stages, settings, progress, rejects, transform)
        progress.stage("Detect", None)
        engine = open_engine(settings, stages, results=out / ".stages" / mark / "results")
        try:
            with clock.time("resolve"):
                n_exchanges = resolve_rows(engine, stages, source, rejects)
            if n_exchanges == 0:
                raise InputError(
                    "no exchange could be read",
                    file=source.files[0].path,
                    hint=f"see {out / 'rejects.jsonl'}; force a format with --format or map columns with --map",
                )
            detection = detect(
                engine,
                *tables,
                settings=settings.detect,
                n_sketched=settings.observe.n_sketched,
                disabled=settings.disabled_families,
                seed=settings.seed,
                time_stage=clock.time,
                control=control,
            )
        except InputError:
            rejects.write(out / "rejects.jsonl")
            raise
        finally:
            engine.close()
        followed = follow(
            detection,
            memory,
            alpha=settings.detect.enforcement.q_value,
            sequence=memory is not None,
        )
        detection = followed.detection
        with clock.time("write"):
            campaigns = write_findings(out, followed, history)
            rejects.write(out / "rejects.jsonl")
        manifest = _manifest(source, settings, counts, n_exchanges, rejects, clock, detection)
        write_manifest(out, manifest)
        if not settings.keep_stages:
            remove_folder(stages)
            remove_folder(out / ".stages")
    return ScanResult(
        folder=out,
        campaigns=campaigns,
        n_exchanges=n_exchanges,
        n_accounts=len(detection.observations.population),
        n_rejects=len(rejects),
        manifest=manifest,
    )


def _check_names(settings: ScanSettings) -> None:
    if settings.engine == "duckdb" and settings.stages and is_remote(settings.stages):
        raise UsageError(
            "DuckDB keeps its intermediate tables on this machine's disk",
            hint="name a local folder with --stages",
        )
    if settings.engine not in ("duckdb", "spark"):
        raise UsageError(
            f"unknown engine '{settings.engine}'", hint=nearest(settings.engine, ["duckdb", "spark"])
        )
    known = {*FAMILIES, *CHANNELS, *QUANTITIES}
    for name in sorted(settings.disabled_families - known):
        raise UsageError(f"no evidence family or channel is called '{name}'", hint=nearest(name, known))


def open_engine(settings: ScanSettings, stages: str | Path, *, results: Path) -> Engine:
    """The engine that the settings name, reading `stages` and keeping what it finds in `results`."""
    engine: Engine
    workers, spill = settings.workers, join(stages, "spill")
    memory = share_memory(settings.memory_bytes, workers).engine_bytes
    if settings.engine == "spark":
        engine = SparkEngine(memory_bytes=memory, workers=workers, scratch=spill)
    else:
        engine = DuckEngine(memory_bytes=memory, threads=workers, spill=Path(spill))
    return MaterialisedEngine(engine, results)


def _fingerprint(source: LogSource, settings: ScanSettings, *tables: str | None) -> str:
    """Changes with any input file's path, size or time, and with any setting that findings depend on."""
    digest = hashlib.sha256(__version__.encode())
    digest.update(json.dumps(settings.material(), sort_keys=True, default=str).encode())
    for path in [f.path for f in source.files] + [t for t in tables if t]:
        if facts := file_facts(path):
            digest.update(f"{path}:{facts.size_bytes}:{facts.changed_ns}".encode())
    digest.update(repr([f.format for f in source.files]).encode())
    digest.update(repr(source.column_map).encode())
    return digest.hexdigest()[:16]


def _chunks(parts: Sequence[LogPart]) -> list[list[LogPart]]:
    """Neighbouring parts together up to a size, so that ten thousand small files do not make as many outputs."""
    chunks: list[list[LogPart]] = []
    weights = _weights(parts)
    most = sum(weights[part.file.index] for part in parts) // _CHUNKS
    most = min(max(most, _LEAST_CHUNK_BYTES), _CHUNK_BYTES)
    size = 0
    for part in parts:
        weight = weights[part.file.index]
        if not chunks or size + weight > most:
            chunks.append([])
            size = 0
        chunks[-1].append(part)
        size += weight
    return chunks


def _observe(
    source: LogSource,
    stages: str | Path,
    settings: ScanSettings,
    progress: Progress,
    rejects: Rejects,
    transform: Callable[[pa.RecordBatch], pa.RecordBatch] | None,
) -> dict[str, int]:
    """Read and sketch every chunk that is not done yet; rows read by file."""
    parts = source.parts()
    chunks, weights = _chunks(parts), _weights(parts)
    progress.stage("Read", source.size_bytes)
    rows: dict[str, int] = {f.path: 0 for f in source.files}

    told = _Told(progress, weights)
    cuts = None if transform else read_cuts(source, settings.observe, settings.workers)

    def observe(number: int) -> tuple[dict[str, int], Rejects]:
        return observe_chunk(
            stages, number, chunks[number], settings.observe, transform=transform, cuts=cuts, told=told
        )

    if settings.engine == "spark" and transform is None:
        results = observe_remotely(stages, chunks, settings)
    else:
        share = share_memory(settings.memory_bytes, settings.workers)
        results = _in_order(observe, len(chunks), share.workers)
    for counts, found in results:
        rejects.merge(found)
        for path, n in counts.items():
            rows[path] += n
    return rows


def _weights(parts: Sequence[LogPart]) -> dict[int, int]:
    """Number of a file to the bytes of each of its parts."""
    pieces = Counter(p.file.index for p in parts)
    return {p.file.index: p.file.size_bytes // pieces[p.file.index] for p in parts}


def _in_order(work: Callable[[int], Any], n: int, workers: int) -> Iterator[Any]:
    """Results of work(0..n-1) in order, `workers` at once; the first error stops what has not begun."""
    with ThreadPoolExecutor(workers) as pool:
        futures: list[Future[Any]] = [pool.submit(work, i) for i in range(n)]
        try:
            wait(futures, return_when=FIRST_COMPLETED)
            for future in futures:
                yield future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def _manifest(
    source: LogSource,
    settings: ScanSettings,
    counts: dict[str, int],
    n_exchanges: int,
    rejects: Rejects,
    clock: Clock,
    detection: Detection,
) -> dict[str, Any]:
    inputs = [
        {
            "file": os.fspath(f.path),
            "format": f.format,
            "bytes": f.size_bytes,
            "exchanges": counts[f.path],
        }
        for f in source.files
    ]
    return {
        **describe_run(settings, inputs, detection, rejects),
        "unknown_columns": list(source.unknown_columns),
        "ignored_files": list(source.ignored),
        "exchanges": n_exchanges,
        "first_seen": _iso(int(detection.observations.population.first_at.min())),
        "last_seen": _iso(int(detection.observations.population.last_at.max())),
        "timings": clock.timings,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
