"""MinHash of many sets at once, and leader clustering of sets that nearly coincide."""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numba.typed import Dict

from hydrascope.kernels.strings import mix_word

__all__ = ["lead_sets", "minhash_sets"]

_STEP = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True)
def minhash_sets(offsets: np.ndarray, members: np.ndarray, n_hashes: int) -> np.ndarray:
    """uint32[n, n_hashes] MinHash signatures.

    The share of equal entries of two signatures estimates the Jaccard similarity of the sets, with standard
    error sqrt(J (1 - J) / n_hashes) (Broder 1997).

    Args:
        offsets: int64[n+1] into `members`.
        members: int32[m] set members.
    """
    n = len(offsets) - 1
    out = np.full((n, n_hashes), 0xFFFFFFFF, np.uint32)
    for row in range(n):
        for i in range(offsets[row], offsets[row + 1]):
            base = mix_word(np.uint64(members[i]) + _STEP)
            for h in range(n_hashes):
                value = np.uint32(mix_word(base + np.uint64(h) * _STEP) >> np.uint64(32))
                out[row, h] = min(out[row, h], value)
    return out


@njit(cache=True, nogil=True)
def lead_sets(signatures: np.ndarray, order: np.ndarray, band: int, agreement: float) -> np.ndarray:
    """Greedy leader clustering: int64[n], the index of each set's leader.

    Sets are visited in `order`. A set joins the leader whose signature agrees with its own most, if that is
    at least `agreement`; otherwise it leads. Leaders are looked up by bands of `band` consecutive hashes, the
    last leader of a band being kept, so the work is linear in n.

    Args:
        signatures: uint32[n, k].
        order: int64[n], a permutation.
        band: hashes a band; a pair with Jaccard J shares a given band with probability J ** band.
        agreement: least share of equal hashes.
    """
    n, k = signatures.shape
    n_bands = k // band
    leaders = Dict.empty(key_type=types.uint64, value_type=types.int64)
    out = np.empty(n, np.int64)
    keys = np.empty(n_bands, np.uint64)
    for position in range(n):
        row = order[position]
        best, best_equal = np.int64(-1), 0
        for b in range(n_bands):
            key = np.uint64(b + 1) * _STEP
            for j in range(band):
                key = mix_word(key ^ np.uint64(signatures[row, b * band + j]))
            keys[b] = key
            if key in leaders:
                candidate = leaders[key]
                if candidate != best:
                    equal = 0
                    for h in range(k):
                        equal += signatures[row, h] == signatures[candidate, h]
                    if equal > best_equal:
                        best, best_equal = candidate, equal
        if best >= 0 and best_equal >= agreement * k:
            out[row] = best
        else:
            out[row] = row
            for b in range(n_bands):
                leaders[keys[b]] = row
    return out
