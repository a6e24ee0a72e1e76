"""Sums of exponential scores for many keys at once: our own keys here, engine handles in `prf_philox`.

A key's Gumbel statistic is the sum of -log(1 - u) over pairs. Sixteen factors 1 - u are multiplied before one
logarithm is taken: each is at least 2**-53, so the product stays far above the smallest double, and the sum is
exact to rounding. Lanes are keys.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hydrascope.kernels.prf import mix, mix_first, sip_absorb, sip_end64, sip_start

__all__ = ["exponential_sums"]

_B12 = np.uint64(12)
_SCALE = 2.0**-52


@njit(cache=True, nogil=True)
def _shrink(product, word):  # type: ignore[no-untyped-def]
    return product * (1.0 - (np.float64(word >> _B12) + 0.5) * _SCALE)


@njit(cache=True, nogil=True)
def _sip_factors(k0, k1, m, product):  # type: ignore[no-untyped-def]
    n_words = m.shape[0]
    a, b, c = m[0], m[1], m[n_words - 1]
    for i in range(k0.shape[0]):
        v0, v1, v2, v3 = sip_start(k0[i], k1[i])
        v0, v1, v2, v3 = sip_absorb(v0, v1, v2, v3, a)
        v0, v1, v2, v3 = sip_absorb(v0, v1, v2, v3, b)
        if n_words == 3:
            v0, v1, v2, v3 = sip_absorb(v0, v1, v2, v3, c)
        product[i] = _shrink(product[i], sip_end64(v0, v1, v2, v3))


@njit(cache=True, nogil=True)
def _mix_factors(k0, k1, digest, product):  # type: ignore[no-untyped-def]
    for i in range(k0.shape[0]):
        product[i] = _shrink(product[i], mix(mix_first(k0[i], k1[i], digest)))


@njit(cache=True, nogil=True)
def exponential_sums(siphash, k0, k1, messages):  # type: ignore[no-untyped-def]
    """Sum over pairs of -log(1 - u) for each key, float64 of shape (n_keys,).

    Args:
        siphash: True for SipHash-2-4 over message words, False for the mix over digests (n_pairs, 1).
        k0, k1: uint64 keys, shape (n_keys,).
        messages: uint64, shape (n_pairs, 2 or 3), or (n_pairs, 1).
    """
    sums = np.zeros(k0.shape[0])
    product = np.ones(k0.shape[0])
    for j in range(messages.shape[0]):
        if siphash:
            _sip_factors(k0, k1, messages[j], product)
        else:
            _mix_factors(k0, k1, messages[j, 0], product)
        if j % 16 == 15:
            sums -= np.log(product)
            product[:] = 1.0
    return sums - np.log(product)
