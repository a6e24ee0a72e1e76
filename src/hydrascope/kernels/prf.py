"""Keyed pseudorandom words for (context, token) pairs: SipHash-2-4 and a fast 64-bit mix.

A pair is the message `context tokens || token`, each a little-endian uint32. `messages` packs it into the
64-bit words SipHash absorbs, the last of which holds the length, so `siphash_words` gives byte for byte the
published function (Aumasson and Bernstein, 2012) and `siphash_pairs` its 128-bit variant.

The mix is Stafford's 64-bit finaliser, keyed twice over a public digest of the pair. It is uniform and its keys
are independent (tested), but it is no cryptographic PRF: who sees enough marked text could solve for a key.
Everything here is a pure function of arrays; the scalar definitions are inlined into the bit-sliced kernel.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = [
    "digests",
    "messages",
    "mix_pairs",
    "mix_words",
    "siphash_pairs",
    "siphash_words",
]

Words = npt.NDArray[np.uint64]

_SIP = (
    np.uint64(0x736F6D6570736575),
    np.uint64(0x646F72616E646F6D),
    np.uint64(0x6C7967656E657261),
    np.uint64(0x7465646279746573),
)
_S0, _S1, _S2, _S3 = _SIP
_FF, _EE, _DD = np.uint64(0xFF), np.uint64(0xEE), np.uint64(0xDD)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_B13, _B16, _B17, _B21, _B27, _B30, _B31, _B32, _B64 = (
    np.uint64(n) for n in (13, 16, 17, 21, 27, 30, 31, 32, 64)
)


def messages(contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> Words:
    """Packs pairs into SipHash message words.

    Args:
        contexts: token ids, shape (n, width), each in [0, 2**32).
        tokens: token ids, shape (n,).

    Returns:
        uint64 of shape (n, width // 2 + 1 + width % 2): full words, then the last bytes with the length on top.
    """
    context = np.asarray(contexts, dtype=np.int64).astype(np.uint32)
    token = np.asarray(tokens, dtype=np.int64).astype(np.uint32)
    n, width = context.shape
    n_bytes = 4 * (width + 1)
    n_words = n_bytes // 8 + 1
    flat = np.zeros((n, 2 * n_words), dtype="<u4")
    flat[:, :width] = context
    flat[:, width] = token
    words = flat.view("<u8").astype(np.uint64)
    words[:, -1] |= np.uint64(n_bytes << 56)
    return words


@njit(cache=True, nogil=True, forceinline=True)
def sip_round(v0, v1, v2, v3):  # type: ignore[no-untyped-def]
    """One SipRound."""
    v0 += v1
    v1 = (v1 << _B13) | (v1 >> (_B64 - _B13))
    v1 ^= v0
    v0 = (v0 << _B32) | (v0 >> _B32)
    v2 += v3
    v3 = (v3 << _B16) | (v3 >> (_B64 - _B16))
    v3 ^= v2
    v0 += v3
    v3 = (v3 << _B21) | (v3 >> (_B64 - _B21))
    v3 ^= v0
    v2 += v1
    v1 = (v1 << _B17) | (v1 >> (_B64 - _B17))
    v1 ^= v2
    v2 = (v2 << _B32) | (v2 >> _B32)
    return v0, v1, v2, v3


@njit(cache=True, nogil=True, forceinline=True)
def sip_absorb(v0, v1, v2, v3, word):  # type: ignore[no-untyped-def]
    """One compression: two rounds around a message word."""
    v3 ^= word
    v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
    v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
    return v0 ^ word, v1, v2, v3


@njit(cache=True, nogil=True, forceinline=True)
def sip_finish(v0, v1, v2, v3):  # type: ignore[no-untyped-def]
    """Four finalising rounds."""
    v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
    v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
    v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
    return sip_round(v0, v1, v2, v3)


@njit(cache=True, nogil=True, forceinline=True)
def sip_start(k0, k1):  # type: ignore[no-untyped-def]
    """The keyed initial state."""
    return k0 ^ _S0, k1 ^ _S1, k0 ^ _S2, k1 ^ _S3


@njit(cache=True, nogil=True, forceinline=True)
def sip_end64(v0, v1, v2, v3):  # type: ignore[no-untyped-def]
    """The 64-bit output of an absorbed state."""
    v0, v1, v2, v3 = sip_finish(v0, v1, v2 ^ _FF, v3)
    return v0 ^ v1 ^ v2 ^ v3


@njit(cache=True, nogil=True, forceinline=True)
def sip_end128(v0, v1, v2, v3):  # type: ignore[no-untyped-def]
    """The two output words of the 128-bit variant (its state starts with v1 ^ 0xee)."""
    v0, v1, v2, v3 = sip_finish(v0, v1, v2 ^ _EE, v3)
    first = v0 ^ v1 ^ v2 ^ v3
    v0, v1, v2, v3 = sip_finish(v0, v1 ^ _DD, v2, v3)
    return first, v0 ^ v1 ^ v2 ^ v3


@njit(cache=True, nogil=True)
def siphash_words(k0, k1, words, out):  # type: ignore[no-untyped-def]
    """Fills `out[i]` with SipHash-2-4 under (k0, k1) of the message `words[i]`."""
    for i in range(words.shape[0]):
        v0, v1, v2, v3 = sip_start(k0, k1)
        for j in range(words.shape[1]):
            v0, v1, v2, v3 = sip_absorb(v0, v1, v2, v3, words[i, j])
        out[i] = sip_end64(v0, v1, v2, v3)
    return out


@njit(cache=True, nogil=True)
def siphash_pairs(k0, k1, words, out):  # type: ignore[no-untyped-def]
    """Fills `out[i, :2]` with the two words of SipHash-2-4-128 under (k0, k1) of `words[i]`."""
    for i in range(words.shape[0]):
        v0, v1, v2, v3 = sip_start(k0, k1)
        v1 ^= _EE
        for j in range(words.shape[1]):
            v0, v1, v2, v3 = sip_absorb(v0, v1, v2, v3, words[i, j])
        out[i, 0], out[i, 1] = sip_end128(v0, v1, v2, v3)
    return out


@njit(cache=True, nogil=True, forceinline=True)
def mix(x):  # type: ignore[no-untyped-def]
    """Stafford's variant 13 of the 64-bit finaliser."""
    x = (x ^ (x >> _B30)) * _M1
    x = (x ^ (x >> _B27)) * _M2
    return x ^ (x >> _B31)


@njit(cache=True, nogil=True, forceinline=True)
def mix_first(k0, k1, digest):  # type: ignore[no-untyped-def]
    """The state behind both words of the keyed mix."""
    return mix(digest ^ k0) + k1


@njit(cache=True, nogil=True)
def digests(words, out):  # type: ignore[no-untyped-def]
    """Fills `out[i]` with a public 64-bit digest of the message `words[i]` (no key enters)."""
    for i in range(words.shape[0]):
        state = _GOLDEN
        for j in range(words.shape[1]):
            state = mix(state ^ words[i, j]) + _GOLDEN
        out[i] = state
    return out


@njit(cache=True, nogil=True)
def mix_words(k0, k1, digest, out):  # type: ignore[no-untyped-def]
    """Fills `out[i]` with the keyed mix of `digest[i]`."""
    for i in range(digest.shape[0]):
        out[i] = mix(mix_first(k0, k1, digest[i]))
    return out


@njit(cache=True, nogil=True)
def mix_pairs(k0, k1, digest, out):  # type: ignore[no-untyped-def]
    """Fills `out[i, :2]` with the two words of the keyed mix of `digest[i]`."""
    for i in range(digest.shape[0]):
        state = mix_first(k0, k1, digest[i])
        out[i, 0] = mix(state)
        out[i, 1] = mix(state ^ _GOLDEN)
    return out
