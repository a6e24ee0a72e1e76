"""What recurs inside an account: counted account by account, in a table that fits the processor's cache."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["grown", "repeated_values"]


@njit(cache=True, nogil=True)
def repeated_values(
    order: np.ndarray, account: np.ndarray, offsets: np.ndarray, values: np.ndarray, once: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(account, value) pairs that two lists of an account hold, each pair once: int32[k], int64[k].

    Args:
        order: int64[n], the lists with those of one account together.
        account: int32[n] of each list.
        offsets: int64[n+1] into `values` (int64), distinct within a list and with uniform low bits.
        once: bool[accounts], those in which one list is enough.
    """
    owners, found, n_found = np.empty(1024, np.int32), np.empty(1024, np.int64), 0
    keys, counts = np.empty(1024, np.int64), np.zeros(1024, np.uint8)
    n, start = len(order), 0
    while start < n:
        stop, size = start, 0
        while stop < n and account[order[stop]] == account[order[start]]:
            size += offsets[order[stop] + 1] - offsets[order[stop]]
            stop += 1
        if len(keys) < 2 * size:
            room = 1 << int(np.ceil(np.log2(2 * size)))
            keys, counts = np.empty(room, np.int64), np.zeros(room, np.uint8)
        mask = max(1024, 1 << int(np.ceil(np.log2(2 * size + 1)))) - 1
        mask = min(mask, len(keys) - 1)
        if n_found + size > len(found):
            owners, found = grown(owners, n_found + size), grown(found, n_found + size)
        enough = 1 if once[account[order[start]]] else 2
        for i in range(start, stop):
            for r in range(offsets[order[i]], offsets[order[i] + 1]):
                slot = values[r] & mask
                while counts[slot] and keys[slot] != values[r]:
                    slot = (slot + 1) & mask
                keys[slot] = values[r]
                counts[slot] = min(counts[slot] + 1, 3)
                if counts[slot] == enough:
                    owners[n_found], found[n_found] = account[order[start]], values[r]
                    n_found += 1
                    counts[slot] = 3  # told
        counts[: mask + 1] = 0
        start = stop
    return owners[:n_found].copy(), found[:n_found].copy()


@njit(cache=True, nogil=True)
def grown(buffer: np.ndarray, size: int) -> np.ndarray:
    """A copy with room for `size`, and for some more."""
    larger = np.empty(max(2 * len(buffer), size), buffer.dtype)
    larger[: len(buffer)] = buffer
    return larger
