"""Hashed features of texts for linear labels: words, neighbours, stems, characters in unspaced scripts, markup.

Tokens are those of `kernels.text` (numbers are one class token). A text gives the set of: each token; each pair of
neighbours; each triple of neighbouring single characters; the first five characters of longer words, which stand in
for stems; and the markup characters, alone and with the token that follows. Only the first `head` and last `tail`
bytes are read, because instructions stand at the ends of a text.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hydrascope.kernels.text import classify_character, decode_character, mix
from hydrascope.kernels.text_classes import DIGIT, SEPARATOR, SINGLE, SKIP, WORD

__all__ = ["MARKUP", "hash_features", "sum_rows"]

MARKUP = "#$*/<=>[\\]`{|}"
"""Characters that count as features though they separate words."""

_MARKUP_BYTES = np.array([chr(code) in MARKUP for code in range(128)])
_SEED = np.uint64(0x9E3779B97F4A7C15)
_PRIME = np.uint64(0xD6E8FEB86659FD93)
_NUMBER = np.uint64(0x4E554D4245520001)
_PAIR, _TRIPLE, _STEM, _SYMBOL, _SYMBOL_WORD = (
    np.uint64(kind * 0x9E3779B97F4A7C15 % 2**64) for kind in range(3, 8)
)
_STEM_LENGTH = 5


@njit(cache=True, nogil=True, inline="always")
def _bucket(value: np.uint64, n_bits: int) -> np.uint32:
    return np.uint32(mix(value) >> np.uint64(64 - n_bits))


@njit(cache=True, nogil=True)
def _read_part(
    data: np.ndarray, at: int, end: int, table: np.ndarray, n_bits: int, out: np.ndarray, n: int
) -> int:
    """Append the features of one stretch of bytes to `out` from `n`; how many there are then."""
    before, second = np.uint64(0), np.uint64(0)
    token, stem, symbol = _SEED, np.uint64(0), np.uint64(0)
    run, size, n_singles = np.int64(SEPARATOR), 0, 0
    while at <= end:
        length, mark = 1, np.uint64(0)
        if at == end:
            kind, folded = np.int64(SEPARATOR), np.uint64(0)
        else:
            if data[at] < 0x80:
                packed = table[data[at]]
                mark = np.uint64(data[at]) if _MARKUP_BYTES[data[at]] else np.uint64(0)
            else:
                code, length = decode_character(data, at, end)
                packed = classify_character(table, code)
            kind = np.int64(packed >> np.uint32(24)) & np.int64(15)
            folded = np.uint64(packed & np.uint32(0x1FFFFF))
        at += length
        if kind == run and kind in (WORD, DIGIT):
            token = (token ^ folded) * _PRIME
            size += 1
            if size == _STEM_LENGTH:
                stem = token
            continue
        if kind == SKIP:
            continue
        if run != SEPARATOR:
            word = _NUMBER if run == DIGIT else token
            if not (run == DIGIT and before == _NUMBER):
                n_singles = n_singles + 1 if run == SINGLE else 0
                out[n] = _bucket(word, n_bits)
                out[n + 1] = _bucket((before ^ _PAIR) * _PRIME ^ word, n_bits)
                n += 2
                if n_singles >= 3:
                    out[n] = _bucket(((second ^ _TRIPLE) * _PRIME ^ before) * _PRIME ^ word, n_bits)
                    n += 1
                if run == WORD and size > _STEM_LENGTH:
                    out[n] = _bucket(stem ^ _STEM, n_bits)
                    n += 1
                if symbol:
                    out[n] = _bucket((symbol ^ _SYMBOL_WORD) * _PRIME ^ word, n_bits)
                    n += 1
                second, before = before, word
            symbol = np.uint64(0)
        if mark:
            symbol = mark
            out[n] = _bucket(mark ^ _SYMBOL, n_bits)
            n += 1
        run, size = kind, 1
        token = (_SEED ^ folded) * _PRIME
    return n


@njit(cache=True, nogil=True)
def append_distinct(found: np.ndarray, features: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    """Append the distinct values of `found` (ascending) to the first `size` of `features`, which is made larger where it is full."""
    if size + len(found) > len(features):
        larger = np.empty(2 * len(features) + len(found), np.int32)
        larger[:size] = features[:size]
        features = larger
    for i in range(len(found)):
        if i == 0 or found[i] != found[i - 1]:
            features[size] = found[i]
            size += 1
    return features, size


@njit(cache=True, nogil=True)
def hash_features(
    data: np.ndarray, offsets: np.ndarray, table: np.ndarray, n_bits: int, head: int, tail: int
) -> tuple[np.ndarray, np.ndarray]:
    """Distinct features of each of n texts in an Arrow string buffer.

    Returns:
        Row bounds int64[n + 1] and features int32[m] below 2^n_bits, ascending within a row: a CSR pattern.
    """
    n = len(offsets) - 1
    bounds = np.zeros(n + 1, np.int64)
    found = np.empty(5 * (head + tail) + 16, np.uint32)
    features = np.empty(max(1024, 128 * n), np.int32)
    size = 0
    for row in range(n):
        start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
        if stop - start <= head + tail:
            n_found = _read_part(data, start, stop, table, n_bits, found, 0)
        else:
            n_found = _read_part(data, start, start + head, table, n_bits, found, 0)
            n_found = _read_part(data, stop - tail, stop, table, n_bits, found, n_found)
        found[:n_found].sort()
        features, size = append_distinct(found[:n_found], features, size)
        bounds[row + 1] = size
    return bounds, features[:size].copy()


@njit(cache=True, nogil=True)
def sum_rows(
    bounds: np.ndarray, features: np.ndarray, place: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the weights of each set's known features, float64[n, c], and how many those are, int64[n].

    Args:
        bounds: int64[n+1] into `features` (int32).
        place: int32[f], the row of a feature in `weights` (float32[r, c]); -1 where it is unknown.
    """
    n, n_classes = len(bounds) - 1, weights.shape[1]
    sums, known = np.zeros((n, n_classes)), np.zeros(n, np.int64)
    for i in range(n):
        for j in range(bounds[i], bounds[i + 1]):
            row = place[features[j]]
            if row >= 0:
                known[i] += 1
                for c in range(n_classes):
                    sums[i, c] += weights[row, c]
    return sums, known
