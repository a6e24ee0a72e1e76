"""Where each of some values stands in a list of distinct ones: a table that kernels look into."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["find", "index_values", "place_of"]

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_LEAST_BITS = 4


@njit(cache=True, nogil=True)
def index_values(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Open addressing, at most a third of the slots taken, so that most values cost one look.

    Args:
        values: int64[n], distinct.

    Returns:
        int64[2^b] values by slot; int32[2^b] their positions, -1 in slots that are not taken.
    """
    bits = max(_LEAST_BITS, int(np.ceil(np.log2(3 * max(len(values), 1)))))
    keys, place = np.empty(1 << bits, np.int64), np.full(1 << bits, -1, np.int32)
    for i in range(len(values)):
        slot = _slot(values[i], len(keys))
        while place[slot] >= 0:
            slot = (slot + 1) & (len(keys) - 1)
        keys[slot], place[slot] = values[i], i
    return keys, place


@njit(cache=True, nogil=True, inline="always")
def place_of(table: tuple[np.ndarray, np.ndarray], value: int) -> int:
    """Position of a value in the list that the table was made of; -1 where it is not in it."""
    keys, place = table
    slot = _slot(value, len(keys))
    while place[slot] >= 0:
        if keys[slot] == value:
            return place[slot]
        slot = (slot + 1) & (len(keys) - 1)
    return -1


@njit(cache=True, nogil=True, inline="always")
def _slot(value: int, n_slots: int) -> int:
    """The upper half of the product, of which all bits of the value are part, cut to the table."""
    return np.int64((np.uint64(value) * _SPREAD) >> np.uint64(32)) & (n_slots - 1)  # type: ignore[return-value]


def find(names: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each value stands among ascending names (int64[n]), and whether it is there at all (bool[n])."""
    place = np.searchsorted(names, values)
    known = place < len(names)
    known[known] = names[place[known]] == values[known]
    return place, known
