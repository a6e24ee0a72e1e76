"""Passages: sampled hashes of long runs of words, by which a text is known again inside another.

Tokens are those of `kernels.text`, but numbers are kept as they are: what an answer says is told from another answer
by its numbers too, and an opaque token (a signature, a key) is hardly anything else. A passage is the last `width`
tokens, twice as many after a single character of a script without spaces. Its hash is rolled along (Rabin, Karp 1987),
so a token costs the same whatever the width, and a passage is kept iff its mixed hash is at most `threshold`: a
decision on its value alone, so that two texts keep the same passages of what they have in common.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hydrascope.kernels.text import classify_character, decode_character, mix
from hydrascope.kernels.text_classes import DIGIT, SEPARATOR, SINGLE, SKIP, WORD

__all__ = ["MAX_PASSAGE", "passage_buffer"]

MAX_PASSAGE = 32
"""Widest passage, in words."""

_SEED = np.uint64(0x9E3779B97F4A7C15)
_PRIME = np.uint64(0xD6E8FEB86659FD93)
_BASE = np.uint64(0x2545F4914F6CDD1D)
_ZERO = np.uint64(0)
_U32 = np.uint64(32)
_RING = 2 * MAX_PASSAGE
_PACKED_SEPARATOR = np.uint32(SEPARATOR << 24)


@njit(cache=True, nogil=True)
def _power(width: int) -> np.uint64:
    value = np.uint64(1)
    for _ in range(width):
        value = value * _BASE
    return value


@njit(cache=True, nogil=True)
def _read_passages(
    data: np.ndarray,
    at: int,
    end: int,
    table: np.ndarray,
    width: int,
    powers: tuple[np.uint64, np.uint64],
    threshold: np.uint64,
    ring: np.ndarray,
    found: np.ndarray,
) -> int:
    """Kept passages of one text, put into `found`; how many."""
    n_tokens, n_found = 0, 0
    short, long = _ZERO, _ZERO
    token = _SEED
    run = np.int64(SEPARATOR)
    while at <= end:
        length = 1
        # As in `kernels.text`: a helper for both, inlined or not, halves the speed of either.
        if at == end:
            packed = _PACKED_SEPARATOR
        elif data[at] < 0x80:
            packed = table[data[at]]
        else:
            code, length = decode_character(data, at, end)
            packed = classify_character(table, code)
        at += length
        kind = np.int64(packed >> np.uint32(24)) & np.int64(15)
        folded = np.uint64(packed & np.uint32(0x1FFFFF))
        if kind == run and (kind in (WORD, DIGIT)):
            token = (token ^ folded) * _PRIME
            continue
        if kind == SKIP:
            continue
        if run != SEPARATOR:
            token = mix(token)
            short, long = short * _BASE + token, long * _BASE + token
            if n_tokens >= width:
                short = short - powers[0] * ring[(n_tokens - width) & (_RING - 1)]
            if n_tokens >= 2 * width:
                long = long - powers[1] * ring[(n_tokens - 2 * width) & (_RING - 1)]
            ring[n_tokens & (_RING - 1)] = token
            n_tokens += 1
            value = mix(long ^ _SEED) if run == SINGLE else mix(short)
            if value <= threshold and n_tokens >= (2 * width if run == SINGLE else width):
                found[n_found] = value
                n_found += 1
        run = kind
        token = (_SEED ^ folded) * _PRIME
    return n_found


@njit(cache=True, nogil=True)
def passage_buffer(
    data: np.ndarray,
    offsets: np.ndarray,
    chosen: np.ndarray,
    table: np.ndarray,
    width: int,
    threshold: np.uint64,
) -> tuple[np.ndarray, np.ndarray]:
    """Passages of the texts of an Arrow string buffer.

    Args:
        data: uint8[], the bytes.
        offsets: int32 or int64 [n + 1] into `data`.
        chosen: bool[n], which texts are read.
        table: `text_classes.class_table()`.
        width: words to a passage, 1 to `MAX_PASSAGE`.
        threshold: the largest hash that is kept.

    Returns:
        Offsets int64[n + 1], and passages uint64[m], distinct and ascending within a text.
    """
    n, size, longest = len(offsets) - 1, 0, 0
    for row in range(n):
        longest = max(longest, int(offsets[row + 1] - offsets[row]))
    bounds, passages = np.zeros(n + 1, np.int64), np.empty(max(64, n), np.uint64)
    found, ring = np.empty(longest + 1, np.uint64), np.zeros(_RING, np.uint64)
    powers = (_power(width), _power(2 * width))
    for row in range(n):
        if chosen[row]:
            start, stop = int(offsets[row]), int(offsets[row + 1])
            n_found = _read_passages(data, start, stop, table, width, powers, threshold, ring, found)
            found[:n_found].sort()
            if size + n_found > len(passages):
                larger = np.empty(max(2 * len(passages), size + n_found), np.uint64)
                larger[:size] = passages[:size]
                passages = larger
            for i in range(n_found):
                if i == 0 or found[i] != found[i - 1]:
                    passages[size] = found[i]
                    size += 1
        bounds[row + 1] = size
    return bounds, passages[:size].copy()
