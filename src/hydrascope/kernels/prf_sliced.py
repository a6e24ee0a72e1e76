"""Bit-sliced key search: one PRF word answers for 64 keys at once.

A block is one 128-bit key. Its word for a (context, token) pair is 64 fair coins, one for each slot, and a key
is a (block, slot). Counting how often each coin fell green therefore costs one PRF call and a few logical
operations for 64 keys, instead of 64 calls.

Theory of operation. Lanes are blocks, so every inner loop is elementwise over contiguous arrays and vectorises.
Words are added to vertical counters: plane j holds bit j of 64 counters a block. Three levels of carry-save
adders take eight words each (seven adders for eight words), so that plane j is touched every 8**(j // 3) words;
the rest ripples once in 512 words, and planes are read out before they could overflow.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from hydrascope.kernels.prf import (
    mix,
    mix_first,
    sip_absorb,
    sip_end64,
    sip_finish,
    sip_start,
)

__all__ = ["count_bits", "sliced_counts", "sliced_counts_reference"]

TILE = 96
"""Blocks worked on together: their words and planes stay in the first-level cache."""
_PLANES = 17
_FLUSH = 127
"""Groups of 512 words between two read-outs: 127 * 512 < 2**16, one plane to spare."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_EE, _DD = np.uint64(0xEE), np.uint64(0xDD)
_ONE = np.uint64(1)

SIPHASH, MIX = 0, 1


@njit(cache=True, nogil=True)
def _sip64(k0, k1, m, out):  # type: ignore[no-untyped-def]
    if m.shape[0] == 2:
        a, b = m[0], m[1]
        for i in range(out.shape[0]):
            v0, v1, v2, v3 = sip_start(k0[i], k1[i])
            v0, v1, v2, v3 = sip_absorb(v0, v1, v2, v3, a)
            v0, v1, v2, v3 = sip_absorb(v0, v1, v2, v3, b)
            out[i] = sip_end64(v0, v1, v2, v3)
    else:
        a, b, c = m[0], m[1], m[2]
        for i in range(out.shape[0]):
            v0, v1, v2, v3 = sip_start(k0[i], k1[i])
            v0, v1, v2, v3 = sip_absorb(v0, v1, v2, v3, a)
            v0, v1, v2, v3 = sip_absorb(v0, v1, v2, v3, b)
            v0, v1, v2, v3 = sip_absorb(v0, v1, v2, v3, c)
            out[i] = sip_end64(v0, v1, v2, v3)


@njit(cache=True, nogil=True)
def _sip_first(k0, k1, m, state, out):  # type: ignore[no-untyped-def]
    """First word of the 128-bit variant; `state` (4, blocks) keeps what the second needs."""
    n_words = m.shape[0]
    a, b, c = m[0], m[1], m[n_words - 1]
    for i in range(out.shape[0]):
        v0, v1, v2, v3 = sip_start(k0[i], k1[i])
        v0, v1, v2, v3 = sip_absorb(v0, v1 ^ _EE, v2, v3, a)
        v0, v1, v2, v3 = sip_absorb(v0, v1, v2, v3, b)
        if n_words == 3:
            v0, v1, v2, v3 = sip_absorb(v0, v1, v2, v3, c)
        v0, v1, v2, v3 = sip_finish(v0, v1, v2 ^ _EE, v3)
        state[0, i], state[1, i], state[2, i], state[3, i] = v0, v1, v2, v3
        out[i] = v0 ^ v1 ^ v2 ^ v3


@njit(cache=True, nogil=True)
def _sip_quarter(k0, k1, m, state, out):  # type: ignore[no-untyped-def]
    """Both words, and; two loops, because one with both needs more registers than there are."""
    _sip_first(k0, k1, m, state, out)
    for i in range(out.shape[0]):
        v0, v1, v2, v3 = sip_finish(state[0, i], state[1, i] ^ _DD, state[2, i], state[3, i])
        out[i] &= v0 ^ v1 ^ v2 ^ v3


@njit(cache=True, nogil=True)
def _mix_half(k0, k1, digest, out):  # type: ignore[no-untyped-def]
    for i in range(out.shape[0]):
        out[i] = mix(mix_first(k0[i], k1[i], digest))


@njit(cache=True, nogil=True)
def _mix_quarter(k0, k1, digest, out):  # type: ignore[no-untyped-def]
    for i in range(out.shape[0]):
        state = mix_first(k0[i], k1[i], digest)
        out[i] = mix(state) & mix(state ^ _GOLDEN)


@njit(cache=True, nogil=True, forceinline=True)
def _add(a, b, c):  # type: ignore[no-untyped-def]
    """A carry-save adder: three bits in, carry and sum out, 64 at a time."""
    u = a ^ b
    return (a & b) | (u & c), u ^ c


@njit(cache=True, nogil=True)
def _take_eight(ones, twos, fours, w, carry):  # type: ignore[no-untyped-def]
    """Adds eight words to three planes; `carry` gets the bits worth eight."""
    for i in range(carry.shape[0]):
        o, t = ones[i], twos[i]
        ta, o = _add(o, w[0, i], w[1, i])
        tb, o = _add(o, w[2, i], w[3, i])
        fa, t = _add(t, ta, tb)
        ta, o = _add(o, w[4, i], w[5, i])
        tb, o = _add(o, w[6, i], w[7, i])
        fb, t = _add(t, ta, tb)
        carry[i], fours[i] = _add(fours[i], fa, fb)
        ones[i] = o
        twos[i] = t


@njit(cache=True, nogil=True)
def _ripple(planes, carry):  # type: ignore[no-untyped-def]
    """Adds one more bit, worth 512, to the planes above the three adder levels."""
    for j in range(9, planes.shape[0]):
        for i in range(carry.shape[0]):
            x = planes[j, i]
            planes[j, i] = x ^ carry[i]
            carry[i] &= x


@njit(cache=True, nogil=True)
def _read_out(planes, counts):  # type: ignore[no-untyped-def]
    """Moves the vertical counters into `counts` (block, slot) and clears them."""
    for j in range(planes.shape[0]):
        for i in range(planes.shape[1]):
            x = planes[j, i]
            for s in range(64):
                counts[i, s] += np.int64((x >> np.uint64(s)) & _ONE) << j
            planes[j, i] = np.uint64(0)


@njit(cache=True, nogil=True)
def _fill(prf, quarter, k0, k1, message, state, out):  # type: ignore[no-untyped-def]
    if prf == SIPHASH:
        if quarter:
            _sip_quarter(k0, k1, message, state, out)
        else:
            _sip64(k0, k1, message, out)
    elif quarter:
        _mix_quarter(k0, k1, message[0], out)
    else:
        _mix_half(k0, k1, message[0], out)


@njit(cache=True, nogil=True)
def _count_tile(prf, quarter, k0, k1, messages, counts):  # type: ignore[no-untyped-def]
    n, width = messages.shape[0], k0.shape[0]
    planes = np.zeros((_PLANES, width), np.uint64)
    words = np.zeros((8, width), np.uint64)
    eights = np.zeros((8, width), np.uint64)
    sixties = np.zeros((8, width), np.uint64)
    carry = np.zeros(width, np.uint64)
    state = np.zeros((4, width), np.uint64)
    n_groups = (n + 511) // 512
    for group in range(n_groups):
        for a in range(8):
            for b in range(8):
                start = group * 512 + a * 64 + b * 8
                for c in range(8):
                    if start + c < n:
                        _fill(prf, quarter, k0, k1, messages[start + c], state, words[c])
                    else:
                        words[c, :] = np.uint64(0)
                _take_eight(planes[0], planes[1], planes[2], words, eights[b])
            _take_eight(planes[3], planes[4], planes[5], eights, sixties[a])
        _take_eight(planes[6], planes[7], planes[8], sixties, carry)
        _ripple(planes, carry)
        if (group + 1) % _FLUSH == 0:
            _read_out(planes, counts)
    _read_out(planes, counts)


@njit(cache=True, nogil=True)
def sliced_counts(prf, quarter, k0, k1, messages):  # type: ignore[no-untyped-def]
    """Green counts of every slot of every block.

    Args:
        prf: 0 for SipHash-2-4, 1 for the mix.
        quarter: True for gamma 1/4 (two words, and), False for gamma 1/2.
        k0, k1: uint64 block keys, shape (n_blocks,).
        messages: uint64 message words, shape (n_pairs, 2 or 3), or digests, shape (n_pairs, 1), for the mix.

    Returns:
        int64 of shape (n_blocks, 64).
    """
    counts = np.zeros((k0.shape[0], 64), np.int64)
    for start in range(0, k0.shape[0], TILE):
        stop = min(start + TILE, k0.shape[0])
        _count_tile(prf, quarter, k0[start:stop], k1[start:stop], messages, counts[start:stop])
    return counts


def count_bits(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """How often each of the 64 bits is set in `words`."""
    return np.array([int(((words >> np.uint64(s)) & _ONE).sum()) for s in range(64)], dtype=np.int64)


def sliced_counts_reference(words_of_block: list[npt.NDArray[np.uint64]]) -> npt.NDArray[np.int64]:
    """The plain version: words of each block in, counts of each slot out."""
    return np.array([count_bits(words) for words in words_of_block], dtype=np.int64).reshape(-1, 64)
