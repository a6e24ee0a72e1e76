"""Tournament sampling (Dathathri et al., Nature 2024) with the bits of one PRF word as its layers.

Layer l multiplies each token's probability by 1 + g_l - E[g_l], which is a two-way tournament in expectation
(the paper's equation for two competitors); averaged over fresh keys the distribution is unchanged. Under the null
every bit is an independent fair coin, so the weighted sum has a Chernoff bound that needs no assumption.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hydrascope.watermark.keys import Key
from hydrascope.watermark.marks import Mark, Prf, Scheme
from hydrascope.watermark.prf import pair_words
from hydrascope.watermark.pvalues import chernoff_log10_p

__all__ = ["SynthID", "layer_weights", "tournament"]

Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.uint8]


def layer_weights(layers: int) -> Floats:
    """Weights that fall linearly from 10 to 1 and average one: early layers carry more signal."""
    weights = np.linspace(10.0, 1.0, layers)
    return np.asarray(weights * layers / weights.sum())


def tournament(logits: npt.ArrayLike, bits: npt.ArrayLike) -> Floats:
    """Logits after the tournament.

    Args:
        logits: shape (n_vocabulary,). bits: 0 or 1, shape (n_vocabulary, layers).
    """
    row = np.asarray(logits, dtype=np.float64)
    p = np.exp(row - row.max())
    p /= p.sum()
    for g in np.asarray(bits, dtype=np.float64).T:
        p = p * np.maximum(1.0 + g - (g * p).sum(), 0.0)  # rounding could put a hair below zero
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(p))


@dataclass(frozen=True, slots=True)
class SynthID:
    """One tournament mark under our own PRF."""

    key: Key
    context_width: int = 4
    layers: int = 30
    prf: Prf = Prf.SIPHASH

    def __post_init__(self) -> None:
        self.mark()

    def mark(self) -> Mark:
        """The parameters as a checked `Mark`."""
        return Mark(scheme=Scheme.SYNTHID, context_width=self.context_width, layers=self.layers, prf=self.prf)

    def bits(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> Bits:
        """Layer bits of pairs, shape (n, layers)."""
        words = pair_words(self.key, contexts, tokens, self.prf)
        shifts = np.arange(self.layers, dtype=np.uint64)
        return ((words[:, None] >> shifts) & np.uint64(1)).astype(np.uint8)

    def bias(self, logits: npt.ArrayLike, context: npt.ArrayLike) -> Floats:
        """Logits after the tournament; a context shorter than context_width leaves them alone."""
        row = np.asarray(logits, dtype=np.float64)
        if np.size(context) < self.context_width:
            return row.copy()
        tail = np.asarray(context, dtype=np.int64).ravel()[-self.context_width :]
        rows = np.broadcast_to(tail, (row.shape[0], self.context_width))
        return tournament(row, self.bits(rows, np.arange(row.shape[0])))

    def score(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> Floats:
        """Weighted mean of each pair's bits: 1/2 on average under the null."""
        return np.asarray(self.bits(contexts, tokens) @ layer_weights(self.layers) / self.layers)

    def log10_p(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> float:
        """Upper bound on the p-value, log10, over pairs that must be distinct (`pairs.dedup_pairs`)."""
        scores = self.score(contexts, tokens)
        weights = layer_weights(self.layers) / self.layers
        return chernoff_log10_p(float(scores.sum()), weights, np.full(self.layers, scores.size))
