"""Two sorted tables as one."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["merge_sorted"]


@njit(cache=True, nogil=True)
def merge_sorted(
    some: tuple[np.ndarray, np.ndarray, np.ndarray], more: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows of both in order; of equal ones, those of `some` first.

    Args:
        some, more: three columns each, sorted by the first, then the second, then the third; of the same types.
    """
    n, m = len(some[0]), len(more[0])
    a, b, c = np.empty(n + m, some[0].dtype), np.empty(n + m, some[1].dtype), np.empty(n + m, some[2].dtype)
    i, j = 0, 0
    while i < n or j < m:
        if j == m or (i < n and not _is_before(more, j, some, i)):
            a[i + j], b[i + j], c[i + j] = some[0][i], some[1][i], some[2][i]
            i += 1
        else:
            a[i + j], b[i + j], c[i + j] = more[0][j], more[1][j], more[2][j]
            j += 1
    return a, b, c


@njit(cache=True, nogil=True)
def _is_before(
    a: tuple[np.ndarray, np.ndarray, np.ndarray],
    i: int,
    b: tuple[np.ndarray, np.ndarray, np.ndarray],
    j: int,
) -> bool:
    if a[0][i] != b[0][j]:
        return a[0][i] < b[0][j]
    if a[1][i] != b[1][j]:
        return a[1][i] < b[1][j]
    return a[2][i] < b[2][j]
