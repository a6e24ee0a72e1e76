"""Philox4x32-10 (Salmon et al. 2011) arranged as vLLM's watermark arranges it (`philox4x32-10-v1`).

Written from the published construction: the context is absorbed in blocks of four tokens by chaining, the token's
upper 30 bits and the context state make a second counter block, and its lower two bits pick one of four output
words. The uniform is ((word >> 8) + 1) / (2**24 + 1), rounded to float32, never 0 or 1.
Philox is a counter-based generator, not a cryptographic PRF: it resists neither forgery nor key recovery.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["philox4x32", "philox_exponential_sums", "philox_green_counts", "philox_words"]

_MASK = np.uint64(0xFFFFFFFF)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_CONTEXT, _TOKEN = np.uint64(0x574D4358), np.uint64(0x574D544B)
_B2, _B3, _B8, _B32 = np.uint64(2), np.uint64(3), np.uint64(8), np.uint64(32)
_ZERO = np.uint64(0)


@njit(cache=True, nogil=True, forceinline=True)
def _two(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Two rounds, and the key moved on by two."""
    p0, p1 = _M0 * (c0 & _MASK), _M1 * (c2 & _MASK)
    c0, c1, c2, c3 = (p1 >> _B32) ^ c1 ^ k0, p1 & _MASK, (p0 >> _B32) ^ c3 ^ k1, p0 & _MASK
    k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    p0, p1 = _M0 * (c0 & _MASK), _M1 * (c2 & _MASK)
    c0, c1, c2, c3 = (p1 >> _B32) ^ c1 ^ k0, p1 & _MASK, (p0 >> _B32) ^ c3 ^ k1, p0 & _MASK
    return c0, c1, c2, c3, (k0 + _W0) & _MASK, (k1 + _W1) & _MASK


@njit(cache=True, nogil=True, forceinline=True)
def philox4x32(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Ten rounds on a counter block, 32-bit words held in uint64; unrolled, or loops over keys stay scalar."""
    c0, c1, c2, c3, k0, k1 = _two(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = _two(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = _two(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = _two(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = _two(c0, c1, c2, c3, k0, k1)
    return c0, c1, c2, c3


@njit(cache=True, nogil=True)
def _slot(context, at):  # type: ignore[no-untyped-def]
    """A context token, or the filler of an incomplete block."""
    if at < context.shape[0]:
        return np.uint64(context[at]) & _MASK
    return _MASK - np.uint64(at & 3)


@njit(cache=True, nogil=True)
def _word(key, context, token):  # type: ignore[no-untyped-def]
    k0, k1 = key & _MASK, key >> _B32
    a, b, c, d = _CONTEXT, np.uint64(context.shape[0]), _ZERO, _ZERO
    for at in range(0, context.shape[0], 4):
        x0, x1 = _slot(context, at), _slot(context, at + 1)
        x2, x3 = _slot(context, at + 2), _slot(context, at + 3)
        a, b, c, d = philox4x32(a ^ x0, b ^ x1, c ^ x2, d ^ x3, k0 ^ np.uint64(at), k1)
    low = token & _MASK
    a, b, c, d = philox4x32(low >> _B2, a, b, c, k0 ^ d, k1 ^ _TOKEN)
    pick = low & _B3
    first = a if pick == _ZERO else b
    second = c if pick == _B2 else d
    return first if pick < _B2 else second


@njit(cache=True, nogil=True)
def _uniform(word):  # type: ignore[no-untyped-def]
    return np.float64(np.float32((np.float64(word >> _B8) + 1.0) / 16777217.0))


@njit(cache=True, nogil=True)
def philox_words(key, contexts, tokens, out):  # type: ignore[no-untyped-def]
    """Fills `out[i]` with the 32-bit word of pair i under a 64-bit `key`.

    Args:
        key: uint64. contexts: int64, shape (n, width), -1 where the text had not begun. tokens: int64, shape (n,).
    """
    for i in range(tokens.shape[0]):
        out[i] = _word(key, contexts[i], np.uint64(tokens[i]))
    return out


@njit(cache=True, nogil=True)
def _only(pick, value):  # type: ignore[no-untyped-def]
    """All ones where the choice is `value`, else zero: a choice without a branch."""
    return _MASK if pick == np.uint64(value) else _ZERO


@njit(cache=True, nogil=True)
def _fill(keys, context, token, out):  # type: ignore[no-untyped-def]
    """The pair's word under every key; what does not depend on the key is hoisted so that lanes are keys."""
    width = np.uint64(context.shape[0])
    x0, x1, x2, x3 = _slot(context, 0), _slot(context, 1), _slot(context, 2), _slot(context, 3)
    low = token & _MASK
    high, pick = low >> _B2, low & _B3
    take_a, take_b, take_c, take_d = _only(pick, 0), _only(pick, 1), _only(pick, 2), _only(pick, 3)
    for i in range(keys.shape[0]):
        k0, k1 = keys[i] & _MASK, keys[i] >> _B32
        a, b, c, d = philox4x32(_CONTEXT ^ x0, width ^ x1, x2, x3, k0, k1)
        a, b, c, d = philox4x32(high, a, b, c, k0 ^ d, k1 ^ _TOKEN)
        out[i] = (a & take_a) | (b & take_b) | (c & take_c) | (d & take_d)


@njit(cache=True, nogil=True)
def _fill_any(keys, context, token, out):  # type: ignore[no-untyped-def]
    if context.shape[0] <= 4:
        _fill(keys, context, token, out)
    else:
        for i in range(keys.shape[0]):
            out[i] = _word(keys[i], context, token)


@njit(cache=True, nogil=True)
def philox_exponential_sums(keys, contexts, tokens):  # type: ignore[no-untyped-def]
    """Sum over pairs of -log(1 - u) for each key, float64 of shape (n_keys,); see `prf_sums`."""
    sums = np.zeros(keys.shape[0])
    product = np.ones(keys.shape[0])
    words = np.empty(keys.shape[0], np.uint64)
    for j in range(tokens.shape[0]):
        _fill_any(keys, contexts[j], np.uint64(tokens[j]), words)
        for i in range(keys.shape[0]):
            product[i] *= 1.0 - _uniform(words[i])
        if j % 16 == 15:
            sums -= np.log(product)
            product[:] = 1.0
    return sums - np.log(product)


@njit(cache=True, nogil=True)
def philox_green_counts(keys, contexts, tokens, gamma):  # type: ignore[no-untyped-def]
    """How many pairs have a uniform below `gamma` under each key, int64 of shape (n_keys,)."""
    counts = np.zeros(keys.shape[0], np.int64)
    words = np.empty(keys.shape[0], np.uint64)
    for j in range(tokens.shape[0]):
        _fill_any(keys, contexts[j], np.uint64(tokens[j]), words)
        for i in range(keys.shape[0]):
            counts[i] += np.int64(_uniform(words[i]) < gamma)
    return counts
