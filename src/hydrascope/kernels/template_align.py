"""Alignment of two token sequences that prefers long common runs, for finding what texts of one template share.

Dynamic programme over token numbers. A matched token is worth 1, one more where the token before it is matched to
the neighbour as well, and a run costs `OPENING` to begin, so that a lone stop word in common is never aligned:

    run(i, j)  = 1 + max(best(i-1, j-1) - OPENING, run(i-1, j-1) + 1)   where tokens i and j are equal
    best(i, j) = max(best(i-1, j), best(i, j-1), run(i, j))
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["align_tokens"]

OPENING = 1.5
_UP, _LEFT, _RUN = 1, 2, 3


@njit(cache=True, nogil=True)
def align_tokens(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """For each token of `left` (int64[n]) the position of its match in `right` (int64[m]), or -1: int32[n]."""
    n, m = len(left), len(right)
    came = np.zeros((n + 1, m + 1), np.uint8)
    continued = np.zeros((n + 1, m + 1), np.bool_)
    best, best_before = np.zeros(m + 1, np.float32), np.zeros(m + 1, np.float32)
    run, run_before = np.full(m + 1, -1e9, np.float32), np.full(m + 1, -1e9, np.float32)
    for i in range(1, n + 1):
        best, best_before = best_before, best
        run, run_before = run_before, run
        best[0], run[0] = 0, -1e9
        for j in range(1, m + 1):
            value, step = best_before[j], _UP
            if best[j - 1] > value:
                value, step = best[j - 1], _LEFT
            run[j] = -1e9
            if left[i - 1] == right[j - 1]:
                opened, longer = best_before[j - 1] - OPENING, run_before[j - 1] + 1
                continued[i, j] = longer > opened
                run[j] = 1 + max(opened, longer)
                if run[j] > value:
                    value, step = run[j], _RUN
            best[j] = value
            came[i, j] = step
    return _trace(came, continued, n, m)


@njit(cache=True, nogil=True)
def _trace(came: np.ndarray, continued: np.ndarray, n: int, m: int) -> np.ndarray:
    matched = np.full(n, -1, np.int32)
    i, j = n, m
    inside = False
    while i > 0 and j > 0:
        if inside or came[i, j] == _RUN:
            matched[i - 1] = j - 1
            inside = continued[i, j]
            i -= 1
            j -= 1
        elif came[i, j] == _UP:
            i -= 1
        else:
            j -= 1
    return matched
