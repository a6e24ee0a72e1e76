"""SipHash-2-4 of 64-bit hashes under a 128-bit key, so that sketches tell nothing to those without the key.

An unkeyed sketch is a public function of the text: whoever holds it can test a guess of the text against it.
Keyed hashes keep every equality, hence every overlap, and lose that. Aumasson and Bernstein, "SipHash: a fast
short-input PRF", 2012; the message is the hash as eight little-endian bytes.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["key_hashes"]


@njit(cache=True, nogil=True, inline="always")
def _rotate(value: np.uint64, by: int) -> np.uint64:
    return (value << np.uint64(by)) | (value >> np.uint64(64 - by))


@njit(cache=True, nogil=True, inline="always")
def _round(
    a: np.uint64, b: np.uint64, c: np.uint64, d: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    a, c = a + b, c + d
    b, d = _rotate(b, 13) ^ a, _rotate(d, 16) ^ c
    a, c = _rotate(a, 32) + d, c + b
    d, b = _rotate(d, 21) ^ a, _rotate(b, 17) ^ c
    return a, b, _rotate(c, 32), d


@njit(cache=True, nogil=True)
def key_hashes(values: np.ndarray, key_low: np.uint64, key_high: np.uint64) -> np.ndarray:
    """SipHash-2-4 of each value, uint64[n] to uint64[n]; the key as two little-endian words."""
    out = np.empty(len(values), np.uint64)
    length = np.uint64(8) << np.uint64(56)
    for index in range(len(values)):
        value = values[index]
        a = key_low ^ np.uint64(0x736F6D6570736575)
        b = key_high ^ np.uint64(0x646F72616E646F6D)
        c = key_low ^ np.uint64(0x6C7967656E657261)
        d = key_high ^ np.uint64(0x7465646279746573) ^ value
        a, b, c, d = _round(a, b, c, d)
        a, b, c, d = _round(a, b, c, d)
        a, d = a ^ value, d ^ length
        a, b, c, d = _round(a, b, c, d)
        a, b, c, d = _round(a, b, c, d)
        a, c = a ^ length, c ^ np.uint64(0xFF)
        for _ in range(4):
            a, b, c, d = _round(a, b, c, d)
        out[index] = a ^ b ^ c ^ d
    return out
