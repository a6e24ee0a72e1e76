"""The text sketch kernel: one pass over UTF-8 bytes, from an Arrow string buffer to hashes.

Theory of operation. Characters are classed by the packed table of `text_classes`. A maximal run of one kind is a
token: a word, a number, or (in scripts without spaces) a single character. Every token feeds the text hash. The
shingle stream sees any run of adjacent numbers as one class token, because numbers are slots. A shingle is the
last `width` tokens after a word or number, the last `2 * width` after a single character (character n-grams), and
the whole text where it is too short for one. A shingle is kept iff its mixed hash is at most `threshold`, a
decision on its value alone, so sketches of any two texts sample the same shingles (FracMinHash: Irber et al. 2022,
"Lightweight compositional analysis of metagenomes with FracMinHash"), or is among the `least` lowest of its text,
because a wrapper of ten words has eight shingles and a sparse sample often misses them all.

Nothing depends on the batch: a text gives the same sketch alone or among others. Invalid UTF-8 separates tokens.
All arithmetic is on uint64 and wraps; numba turns uint64 with a plain integer into float64, hence the constants.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hydrascope.kernels.text_classes import DIGIT, SEPARATOR, SINGLE, SKIP, TABLE_SIZE, WORD

__all__ = ["MAX_WIDTH", "classify_character", "decode_character", "mix", "sketch_buffer"]

MAX_WIDTH = 8
"""Widest shingle, in words."""

_SEED = np.uint64(0x9E3779B97F4A7C15)
_MAX = np.uint64(0xFFFFFFFFFFFFFFFF)
_TWO_64 = 18446744073709551616.0
_PRIME = np.uint64(0xD6E8FEB86659FD93)
_TOKEN_PRIME = np.uint64(0xFF51AFD7ED558CCD)
_NUMBER = np.uint64(0x4E554D4245520001)
_U32 = np.uint64(32)
_U29 = np.uint64(29)
_RING = 2 * MAX_WIDTH
_N_SCRIPTS = 16
_HAN, _KANA = 2, 3
_PACKED_SKIP = np.uint32(SKIP << 24)
_PACKED_SEPARATOR = np.uint32(SEPARATOR << 24)
_PACKED_HAN = np.uint32(SINGLE << 24 | _HAN << 28)


@njit(cache=True, nogil=True, inline="always")
def mix(value: np.uint64) -> np.uint64:
    """A bijection of uint64 in which every input bit moves every output bit."""
    value = value ^ (value >> _U32)
    value = value * _PRIME
    value = value ^ (value >> _U29)
    value = value * _TOKEN_PRIME
    return value ^ (value >> _U32)


@njit(cache=True, nogil=True)
def decode_character(data: np.ndarray, at: int, end: int) -> tuple[np.int64, int]:
    """Code point and its length in bytes from `at`; (-1, 1) where the bytes are not UTF-8."""
    lead = data[at]
    if lead < 0xC2 or lead > 0xF4:
        return np.int64(-1), 1
    length = 2 if lead < 0xE0 else (3 if lead < 0xF0 else 4)
    if at + length > end:
        return np.int64(-1), 1
    code = np.int64(lead) & np.int64(0x7F >> length)
    for offset in range(1, length):
        byte = np.int64(data[at + offset])
        if byte & 0xC0 != 0x80:
            return np.int64(-1), 1
        code = code << 6 | byte & 0x3F
    overlong = (length == 3 and code < 0x800) or (length == 4 and code < 0x10000)
    if overlong or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return np.int64(-1), 1
    return code, length


@njit(cache=True, nogil=True)
def classify_character(table: np.ndarray, code: np.int64) -> np.uint32:
    """Packed class of a code point, also of those above the table."""
    if code < 0:
        return _PACKED_SEPARATOR
    if code < TABLE_SIZE:
        return table[code]
    if code < 0x40000:
        return np.uint32(_PACKED_HAN | np.uint32(code))
    return _PACKED_SKIP if code < 0xF0000 else _PACKED_SEPARATOR


@njit(cache=True, nogil=True, inline="always")
def _shingle(ring: np.ndarray, count: int, width: int) -> np.uint64:
    """Hash of the last `width` tokens of the stream, order kept."""
    value = _SEED + np.uint64(width)
    for back in range(width, 0, -1):
        value = (value ^ ring[(count - back) & (_RING - 1)]) * _TOKEN_PRIME
        value = value ^ (value >> _U29)
    return mix(value)


@njit(cache=True, nogil=True)
def _dominant(weights: np.ndarray) -> int:
    """Script with the most tokens; Han with one kana in ten is Japanese."""
    if weights[_KANA] > 0 and weights[_KANA] * 10 >= weights[_HAN] + weights[_KANA]:
        weights[_KANA] += weights[_HAN]
        weights[_HAN] = 0
    best = 0
    for script in range(1, _N_SCRIPTS):
        if weights[script] > 0 and (best == 0 or weights[script] > weights[best]):
            best = script
    return best


@njit(cache=True, nogil=True)
def _grown(buffer: np.ndarray, size: int) -> np.ndarray:
    """A copy of twice the size, or more where `size` asks for it."""
    larger = np.empty(max(2 * len(buffer), size), np.uint64)
    larger[: len(buffer)] = buffer
    return larger


@njit(cache=True, nogil=True)
def _distinct(found: np.ndarray, n_found: int) -> int:
    """Sort the first `n_found` and drop repeats, in place; how many stay."""
    if n_found < 2:
        return n_found
    found[:n_found].sort()
    kept = 1
    for index in range(1, n_found):
        if found[index] != found[kept - 1]:
            found[kept] = found[index]
            kept += 1
    return kept


@njit(cache=True, nogil=True)
def _gather(found: np.ndarray, n_found: int, ceiling: np.uint64) -> int:
    """Bring the hashes up to `ceiling` to the front; how many there are."""
    front = 0
    for index in range(n_found):
        value = found[index]
        if value <= ceiling:
            found[index] = found[front]
            found[front] = value
            front += 1
    return front


@njit(cache=True, nogil=True)
def _keep(found: np.ndarray, n_found: int, threshold: np.uint64, least: int, limit: int) -> int:
    """Sort and keep what the rules keep, at the front; how many.

    Sorting is the dear part, so where most hashes will be dropped only those are sorted that lie under a guess of
    the `least`-th lowest; where the guess was too low, all are.
    """
    wanted = least + 3 * least // 8 + 4
    n_front = n_found
    if n_found > 2 * wanted:
        guess = np.uint64(np.float64(wanted) / np.float64(n_found) * _TWO_64)
        n_front = _gather(found, n_found, max(threshold, guess))
    kept = _distinct(found, n_front)
    if kept < least and n_front < n_found:
        kept = _distinct(found, n_found)
    while kept > least and found[kept - 1] > threshold:
        kept -= 1
    return min(kept, limit)


@njit(cache=True, nogil=True)
def _ceiling(found: np.ndarray, kept: int, threshold: np.uint64, least: int, limit: int) -> np.uint64:
    """Largest hash that may still matter to a text of which `kept` are kept."""
    if kept >= limit:
        return found[limit - 1]
    if least == 0:
        return threshold
    return max(threshold, found[least - 1]) if kept >= least else _MAX


@njit(cache=True, nogil=True)
def _read_text(
    data: np.ndarray,
    at: int,
    end: int,
    table: np.ndarray,
    want: bool,
    width: int,
    threshold: np.uint64,
    least: int,
    limit: int,
    ring: np.ndarray,
    weights: np.ndarray,
    found: np.ndarray,
) -> tuple[np.uint64, int, int, int]:
    """Text hash, tokens, dominant script and the number of shingles put into `found`."""
    text_hash = _SEED
    n_tokens, n_stream, n_found, n_formed = 0, 0, 0, 0
    weights[:] = 0
    token = _SEED
    ceiling = _MAX if least > 0 else threshold
    run, run_script, previous = np.int64(SEPARATOR), np.int64(0), np.int64(SEPARATOR)
    while at <= end:
        length = 1
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
            n_tokens += 1
            token = token ^ (token >> _U32)
            text_hash = (text_hash ^ token) * _TOKEN_PRIME
            text_hash = text_hash ^ (text_hash >> _U29)
            weights[run_script] += 1
            if want and not (run == DIGIT and previous == DIGIT):
                ring[n_stream & (_RING - 1)] = _NUMBER if run == DIGIT else token
                n_stream += 1
                span = 2 * width if run == SINGLE else width
                if n_stream >= span:
                    n_formed += 1
                    value = _shingle(ring, n_stream, span)
                    if value <= ceiling:
                        if n_found == len(found):
                            n_found = _keep(found, n_found, threshold, least, limit)
                            ceiling = _ceiling(found, n_found, threshold, least, limit)
                        found[n_found] = value
                        n_found += 1
            previous = run
        run = kind
        run_script = np.int64(packed >> np.uint32(28))
        token = (_SEED ^ folded) * _PRIME
    if want and n_formed == 0 and n_stream > 0:
        value = _shingle(ring, n_stream, n_stream)
        if value <= ceiling:
            found[0] = value
            n_found = 1
    weights[0] = 0
    final = mix(text_hash) if n_tokens > 0 else np.uint64(0)
    return final, n_tokens, _dominant(weights), n_found


@njit(cache=True, nogil=True)
def _scratch(offsets: np.ndarray, limit: int) -> int:
    """Room for the shingles of any one text: every token of the longest, or twice what may be kept."""
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, int(offsets[row + 1] - offsets[row]))
    return min(longest, 2 * limit + 1024) + 1


@njit(cache=True, nogil=True)
def sketch_buffer(
    data: np.ndarray,
    offsets: np.ndarray,
    valid: np.ndarray,
    select: np.ndarray,
    table: np.ndarray,
    width: int,
    threshold: np.uint64,
    least: int,
    limit: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sketch n texts of an Arrow string buffer.

    Args:
        data: uint8[], the bytes.
        offsets: int32 or int64 [n + 1] into `data`.
        valid: bool[n], or bool[0] where no text is null.
        select: bool[n], which texts get shingles, or bool[0] for all.
        table: `text_classes.class_table()`.
        width: words to a shingle, 1 to `MAX_WIDTH`.
        threshold: the largest hash that is kept in any case.
        least: how many of the lowest are kept in any text; at most `limit`.
        limit: the most shingles to a text.

    Returns:
        Text hashes uint64[n], tokens int32[n], scripts uint8[n], offsets int64[n + 1], shingles uint64[m].
    """
    n = len(offsets) - 1
    hashes, n_words = np.zeros(n, np.uint64), np.zeros(n, np.int32)
    scripts, bounds = np.zeros(n, np.uint8), np.zeros(n + 1, np.int64)
    shingles, found = np.empty(max(64, 8 * n), np.uint64), np.empty(_scratch(offsets, limit), np.uint64)
    ring, weights = np.zeros(_RING, np.uint64), np.zeros(_N_SCRIPTS, np.int64)
    size = 0
    for row in range(n):
        if len(valid) == 0 or valid[row]:
            want = len(select) == 0 or select[row]
            start, stop = int(offsets[row]), int(offsets[row + 1])
            result = _read_text(
                data, start, stop, table, want, width, threshold, least, limit, ring, weights, found
            )
            hashes[row], n_words[row], scripts[row], n_found = result
            n_found = _keep(found, n_found, threshold, least, limit)
            if size + n_found > len(shingles):
                shingles = _grown(shingles, size + n_found)
            shingles[size : size + n_found] = found[:n_found]
            size += n_found
        bounds[row + 1] = size
    return hashes, n_words, scripts, bounds, shingles[:size].copy()
