"""64-bit hashes of short strings, straight from Arrow buffers.

Identifiers and channel values travel through the pipeline as these hashes: joins and group-bys on int64 are
several times cheaper than on text, and a hash made here is the same on every engine (an engine's own hash is
not). The hash is a multiply-xorshift over eight-byte words with a length-dependent start; it resists
accidents, not adversaries: a forged collision would merge two values inside one channel of one log.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

__all__ = ["hash_prefixes", "hash_strings", "mix64", "mix_word"]

_M1 = np.uint64(0xFF51AFD7ED558CCD)
_M2 = np.uint64(0xC4CEB9FE1A85EC53)
_SEED = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True, inline="always")
def mix_word(x: np.uint64) -> np.uint64:
    """The murmur3 finaliser: a bijection of 64-bit words that looks random."""
    x ^= x >> np.uint64(33)
    x *= _M1
    x ^= x >> np.uint64(33)
    x *= _M2
    x ^= x >> np.uint64(33)
    return x


@njit(cache=True, nogil=True)
def _hash_slice(data: np.ndarray, start: int, end: int) -> np.uint64:
    h = _SEED ^ (np.uint64(end - start) * _M2)
    i = start
    while i < end:
        word = np.uint64(0)
        top = min(8, end - i)
        for j in range(top):
            word |= np.uint64(data[i + j]) << np.uint64(8 * j)
        h = mix_word(h ^ word) + _SEED
        i += 8
    return mix_word(h)


@njit(cache=True, nogil=True)
def _hash_all(data: np.ndarray, offsets: np.ndarray, out: np.ndarray) -> None:
    for row in range(len(out)):
        out[row] = _hash_slice(data, offsets[row], offsets[row + 1])


@njit(cache=True, nogil=True)
def _without_zeros(data: np.ndarray, start: int, end: int) -> int:
    """Where `2001:db8:0` ends without its zero groups: `2001:db8::1` lies in the same /48 and does not write them."""
    while end - start > 2 and data[end - 1] == 48 and data[end - 2] == 58:
        end -= 2
    return end


@njit(cache=True, nogil=True)
def _network_end(data: np.ndarray, start: int, end: int) -> int:
    """Where the network part of a canonically written address (RFC 5952) ends: /24 for IPv4, /48 for IPv6."""
    dots = 0
    last_dot = end
    for i in range(start, end):
        if data[i] == 46:
            dots += 1
            last_dot = i
    if dots == 3:
        return last_dot
    colons = 0
    for i in range(start, end):
        if data[i] == 58:
            colons += 1
            if colons == 3 or (i + 1 < end and data[i + 1] == 58):
                return _without_zeros(data, start, i)
    return end


@njit(cache=True, nogil=True)
def _hash_networks(data: np.ndarray, offsets: np.ndarray, out: np.ndarray) -> None:
    for row in range(len(out)):
        out[row] = _hash_slice(data, offsets[row], _network_end(data, offsets[row], offsets[row + 1]))


def _buffers(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Bytes and n+1 offsets of a string array, whatever its layout."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if not pa.types.is_string(texts.type) and not pa.types.is_large_string(texts.type):
        texts = texts.cast(pa.large_string())
    _, offsets, data = texts.buffers()
    width = np.dtype(np.int32) if pa.types.is_string(texts.type) else np.dtype(np.int64)
    if offsets is None or len(texts) == 0:
        return np.zeros(0, np.uint8), np.zeros(len(texts) + 1, np.int64)
    starts = np.frombuffer(offsets, width)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8), starts


def _as_int64(hashes: np.ndarray, texts: pa.Array) -> pa.Array:
    mask = None if texts.null_count == 0 else pc.is_null(texts).to_numpy(zero_copy_only=False)
    return pa.array(hashes.view(np.int64), mask=mask)


def hash_strings(texts: pa.Array) -> pa.Array:
    """int64 hash of each string; null stays null.

    Args:
        texts: string, large_string, string_view or dictionary array of n rows.
    """
    if pa.types.is_dictionary(texts.type):
        return hash_strings(texts.dictionary).take(texts.indices)
    data, offsets = _buffers(texts)
    out = np.empty(len(texts), np.uint64)
    _hash_all(data, offsets, out)
    return _as_int64(out, texts)


def hash_prefixes(addresses: pa.Array) -> pa.Array:
    """int64 hash of the /24 (IPv4) or /48 (IPv6) part of each written address; null stays null."""
    if pa.types.is_dictionary(addresses.type):
        return hash_prefixes(addresses.dictionary).take(addresses.indices)
    data, offsets = _buffers(addresses)
    out = np.empty(len(addresses), np.uint64)
    _hash_networks(data, offsets, out)
    return _as_int64(out, addresses)


def mix64(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """A seeded bijection of 64-bit integers that looks random (the murmur3 finaliser), vectorised.

    >>> bool((mix64(np.arange(4), 1) != mix64(np.arange(4), 2)).all())
    True
    """
    x = values.astype(np.uint64, copy=True)
    x += np.uint64(((seed + 1) * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF)
    x ^= x >> np.uint64(33)
    x *= _M1
    x ^= x >> np.uint64(33)
    x *= _M2
    x ^= x >> np.uint64(33)
    return x
