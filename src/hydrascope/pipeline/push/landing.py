"""Sealed pushes are landed in a state, each file exactly once, and then removed."""

from __future__ import annotations

import time
from pathlib import Path

from hydrascope.ingest import Rejects
from hydrascope.pipeline.push.seal import SealSettings, seal_pushes, sealed_files
from hydrascope.pipeline.push.spool import Spool
from hydrascope.pipeline.watch import Landing, State, land_files

__all__ = ["land_pushes"]


def land_pushes(state: State, spool: Spool, settings: SealSettings | None = None) -> Landing:
    """Seal and land all that was pushed; halves of OTLP exchanges may stay for the next time.

    Args:
        state: an open state.
        spool: an open spool.
        settings: how long halves wait.
    """
    settings, rejects = settings or SealSettings(), Rejects()
    refused: list[tuple[str, str]] = []
    n_files, n_exchanges = _land(state, spool, refused)
    now_ns = time.time_ns()
    while seal_pushes(spool, settings, rejects, now_ns) is not None:
        files, exchanges = _land(state, spool, refused)
        n_files, n_exchanges = n_files + files, n_exchanges + exchanges
    refused += [(file, f"{reason} {detail}".strip()) for file, _, reason, detail in rejects]
    return Landing(n_files=n_files, n_exchanges=n_exchanges, refused=tuple(refused))


def _land(state: State, spool: Spool, refused: list[tuple[str, str]]) -> tuple[int, int]:
    n_files, n_exchanges = 0, 0
    for path, form in list(sealed_files(spool)):
        landing = land_files(state, [str(path)], format=form)
        refused += landing.refused
        n_files += landing.n_files
        n_exchanges += landing.n_exchanges
        if not landing.refused and _is_landed(state, path):
            path.unlink()
    spool.measure()
    return n_files, n_exchanges


def _is_landed(state: State, path: Path) -> bool:
    return any(f.path == str(path) for f in reversed(state.journal.files))
