"""Scores many keys of one mark over one set of pairs, each with its exact p-value or stated bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hydrascope.errors import RefusalError
from hydrascope.kernels import prf as kernel
from hydrascope.kernels.prf_philox import philox_exponential_sums, philox_green_counts
from hydrascope.kernels.prf_sliced import MIX, SIPHASH, sliced_counts
from hydrascope.kernels.prf_sums import exponential_sums
from hydrascope.watermark.keys import Key
from hydrascope.watermark.marks import Mark, Prf, Scheme
from hydrascope.watermark.prf import green_counts
from hydrascope.watermark.pvalues import (
    binomial_log10_p,
    bounded_mean_log10_p,
    chernoff_log10_p,
    gamma_log10_p,
    randomised_p,
)
from hydrascope.watermark.schemes.hf_kgw import HfRedGreen, hf_hashing_key
from hydrascope.watermark.schemes.hf_synthid import HfSynthID, hf_synthid_keys
from hydrascope.watermark.schemes.synthid import layer_weights
from hydrascope.watermark.schemes.vllm_philox import dual_keys

__all__ = ["METHODS", "Scores", "calibration_p", "pad_of", "score_keys"]

METHODS = {
    Scheme.RED_GREEN: "exact binomial",
    Scheme.GUMBEL: "exact gamma",
    Scheme.SYNTHID: "Chernoff bound on the weighted sum of layers",
    Scheme.VLLM_GUMBEL: "exact gamma",
    Scheme.VLLM_DUAL_GUMBEL: "exact gamma, twice the smaller of two keys",
    Scheme.VLLM_RED_GREEN: "exact binomial",
    Scheme.HF_KGW: "Kullback-Leibler bound (lists are drawn without replacement)",
    Scheme.HF_SYNTHID: "Hoeffding bound on the mean over distinct table inputs",
}
"""How each scheme's p-value is computed."""

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scores:
    """One row a key."""

    statistic: Floats
    """Green count, sum of exponentials, or weighted sum of bits."""
    n: Ids
    """Independent coins behind it."""
    log10_p: Floats
    """log10 p-value or upper bound, floored by nothing."""
    counts: npt.NDArray[np.int64] | None = None
    """Ones over all layers (SynthID under our own PRF), for calibration."""


def pad_of(mark: Mark) -> int | None:
    """What stands before a text's first token: vLLM scores it, others do not."""
    return -1 if mark.scheme.startswith("vllm") else None


def score_keys(
    mark: Mark, keys: Sequence[Key], contexts: Ids, tokens: Ids, *, n_vocabulary: int | None = None
) -> Scores:
    """Scores every key over distinct pairs.

    Args:
        mark: scheme and parameters that all `keys` share.
        keys: our keys, or keys whose handles an engine used.
        contexts, tokens: distinct pairs of `mark.context_width` (`pairs.dedup_pairs`).
        n_vocabulary: vocabulary of the model; transformers' red/green lists need it.
    """
    if len(tokens) == 0 or len(keys) == 0:
        raise RefusalError(
            "there are no pairs, or no keys, to score", hint="no p-value is computed from nothing"
        )
    if mark.scheme is Scheme.RED_GREEN:
        counts = green_counts(contexts, tokens, keys, gamma=mark.gamma, prf=mark.prf)
        return _counted(counts, len(tokens), mark.gamma)
    if mark.scheme is Scheme.GUMBEL:
        return _summed(
            exponential_sums(mark.prf is Prf.SIPHASH, *_halves(keys), _words(mark, contexts, tokens)),
            len(tokens),
        )
    if mark.scheme is Scheme.SYNTHID:
        return _layered(mark, keys, contexts, tokens)
    handles = np.array([key.handle for key in keys], dtype=np.uint64)
    if mark.scheme is Scheme.VLLM_GUMBEL:
        return _summed(philox_exponential_sums(handles, contexts, tokens), len(tokens))
    if mark.scheme is Scheme.VLLM_DUAL_GUMBEL:
        return _dual(handles, contexts, tokens)
    if mark.scheme is Scheme.VLLM_RED_GREEN:
        return _counted(philox_green_counts(handles, contexts, tokens, mark.gamma), len(tokens), mark.gamma)
    if mark.scheme is Scheme.HF_KGW:
        return _listed(mark, keys, contexts, tokens, n_vocabulary)
    return _tabled(mark, keys, contexts, tokens)


def calibration_p(mark: Mark, scores: Scores, seed: int) -> tuple[Floats, str]:
    """p-values of decoys that must be uniform ("two-sided"), or at least not too small ("greater").

    Counts are discrete, so theirs are randomised, which makes them exactly uniform under the null. Bounds can only
    be checked from one side.
    """
    draws = np.random.default_rng(seed).random(len(scores.n))
    if mark.scheme in (Scheme.RED_GREEN, Scheme.VLLM_RED_GREEN):
        return _randomised(scores.statistic.astype(np.int64), scores.n, mark.gamma, draws), "two-sided"
    if mark.scheme is Scheme.SYNTHID and scores.counts is not None:
        return _randomised(scores.counts, scores.n * mark.layers, 0.5, draws), "two-sided"
    side = "two-sided" if mark.scheme in (Scheme.GUMBEL, Scheme.VLLM_GUMBEL) else "greater"
    return np.asarray(10.0**scores.log10_p), side


def _randomised(k: Ids, n: Ids, gamma: float, draws: Floats) -> Floats:
    above = np.where(k < n, binomial_log10_p(np.minimum(k + 1, n), n, gamma), -np.inf)
    return randomised_p(binomial_log10_p(k, n, gamma), above, draws)


def _counted(counts: Ids, n: int, gamma: float) -> Scores:
    return Scores(counts.astype(np.float64), np.full(len(counts), n), binomial_log10_p(counts, n, gamma))


def _summed(sums: Floats, n: int) -> Scores:
    return Scores(sums, np.full(len(sums), n), gamma_log10_p(sums, n))


def _dual(handles: npt.NDArray[np.uint64], contexts: Ids, tokens: Ids) -> Scores:
    """Which of the two keys drew a token is not known, so both are tested and the smaller p is doubled.

    vLLM's own detector fits a gamma to a weighted sum, which is an approximation.
    """
    pairs = np.array([dual_keys(int(handle)) for handle in handles], dtype=np.uint64)
    sums = [philox_exponential_sums(np.ascontiguousarray(column), contexts, tokens) for column in pairs.T]
    best = np.maximum(*sums)
    n = np.full(len(handles), len(tokens))
    return Scores(best, n, np.minimum(gamma_log10_p(best, n) + np.log10(2.0), 0.0))


def _halves(keys: Sequence[Key]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    return np.array([k.k0 for k in keys], dtype=np.uint64), np.array([k.k1 for k in keys], dtype=np.uint64)


def _words(mark: Mark, contexts: Ids, tokens: Ids) -> npt.NDArray[np.uint64]:
    words = kernel.messages(contexts, tokens)
    if mark.prf is Prf.SIPHASH:
        return words
    return np.asarray(kernel.digests(words, np.empty(len(words), np.uint64)))[:, None]


def _layered(mark: Mark, keys: Sequence[Key], contexts: Ids, tokens: Ids) -> Scores:
    """Layers are the bits of one word, so the bit-sliced counter counts a key's layers at once."""
    prf = SIPHASH if mark.prf is Prf.SIPHASH else MIX
    counts = sliced_counts(prf, False, *_halves(keys), _words(mark, contexts, tokens))[:, : mark.layers]
    weights = layer_weights(mark.layers) / mark.layers
    sums = counts @ weights
    n = np.full(mark.layers, len(tokens))
    bounds = np.array([chernoff_log10_p(float(score), weights, n) for score in sums])
    return Scores(sums, np.full(len(keys), len(tokens)), bounds, counts.sum(axis=1))


def _listed(mark: Mark, keys: Sequence[Key], contexts: Ids, tokens: Ids, n_vocabulary: int | None) -> Scores:
    if n_vocabulary is None:
        raise RefusalError(
            "a transformers red/green mark cannot be read without the model's vocabulary size",
            hint="give --vocabulary N, or a tokenizer that has one",
        )
    marks = [HfRedGreen(hf_hashing_key(key.handle), n_vocabulary, mark.gamma) for key in keys]
    keep = marks[0].keyed(contexts)
    counts = np.array([int(m.green(contexts[keep], tokens[keep]).sum()) for m in marks], dtype=np.int64)
    n, gamma = int(keep.sum()), marks[0].n_green / n_vocabulary
    bounds = np.array([bounded_mean_log10_p(k / max(n, 1), n, gamma) for k in counts])
    return Scores(counts.astype(np.float64), np.full(len(keys), n), bounds)


def _tabled(mark: Mark, keys: Sequence[Key], contexts: Ids, tokens: Ids) -> Scores:
    marks = [
        HfSynthID(hf_synthid_keys(key.handle, mark.layers), ngram_len=mark.context_width + 1) for key in keys
    ]
    means = [m.mean_score(contexts, tokens) for m in marks]
    bounds = np.array([bounded_mean_log10_p(mean, n) for mean, n in means])
    return Scores(np.array([m for m, _ in means]), np.array([n for _, n in means], dtype=np.int64), bounds)
