"""Pseudorandom words and uniforms of our own keys, over arrays of (context, token) pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hydrascope.errors import UsageError
from hydrascope.kernels import prf as kernel
from hydrascope.kernels.prf_sliced import MIX, SIPHASH, sliced_counts
from hydrascope.watermark.keys import SLOTS, Key
from hydrascope.watermark.marks import Prf

__all__ = [
    "green_counts",
    "green_matrix",
    "green_words",
    "pair_words",
    "uniforms",
    "word_uniforms",
]

Ids = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


def pair_words(key: Key, contexts: npt.ArrayLike, tokens: npt.ArrayLike, prf: Prf = Prf.SIPHASH) -> Words:
    """One 64-bit word for each pair.

    Args:
        key: only its 128 bits are used, not its slot.
        contexts: shape (n, width). tokens: shape (n,).
        prf: SipHash-2-4 or the mix.
    """
    words = kernel.messages(contexts, tokens)
    out = np.empty(len(words), np.uint64)
    k0, k1 = np.uint64(key.k0), np.uint64(key.k1)
    if prf is Prf.SIPHASH:
        return np.asarray(kernel.siphash_words(k0, k1, words, out))
    return np.asarray(kernel.mix_words(k0, k1, kernel.digests(words, np.empty_like(out)), out))


def green_words(
    key: Key, contexts: npt.ArrayLike, tokens: npt.ArrayLike, gamma: float, prf: Prf = Prf.SIPHASH
) -> Words:
    """Green coins of all 64 slots of the key's block: one word at gamma 1/2, two anded at gamma 1/4."""
    if gamma == 0.5:
        return pair_words(key, contexts, tokens, prf)
    words = kernel.messages(contexts, tokens)
    out = np.empty((len(words), 2), np.uint64)
    k0, k1 = np.uint64(key.k0), np.uint64(key.k1)
    if prf is Prf.SIPHASH:
        kernel.siphash_pairs(k0, k1, words, out)
    else:
        kernel.mix_pairs(k0, k1, kernel.digests(words, np.empty(len(words), np.uint64)), out)
    return np.asarray(out[:, 0] & out[:, 1])


def uniforms(
    key: Key, contexts: npt.ArrayLike, tokens: npt.ArrayLike, prf: Prf = Prf.SIPHASH
) -> npt.NDArray[np.float64]:
    """Uniforms in the open interval (0, 1), one for each pair."""
    return word_uniforms(pair_words(key, contexts, tokens, prf))


def word_uniforms(words: Words) -> npt.NDArray[np.float64]:
    """The top 52 bits of each word, centred in their cell: never 0, never 1."""
    return ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def green_matrix(
    contexts: npt.ArrayLike,
    tokens: npt.ArrayLike,
    keys: Sequence[Key],
    *,
    gamma: float = 0.5,
    prf: Prf = Prf.SIPHASH,
) -> npt.NDArray[np.bool_]:
    """Which pairs are green under which key, shape (n_pairs, n_keys).

    For weights and small sets; `green_counts` never builds this.
    """
    tokens = np.asarray(tokens, dtype=np.int64)
    out = np.empty((len(tokens), len(keys)), dtype=np.bool_)
    blocks: dict[tuple[int, int], Words] = {}
    for j, key in enumerate(keys):
        if (key.k0, key.k1) not in blocks:
            blocks[key.k0, key.k1] = green_words(key, contexts, tokens, gamma, prf)
        out[:, j] = (blocks[key.k0, key.k1] >> np.uint64(key.slot)) & np.uint64(1)
    return out


def green_counts(
    contexts: npt.ArrayLike,
    tokens: npt.ArrayLike,
    keys: Sequence[Key],
    *,
    gamma: float = 0.5,
    prf: Prf = Prf.SIPHASH,
) -> npt.NDArray[np.int64]:
    """How many pairs are green under each key, shape (n_keys,); 64 keys of a block cost one.

    Args:
        contexts: shape (n_pairs, width), width 1 to 4. tokens: shape (n_pairs,).
        keys: any; those of one block should all be there, they are free.
        gamma: 1/2 or 1/4.
        prf: SipHash-2-4 or the mix.
    """
    if gamma not in (0.5, 0.25):
        raise UsageError(f"gamma {gamma} is not offered", hint="give 0.5 or 0.25")
    words = kernel.messages(contexts, tokens)
    if not 2 <= words.shape[1] <= 3:
        raise UsageError(f"context width {np.shape(contexts)[1]} is not offered", hint="give 1 to 4")
    blocks = sorted({(key.k0, key.k1) for key in keys})
    row = {block: i for i, block in enumerate(blocks)}
    k0, k1 = (np.array([block[i] for block in blocks], dtype=np.uint64) for i in (0, 1))
    if prf is Prf.MIX:
        words = kernel.digests(words, np.empty(len(words), np.uint64))[:, None]
    counts = sliced_counts(SIPHASH if prf is Prf.SIPHASH else MIX, gamma == 0.25, k0, k1, words)
    rows = np.array([row[key.k0, key.k1] for key in keys], dtype=np.int64)
    slots = np.array([key.slot for key in keys], dtype=np.int64)
    assert counts.shape[1] == SLOTS
    return np.asarray(counts[rows, slots])
