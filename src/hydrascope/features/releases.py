"""Who moved to a model in the days after its release, by account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from hydrascope.engine.base import Engine
from hydrascope.features.population import Population
from hydrascope.kernels.strings import hash_strings

__all__ = ["WINDOW_H", "Moves", "read_moves"]

WINDOW_H = 48
"""Hours after a release that are looked at."""
_MOST = 12
"""Releases that are looked at, the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """r releases whose window lies in the log."""

    models: tuple[str, ...]
    moved: np.ndarray
    """int64[n_accounts, r] exchanges with the new model in its window."""
    sent: np.ndarray
    """int64[n_accounts, r] exchanges with any model in that window."""


def read_moves(engine: Engine, population: Population, releases: Sequence[tuple[int, str]]) -> Moves:
    """Counts of the view `exchanges` around each (time in microseconds, model)."""
    last = int(population.last_at.max(initial=0))
    first = int(population.first_at.min(initial=2**62))
    window = WINDOW_H * 3_600_000_000
    seen = [(at, model) for at, model in releases if first < at < last][-_MOST:]
    moved = np.zeros((len(population), len(seen)), np.int64)
    sent = np.zeros_like(moved)
    for i, (at, model) in enumerate(seen):
        hashed = hash_strings(pa.array([model])).to_pylist()[0]
        rows = engine.collect(f"""
            SELECT d.code AS account, g.moved AS moved, g.sent AS sent FROM (
              SELECT account, count(*) AS sent, CAST(sum(CASE WHEN model = {hashed} THEN 1 ELSE 0 END) AS BIGINT) AS moved
              FROM exchanges WHERE at_us >= {at} AND at_us < {at + window} GROUP BY account
            ) g JOIN dim d ON g.account = d.account""")
        code = rows["account"].to_numpy()
        moved[code, i], sent[code, i] = rows["moved"].to_numpy(), rows["sent"].to_numpy()
    return Moves(models=tuple(m for _, m in seen), moved=moved, sent=sent)
