"""Shuffles within groups with a generator of our own, so that a seed means the same on every machine."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["shuffle_within"]


@njit(cache=True, nogil=True)
def _next(state: NDArray[np.uint64]) -> np.uint64:
    """One step of splitmix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def shuffle_within(
    group_ptr: NDArray[np.int64], group_rows: NDArray[np.int64], account: NDArray[np.int32], seed: int
) -> NDArray[np.int32]:
    """Accounts dealt anew among the rows of each group (Fisher-Yates); other rows keep theirs.

    Args:
        group_ptr: (n_groups + 1,) start of each group in `group_rows`.
        group_rows: rows of `account`, group by group.
        account: (n_rows,) the account of each row.
        seed: equal seeds give equal shuffles.
    """
    state = np.empty(1, dtype=np.uint64)
    state[0] = np.uint64(seed)
    dealt = account.copy()
    for g in range(len(group_ptr) - 1):
        start = group_ptr[g]
        for i in range(group_ptr[g + 1] - start - 1, 0, -1):
            span = np.uint64(i + 1)
            j = np.int64(((_next(state) >> np.uint64(32)) * span) >> np.uint64(32))
            a, b = group_rows[start + i], group_rows[start + j]
            dealt[a], dealt[b] = dealt[b], dealt[a]
    return dealt
