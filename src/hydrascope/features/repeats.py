"""Which keys of a log occur twice, in bounded memory: the log is gone through in passes, each with a share of the keys.

A compiled sort of one column costs a fifth of what an engine's hash table of all its values costs, and most logs have
hardly any key twice.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from hydrascope.engine.base import Engine

__all__ = ["read_passes", "repeats_of"]

_PER_PASS = 8_000_000
"""Rows that are held and sorted at once, some 300 MB; more of a log that would take too many passes."""
_MOST_PASSES = 8
"""Each pass reads its columns of the whole log, so their number must not grow with it."""


def read_passes(
    engine: Engine, columns: str, source: str, key: str, n_rows: int
) -> Iterator[dict[str, np.ndarray]]:
    """Columns of a query, pass by pass; all rows of one key are in one pass, in no promised order.

    Args:
        columns: what to select, the key among it.
        source: FROM and WHERE of the query, with at least one condition.
        key: an integer column.
        n_rows: about as many as the query has.
    """
    n_passes = min(max(1, -(-n_rows // _PER_PASS)), _MOST_PASSES)
    for i in range(n_passes):
        share = f" AND abs({key} % {n_passes}) = {i}" if n_passes > 1 else ""
        part = _held(list(engine.stream(f"SELECT {columns} {source}{share}")))
        if part:
            yield part


def _held(batches: list[pa.RecordBatch]) -> dict[str, np.ndarray]:
    names = batches[0].schema.names if batches else []
    return {name: np.concatenate([b[name].to_numpy() for b in batches]) for name in names}


def repeats_of(keys: np.ndarray) -> np.ndarray:
    """Positions of the keys that occur more than once, those of one key together, ascending by key."""
    order = np.argsort(keys)
    ordered = keys[order]
    same = ordered[1:] == ordered[:-1]
    again = np.zeros(len(keys), bool)
    again[1:] |= same
    again[:-1] |= same
    return order[again]
