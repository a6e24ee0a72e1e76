"""Hashed features of what words mean: concepts of a lexicon, their order in a sentence, and which stand together.

A lexicon maps words, beginnings of words and short sequences of words to a few dozen concepts, all as hashes. Where a
model has never seen a word, its concept may still say what the text asks for. A text gives the set of: each concept;
each ordered pair of concepts that stand within `_NEAR` concepts in one sentence; each set of three among the last
few concepts of a sentence; and each pair of concepts of the text. Tokens are those of `kernels.text`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hydrascope.kernels.text import classify_character, decode_character, mix
from hydrascope.kernels.text_classes import DIGIT, SEPARATOR, SKIP, WORD
from hydrascope.kernels.text_features import append_distinct

__all__ = ["MOST_CONCEPTS", "concept_features", "hash_entry", "index_lexicon"]

MOST_CONCEPTS = 64
"""Concepts that a lexicon may tell apart."""

_SEED = np.uint64(0x9E3779B97F4A7C15)
_PRIME = np.uint64(0xD6E8FEB86659FD93)
_NUMBER = np.uint64(0x4E554D4245520001)
_PREFIX, _SEQUENCE = np.uint64(0x5052454649580001), np.uint64(0x5345515545000001)
_LONGEST = 6  # words of a sequence
_SHORTEST = 2  # characters of a beginning
_NEAR = 4
_MARKS = "<[{#"
_MARK = np.array([_MARKS.find(chr(code)) for code in range(128)])
_STOP = np.array([chr(code) in "\n!?;" for code in range(128)])


@njit(cache=True, nogil=True, inline="always")
def _next_character(data: np.ndarray, at: int, end: int) -> tuple[np.int64, int]:
    if data[at] < 0x80:
        return np.int64(data[at]), 1
    return decode_character(data, at, end)


@njit(cache=True, nogil=True, inline="always")
def _find(slots: np.ndarray, values: np.ndarray, key: np.uint64) -> np.int64:
    """Concept of a hash, -1 where the lexicon has none."""
    last = np.uint64(len(slots) - 1)
    at = mix(key) & last
    while slots[at] != 0:
        if slots[at] == key:
            return np.int64(values[at])
        at = (at + np.uint64(1)) & last
    return np.int64(-1)


@njit(cache=True, nogil=True)
def index_lexicon(keys: np.ndarray, concepts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An open hash table of a lexicon's hashes uint64[n] and concepts uint8[n]; the first of equal hashes counts."""
    size = 64
    while size < 4 * len(keys):
        size *= 2
    slots, values = np.zeros(size, np.uint64), np.zeros(size, np.uint8)
    for i in range(len(keys)):
        at = mix(keys[i]) & np.uint64(size - 1)
        while slots[at] != 0 and slots[at] != keys[i]:
            at = (at + np.uint64(1)) & np.uint64(size - 1)
        if slots[at] == 0:
            slots[at], values[at] = keys[i], concepts[i]
    return slots, values


@njit(cache=True, nogil=True)
def hash_entry(data: np.ndarray, table: np.ndarray, beginning: bool) -> np.uint64:
    """Hash under which an entry of a lexicon (bytes of words) is found; of a `beginning`, its one word is open."""
    words = np.zeros(_LONGEST, np.uint64)
    n, at, run, token = 0, 0, np.int64(SEPARATOR), _SEED
    while at <= len(data):
        length, kind, folded = 1, np.int64(SEPARATOR), np.uint64(0)
        if at < len(data):
            code, length = _next_character(data, at, len(data))
            packed = classify_character(table, code)
            kind, folded = (
                np.int64(packed >> np.uint32(24)) & np.int64(15),
                np.uint64(packed & np.uint32(0x1FFFFF)),
            )
        at += length
        if kind == SKIP:
            continue
        if kind == run and kind in (WORD, DIGIT):
            token = (token ^ folded) * _PRIME
            continue
        if run != SEPARATOR and n < _LONGEST:
            words[n] = _NUMBER if run == DIGIT else token
            n += 1
        run, token = kind, (_SEED ^ folded) * _PRIME
    if beginning and n == 1:
        return words[0] ^ _PREFIX
    value = _SEQUENCE
    for i in range(n):
        value = (value ^ words[n - 1 - i]) * _PRIME
    return value


@njit(cache=True, nogil=True)
def _read_concepts(
    data: np.ndarray,
    at: int,
    end: int,
    table: np.ndarray,
    slots: np.ndarray,
    values: np.ndarray,
    out: np.ndarray,
) -> int:
    """Concepts of a stretch of bytes in order into `out`, -1 where a sentence ends; how many entries those are."""
    recent = np.zeros(_LONGEST, np.uint64)
    n, run, size, token = 0, np.int64(SEPARATOR), 0, _SEED
    begins = np.int64(-1)
    while at <= end and n < len(out) - 2:
        length, mark, stop = 1, -1, False
        kind, folded = np.int64(SEPARATOR), np.uint64(0)
        if at < end:
            code, length = _next_character(data, at, end)
            packed = classify_character(table, code)
            kind, folded = (
                np.int64(packed >> np.uint32(24)) & np.int64(15),
                np.uint64(packed & np.uint32(0x1FFFFF)),
            )
            if code < 0x80:
                mark = _MARK[code]
                dot = code == 0x2E and (at + 1 == end or data[at + 1] == 0x20 or data[at + 1] == 0x0A)
                stop = _STOP[code] or dot
            else:
                stop = code in (0x3002, 0xFF01, 0xFF1F, 0xFF1B, 0x964)
        at += length
        if kind == SKIP:
            continue
        if kind == run and kind in (WORD, DIGIT):
            token = (token ^ folded) * _PRIME
            size += 1
            if kind == WORD and size >= _SHORTEST:
                known = _find(slots, values, token ^ _PREFIX)
                begins = known if known >= 0 else begins
            continue
        if run != SEPARATOR:
            for i in range(_LONGEST - 1, 0, -1):
                recent[i] = recent[i - 1]
            recent[0] = _NUMBER if run == DIGIT else token
            found, value = begins, _SEQUENCE
            for i in range(_LONGEST):
                if recent[i] == 0:
                    break
                value = (value ^ recent[i]) * _PRIME
                known = _find(slots, values, value)
                found = known if known >= 0 else found
            if run == DIGIT:
                found = np.int64(MOST_CONCEPTS - 1)
            if found >= 0 and (n == 0 or out[n - 1] != found):
                out[n] = found
                n += 1
        if mark >= 0 and at < end and (n == 0 or out[n - 1] != MOST_CONCEPTS - 2 - mark):
            out[n] = MOST_CONCEPTS - 2 - mark
            n += 1
        if stop:
            recent[:] = 0
            if n and out[n - 1] >= 0:
                out[n] = -1
                n += 1
        run, size, begins = kind, 1, np.int64(-1)
        token = (_SEED ^ folded) * _PRIME
    return n


@njit(cache=True, nogil=True)
def _combine(concepts: np.ndarray, first: int, n_bits: int, out: np.ndarray) -> int:
    """Features of a sequence of concepts into `out`, numbered from `first`; how many there are, repeats included."""
    n, shift = 0, np.uint64(64 - n_bits)
    seen = np.zeros(MOST_CONCEPTS, np.bool_)
    start = 0
    for i in range(len(concepts)):
        c = concepts[i]
        if c < 0:
            start = i + 1
            continue
        seen[c] = True
        for j in range(max(start, i - _NEAR), i):
            b = concepts[j]
            if b != c and n < len(out) - 8:
                out[n] = first + np.int64(mix(np.uint64(1 << 20 | b << 8 | c)) >> shift)
                n += 1
                for k in range(max(start, i - _NEAR), j):
                    a = concepts[k]
                    if a not in (b, c):
                        low, high = min(a, b, c), max(a, b, c)
                        three = np.uint64(2 << 24 | low << 16 | (a + b + c - low - high) << 8 | high)
                        out[n] = first + np.int64(mix(three) >> shift)
                        n += 1
                        if n >= len(out) - 8:
                            break
    for b in range(MOST_CONCEPTS):
        if seen[b] and n < len(out) - 2 * MOST_CONCEPTS:
            out[n] = first + np.int64(mix(np.uint64(3 << 28 | b)) >> shift)
            n += 1
            for c in range(b + 1, MOST_CONCEPTS):
                if seen[c]:
                    out[n] = first + np.int64(mix(np.uint64(1 << 32 | b << 8 | c)) >> shift)
                    n += 1
    return n


@njit(cache=True, nogil=True)
def concept_features(
    data: np.ndarray,
    offsets: np.ndarray,
    table: np.ndarray,
    slots: np.ndarray,
    values: np.ndarray,
    first: int,
    n_bits: int,
    head: int,
    tail: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Distinct concept features of the first `head` and last `tail` bytes of each of n texts in an Arrow buffer.

    Returns:
        Row bounds int64[n + 1] and features int32[m] from `first` to below `first + 2^n_bits`, ascending in a row.
    """
    n = len(offsets) - 1
    bounds = np.zeros(n + 1, np.int64)
    concepts = np.empty(1024, np.int64)
    found = np.empty(16384, np.int32)
    features = np.empty(max(1024, 128 * n), np.int32)
    size = 0
    for row in range(n):
        start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
        cut = min(stop, start + head)
        n_concepts = _read_concepts(data, start, cut, table, slots, values, concepts)
        if stop > cut:
            concepts[n_concepts] = -1
            n_concepts += 1
            more = _read_concepts(
                data, max(cut, stop - tail), stop, table, slots, values, concepts[n_concepts:]
            )
            n_concepts += more
        n_found = _combine(concepts[:n_concepts], first, n_bits, found)
        found[:n_found].sort()
        features, size = append_distinct(found[:n_found], features, size)
        bounds[row + 1] = size
    return bounds, features[:size].copy()
