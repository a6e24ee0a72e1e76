"""Positions of several runs of an array, one after the other."""

from __future__ import annotations

import numpy as np

__all__ = ["ranges"]


def ranges(starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """int64[]: start, start + 1, ... start + size - 1 of each, one after the other.

    >>> ranges(np.array([5, 2, 9]), np.array([2, 0, 3])).tolist()
    [5, 6, 9, 10, 11]
    """
    offsets = np.cumsum(sizes) - sizes
    return np.repeat(starts - offsets, sizes) + np.arange(int(sizes.sum()))
