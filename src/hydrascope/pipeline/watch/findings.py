"""Findings from all that a state holds: the same as a scan of the files that were landed."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from hydrascope.engine.base import Engine
from hydrascope.engine.duckdb import DuckEngine
from hydrascope.engine.limits import share_memory
from hydrascope.errors import InputError
from hydrascope.features.rows import Window, resolve_rows
from hydrascope.ingest import InputFile, LogSource, Rejects, read_accounts, read_events
from hydrascope.pipeline.control import Control
from hydrascope.pipeline.detect import Detection, detect
from hydrascope.pipeline.follow import follow
from hydrascope.pipeline.lock import hold_lock
from hydrascope.pipeline.memory import TRACKS, read_history, read_memory
from hydrascope.pipeline.output import describe_run, room_to_write, write_findings, write_manifest
from hydrascope.pipeline.scan import Clock
from hydrascope.pipeline.settings import ScanSettings
from hydrascope.pipeline.watch.landing import read_rejects
from hydrascope.pipeline.watch.state import State

__all__ = ["detect_state", "recent_window"]


def detect_state(
    state: State,
    out: Path,
    *,
    accounts: str | None = None,
    events: str | None = None,
    control: Control | None = None,
    settings: ScanSettings | None = None,
    sequence: bool = False,
    recent_hours: float | None = None,
) -> pa.Table:
    """Detect over the whole state and write the findings folder; the campaigns.

    Args:
        state: an open state.
        out: the findings folder, overwritten file by file, the manifest last.
        accounts, events: the optional tables of the contract, as they are now.
        control: what the operator has decided beforehand.
        settings: as of a scan; sampling is the state's own.
        sequence: go on from the findings in `out`, where there are any: ids are carried on, and what is enforceable
            must pass the level that holds over all looks. Otherwise the findings are those of a single scan.
        recent_hours: look only at so many hours before the newest exchange (before now, where that lies in the future).
            Nothing in such findings is enforceable: they are for people, until the next whole detection.

    Raises:
        FindingsError: the findings to go on from are damaged.
        InputError: the state holds no exchange.
        ResourceError: memory or disk ran out.
    """
    settings = replace(settings or ScanSettings(), observe=state.settings)
    clock, rejects = Clock(), read_rejects(state)
    tables = (
        read_accounts(accounts, rejects) if accounts else None,
        read_events(events, rejects) if events else None,
    )
    out.mkdir(parents=True, exist_ok=True)
    memory = read_memory(out) if sequence and (out / TRACKS).is_file() else None
    history = "" if memory is None else read_history(out, memory)
    with room_to_write(out), hold_lock(out, "findings folder", name=".lock"):
        # Results are not kept between runs: the state under them grows.
        engine = DuckEngine(
            memory_bytes=share_memory(settings.memory_bytes, settings.workers).engine_bytes,
            threads=settings.workers,
            spill=state.folder / "spill",
        )
        try:
            window = None if recent_hours is None else recent_window(state, recent_hours)
            n_exchanges, detection = _detect(state, engine, tables, settings, control, clock, rejects, window)
        finally:
            engine.close()
        followed = follow(detection, memory, alpha=settings.detect.enforcement.q_value, sequence=sequence)
        detection = followed.detection
        with clock.time("write"):
            campaigns = write_findings(out, followed, history)
            rejects.write(out / "rejects.jsonl")
        inputs = [
            {"file": f.path, "format": f.format, "bytes": f.size_bytes, "exchanges": f.n_exchanges}
            for f in sorted(state.journal.files, key=lambda f: f.path)
        ]
        manifest = describe_run(settings, inputs, detection, rejects)
        write_manifest(out, manifest | {"exchanges": n_exchanges, "timings": clock.timings})
    return campaigns


def _detect(
    state: State,
    engine: Engine,
    tables: tuple[pa.Table | None, pa.Table | None],
    settings: ScanSettings,
    control: Control | None,
    clock: Clock,
    rejects: Rejects,
    window: Window | None,
) -> tuple[int, Detection]:
    with clock.time("verify"):
        state.verify_all(None if window is None else window.parts)
    with clock.time("resolve"):
        n_exchanges = resolve_rows(engine, state.folder, _landed_log(state), rejects, window=window)
    if n_exchanges == 0:
        raise InputError(
            "the state holds no exchange", file=str(state.folder), hint="land files with exchanges first"
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
    if window is not None:
        unforced = tuple(replace(f, enforceable=False) for f in detection.findings)
        detection = replace(detection, findings=unforced)
    return n_exchanges, detection


def recent_window(state: State, hours: float) -> Window:
    """The last so many hours of a state, and the parts that hold them."""
    newest = max((p.last_us for p in state.journal.parts), default=0)
    since_us = min(newest, time.time_ns() // 1000) - int(hours * 3_600_000_000)
    return Window(
        since_us=since_us, parts=frozenset(p.name for p in state.journal.parts if p.last_us >= since_us)
    )


def _landed_log(state: State) -> LogSource:
    """The landed files under the numbers that the parts know them by; they need not exist any more."""
    files = tuple(
        InputFile(index=i, path=f.path, format=f.format, size_bytes=f.size_bytes)
        for i, f in enumerate(state.journal.files)
    )
    return LogSource(files=files, containers=())
