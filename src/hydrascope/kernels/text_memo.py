"""Which text of a buffer came before, byte for byte: benchmarks and work lists send the same prompts again and again.

Most texts are new, so a look-up must cost little: the key is made of a text's length and three of its words of eight
bytes, and only texts with equal keys are compared. Texts made to have equal keys cost a bounded number of comparisons;
one that is given up on counts as new.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hydrascope.kernels.strings import mix_word

__all__ = ["earlier_texts"]

Words = tuple[np.ndarray, ...]
_TRIES = 4
_SEED = np.uint64(0x9E3779B97F4A7C15)
_ROW = np.uint64(0xFFFFFFFF)
_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)


def earlier_texts(data: np.ndarray, offsets: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """int32[n]: the first row with the same bytes as this one; -1 where there is none, and for nulls.

    Args:
        data: uint8[], the bytes.
        offsets: int32 or int64 [n + 1] into `data`; n below 2^31.
        valid: bool[n], or bool[0] where no text is null.
    """
    padded = data if len(data) >= 8 else np.zeros(8, np.uint8)
    words = tuple(np.frombuffer(padded, np.uint64, (len(padded) - i) // 8, i) for i in range(8))
    return _earlier(data, words, offsets, valid)


@njit(cache=True, nogil=True)
def _earlier(data: np.ndarray, words: Words, offsets: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """`words` are the bytes taken eight at a time, from each of the first eight on: numba has no other way to load them."""
    n = len(offsets) - 1
    size = 64
    while size < 2 * n:
        size *= 2
    memo, first = np.full(size, _EMPTY, np.uint64), np.empty(n, np.int32)
    for row in range(n):
        known = len(valid) == 0 or valid[row]
        first[row] = _find_or_add(data, words, offsets, row, memo) if known else -1
    return first


@njit(cache=True, nogil=True)
def _find_or_add(data: np.ndarray, words: Words, offsets: np.ndarray, row: int, memo: np.ndarray) -> int:
    """A slot holds the upper half of a key, and the row in the lower."""
    start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
    key, mask = _key(data, start, stop), np.uint64(len(memo) - 1)
    slot, tag = key & mask, key & ~_ROW
    for _ in range(_TRIES):
        held = memo[slot]
        if held == _EMPTY:
            memo[slot] = tag | np.uint64(row)
            return -1
        if held & ~_ROW == tag:
            other = np.int64(held & _ROW)
            a, a_stop = np.int64(offsets[other]), np.int64(offsets[other + 1])
            if a_stop - a == stop - start and _same(data, words, a, start, stop):
                return int(other)
        slot = (slot + np.uint64(1)) & mask
    return -1


@njit(cache=True, nogil=True, inline="always")
def _word(data: np.ndarray, at: int) -> np.uint64:
    word = np.uint64(0)
    for i in range(8):
        word |= np.uint64(data[at + i]) << np.uint64(8 * i)
    return word


@njit(cache=True, nogil=True)
def _key(data: np.ndarray, start: int, stop: int) -> np.uint64:
    key = _SEED ^ np.uint64(stop - start)
    if stop - start >= 8:
        key = mix_word(key ^ _word(data, start)) + _SEED
        key = mix_word(key ^ _word(data, start + ((stop - start - 8) >> 1))) + _SEED
        return mix_word(key ^ _word(data, stop - 8))
    for at in range(start, stop):
        key = mix_word(key ^ np.uint64(data[at])) + _SEED
    return mix_word(key)


@njit(cache=True, nogil=True)
def _same(data: np.ndarray, words: Words, a: int, b: int, b_stop: int) -> bool:
    ahead = a - b
    of_a, of_b, at_a, at_b = words[a & 7], words[b & 7], a >> 3, b >> 3
    n = (b_stop - b) >> 3
    for i in range(n):
        if of_a[at_a + i] != of_b[at_b + i]:
            return False
    at = b + 8 * n
    while at < b_stop and data[at + ahead] == data[at]:
        at += 1
    return at == b_stop
