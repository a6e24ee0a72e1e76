"""Two sorted tables as one."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["merge_order"]


@njit(cache=True, nogil=True)
def merge_order(some: tuple[np.ndarray, ...], more: tuple[np.ndarray, ...]) -> np.ndarray:
    """int64[n+m]: the rows of both in order, those of `more` counted from n on; of equal ones, those of `some` first.

    Args:
        some, more: three columns each, n and m rows sorted by the first column, then the second, then the third.
    """
    n, m = len(some[0]), len(more[0])
    order = np.empty(n + m, np.int64)
    i, j = 0, 0
    while i < n or j < m:
        if j == m or (i < n and not _is_before(more, j, some, i)):
            order[i + j] = i
            i += 1
        else:
            order[i + j] = n + j
            j += 1
    return order


@njit(cache=True, nogil=True)
def _is_before(a: tuple[np.ndarray, ...], i: int, b: tuple[np.ndarray, ...], j: int) -> bool:
    if a[0][i] != b[0][j]:
        return a[0][i] < b[0][j]
    if a[1][i] != b[1][j]:
        return a[1][i] < b[1][j]
    return a[2][i] < b[2][j]
