"""Lists of shingles: copied, joined, counted by owner, held against a wording. One pass each, over compact arrays."""

from __future__ import annotations

import numpy as np
from numba import njit

from hydrascope.kernels.lookup import index_values, place_of

__all__ = ["count_held", "count_owners", "join_lists", "take_lists"]


@njit(cache=True, nogil=True)
def count_held(offsets: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """int64[n]: entries of each list that are wanted.

    Args:
        offsets: int64[n+1] into `values` (int64).
        wanted: int64[w], distinct.
    """
    out, table = np.zeros(len(offsets) - 1, np.int64), index_values(wanted)
    for i in range(len(out)):
        for r in range(offsets[i], offsets[i + 1]):
            out[i] += place_of(table, values[r]) >= 0
    return out


@njit(cache=True, nogil=True)
def count_owners(values: np.ndarray, owner: np.ndarray, n_owners: int) -> tuple[np.ndarray, np.ndarray]:
    """Distinct values and how many owners each has: int64[k] ascending, int64[k].

    Args:
        values: int64[m], ascending.
        owner: int[m] codes below `n_owners` of who has each.
    """
    seen = np.full(n_owners, -1, np.int64)
    names, counts, k = np.empty(len(values), np.int64), np.empty(len(values), np.int64), -1
    for i in range(len(values)):
        if i == 0 or values[i] != values[i - 1]:
            k += 1
            names[k], counts[k] = values[i], 0
        if seen[owner[i]] != k:
            seen[owner[i]] = k
            counts[k] += 1
    return names[: k + 1].copy(), counts[: k + 1].copy()


@njit(cache=True, nogil=True)
def take_lists(offsets: np.ndarray, values: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Some lists in the order given: int64[c+1] offsets and their entries."""
    starts = np.zeros(len(chosen) + 1, np.int64)
    for i in range(len(chosen)):
        starts[i + 1] = starts[i] + offsets[chosen[i] + 1] - offsets[chosen[i]]
    out = np.empty(starts[-1], values.dtype)
    for i in range(len(chosen)):
        first = offsets[chosen[i]]
        for r in range(starts[i + 1] - starts[i]):
            out[starts[i] + r] = values[first + r]
    return starts, out


@njit(cache=True, nogil=True)
def join_lists(
    offsets: np.ndarray, values: np.ndarray, first: np.ndarray, last: np.ndarray, more: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each list with a stretch of other entries after it: int64[n+1] offsets and entries.

    Args:
        offsets: int64[n+1] into `values`.
        first, last: int64[n] into `more`, the end not included.
    """
    n = len(offsets) - 1
    starts = np.zeros(n + 1, np.int64)
    for i in range(n):
        starts[i + 1] = starts[i] + offsets[i + 1] - offsets[i] + last[i] - first[i]
    out = np.empty(starts[-1], values.dtype)
    for i in range(n):
        at = starts[i]
        for r in range(offsets[i], offsets[i + 1]):
            out[at] = values[r]
            at += 1
        for r in range(first[i], last[i]):
            out[at] = more[r]
            at += 1
    return starts, out
