"""Two tables of sorted lists as one."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["merge_lists"]


@njit(cache=True, nogil=True)
def merge_lists(
    some: tuple[np.ndarray, np.ndarray, np.ndarray], more: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each list of `some` with the list of `more` in the same place, in order; of equal rows, those of `some` first.

    Args:
        some, more: int64[n+1] offsets and two columns, each list sorted by the first, then the second; of the same
            types and number of lists.
    """
    n_rows = len(some[1]) + len(more[1])
    offsets = some[0] + more[0]
    first, second = np.empty(n_rows, some[1].dtype), np.empty(n_rows, some[2].dtype)
    for account in range(len(offsets) - 1):
        i, j = some[0][account], more[0][account]
        last_i, last_j = some[0][account + 1], more[0][account + 1]
        while i < last_i or j < last_j:
            if j == last_j or (i < last_i and not _is_before(more, j, some, i)):
                first[i + j], second[i + j] = some[1][i], some[2][i]
                i += 1
            else:
                first[i + j], second[i + j] = more[1][j], more[2][j]
                j += 1
    return offsets, first, second


@njit(cache=True, nogil=True)
def _is_before(
    a: tuple[np.ndarray, np.ndarray, np.ndarray],
    i: int,
    b: tuple[np.ndarray, np.ndarray, np.ndarray],
    j: int,
) -> bool:
    return a[2][i] < b[2][j] if a[1][i] == b[1][j] else a[1][i] < b[1][j]
