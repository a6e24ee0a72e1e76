"""Which hashes have been seen, and how often: open addressing over arrays that grow.

Keys are 64-bit hashes with uniform low bits, so a key is its own hash. Both classes give the same answers however
their input is cut into batches, up to what they say of the batch itself.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["SeenValues", "Tally"]

_LEAST = 1024


@njit(cache=True, nogil=True)
def _slot(keys: np.ndarray, used: np.ndarray, key: int) -> int:
    """Where a key is, or where it would be put."""
    mask = len(keys) - 1
    slot = key & mask
    while used[slot] and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True, nogil=True)
def _rehash(keys: np.ndarray, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same keys, with their numbers, in a table of four times the size."""
    larger, marks = np.empty(4 * len(keys), np.int64), np.zeros(4 * len(keys), used.dtype)
    for i in range(len(keys)):
        if used[i]:
            slot = _slot(larger, marks, keys[i])
            larger[slot], marks[slot] = keys[i], used[i]
    return larger, marks


@njit(cache=True, nogil=True)
def _add(
    values: np.ndarray, keys: np.ndarray, used: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, int, np.ndarray]:
    """Count each value into the table; the positions of those that were new."""
    fresh, n_fresh = np.empty(len(values), np.int64), 0
    for i in range(len(values)):
        slot = _slot(keys, used, values[i])
        if not used[slot]:
            if 2 * (n + 1) > len(keys):
                keys, used = _rehash(keys, used)
                slot = _slot(keys, used, values[i])
            keys[slot] = values[i]
            n += 1
            fresh[n_fresh] = i
            n_fresh += 1
        used[slot] += 1
    return keys, used, n, fresh[:n_fresh].copy()


@njit(cache=True, nogil=True)
def _look_up(values: np.ndarray, keys: np.ndarray, used: np.ndarray) -> np.ndarray:
    out = np.empty(len(values), np.int64)
    for i in range(len(values)):
        out[i] = used[_slot(keys, used, values[i])]
    return out


class Tally:
    """How often each key has come."""

    def __init__(self) -> None:
        self._keys, self._used, self._n = np.empty(_LEAST, np.int64), np.zeros(_LEAST, np.int64), 0

    def count(self, keys: np.ndarray) -> np.ndarray:
        """int64[n], how often each key has come once all of these are counted."""
        self._keys, self._used, self._n, _ = _add(keys, self._keys, self._used, self._n)
        return _look_up(keys, self._keys, self._used)


class SeenValues:
    """Which values have come before."""

    def __init__(self) -> None:
        self._keys, self._used, self._n = np.empty(_LEAST, np.int64), np.zeros(_LEAST, np.int64), 0

    def fresh(self, values: np.ndarray) -> np.ndarray:
        """int64[], ascending: positions of the first occurrence of each value not seen before."""
        self._keys, self._used, self._n, fresh = _add(values, self._keys, self._used, self._n)
        return fresh
