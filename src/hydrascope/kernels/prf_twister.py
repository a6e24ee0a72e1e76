"""The first terms of a seeded permutation, as torch's CPU generator draws it (MT19937, Fisher-Yates).

transformers' red/green mark re-seeds a generator for each context and permutes the whole vocabulary. Reading such
marks needs the same draws; NumPy's legacy seeding starts MT19937 in the same state, and this kernel does it in
place for thousands of contexts.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["green_of_permutation", "permutation"]

_N, _M = 624, 397
_UPPER, _LOWER, _A = np.uint32(0x80000000), np.uint32(0x7FFFFFFF), np.uint32(0x9908B0DF)
_ONE = np.uint32(1)


@njit(cache=True, nogil=True)
def _seed(state, seed):  # type: ignore[no-untyped-def]
    x = np.uint64(seed) & np.uint64(0xFFFFFFFF)
    for i in range(_N):
        state[i] = np.uint32(x)
        x = (np.uint64(1812433253) * (x ^ (x >> np.uint64(30))) + np.uint64(i + 1)) & np.uint64(0xFFFFFFFF)


@njit(cache=True, nogil=True)
def _twist(state):  # type: ignore[no-untyped-def]
    for i in range(_N):
        y = (state[i] & _UPPER) | (state[(i + 1) % _N] & _LOWER)
        z = y >> _ONE
        if y & _ONE:
            z ^= _A
        state[i] = state[(i + _M) % _N] ^ z


@njit(cache=True, nogil=True)
def _temper(y):  # type: ignore[no-untyped-def]
    y ^= y >> np.uint32(11)
    y ^= (y << np.uint32(7)) & np.uint32(0x9D2C5680)
    y ^= (y << np.uint32(15)) & np.uint32(0xEFC60000)
    return y ^ (y >> np.uint32(18))


@njit(cache=True, nogil=True)
def permutation(seed, n, n_first, out):  # type: ignore[no-untyped-def]
    """Fills `out[:n]` with 0..n-1, of which the first `n_first` are those of the seeded permutation."""
    state = np.empty(_N, np.uint32)
    _seed(state, seed)
    at = _N
    for i in range(n):
        out[i] = i
    for i in range(min(n_first, n - 1)):
        if at == _N:
            _twist(state)
            at = 0
        z = i + np.int64(_temper(state[at])) % (n - i)
        at += 1
        out[i], out[z] = out[z], out[i]
    return out


@njit(cache=True, nogil=True)
def green_of_permutation(seeds, tokens, n_vocabulary, n_green, out):  # type: ignore[no-untyped-def]
    """Fills `out[i]`: is tokens[i] among the first `n_green` of the permutation seeded with seeds[i]?

    Equal seeds must be neighbours: each run costs one permutation.
    """
    order = np.empty(n_vocabulary, np.int64)
    green = np.zeros(n_vocabulary, np.bool_)
    for i in range(tokens.shape[0]):
        if i == 0 or seeds[i] != seeds[i - 1]:
            permutation(seeds[i], n_vocabulary, n_green, order)
            green[:] = False
            green[order[:n_green]] = True
        out[i] = green[tokens[i]]
    return out
