"""Red/green lists (Kirchenbauer et al. 2023) with a coin for each (context, token) instead of a permutation.

A fair PRF word decides each token's colour on its own, so a detector never has to rebuild a list of the whole
vocabulary, and the null is exactly Binomial(n, gamma) over distinct pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hydrascope.watermark.keys import Key
from hydrascope.watermark.marks import Mark, Prf, Scheme
from hydrascope.watermark.prf import green_words
from hydrascope.watermark.pvalues import binomial_log10_p

__all__ = ["RedGreen"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RedGreen:
    """One red/green mark.

    >>> from hydrascope.watermark.keys import decoy_keys
    >>> mark = RedGreen(decoy_keys(0, 1)[0], context_width=1, gamma=0.25)
    >>> mark.green([[7]] * 4, [0, 1, 2, 3]).shape
    (4,)
    """

    key: Key
    context_width: int = 2
    gamma: float = 0.5
    """Share of green tokens, 1/2 or 1/4."""
    delta: float = 2.0
    """What a green logit gains."""
    prf: Prf = Prf.SIPHASH

    def __post_init__(self) -> None:
        self.mark()

    def mark(self) -> Mark:
        """The parameters as a checked `Mark`."""
        return Mark(
            scheme=Scheme.RED_GREEN,
            context_width=self.context_width,
            gamma=self.gamma,
            delta=self.delta,
            prf=self.prf,
        )

    def green(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Which tokens are green after which contexts.

        Args:
            contexts: shape (n, context_width). tokens: shape (n,).
        """
        words = green_words(self.key, contexts, tokens, self.gamma, self.prf)
        return np.asarray((words >> np.uint64(self.key.slot)) & np.uint64(1), dtype=np.bool_)

    def green_list(self, context: npt.ArrayLike, n_vocabulary: int) -> npt.NDArray[np.bool_]:
        """Colours of the whole vocabulary after one context, shape (n_vocabulary,)."""
        tail = np.asarray(context, dtype=np.int64).ravel()[-self.context_width :]
        vocabulary = np.arange(n_vocabulary, dtype=np.int64)
        return self.green(np.broadcast_to(tail, (n_vocabulary, self.context_width)), vocabulary)

    def bias(self, logits: npt.ArrayLike, context: npt.ArrayLike) -> Floats:
        """Logits with delta added to green tokens.

        Args:
            logits: shape (n_vocabulary,), or (batch, n_vocabulary) with one context a row.
            context: at least context_width tokens before the one to be chosen; shorter ones leave logits alone.
        """
        rows = np.asarray(logits, dtype=np.float64)
        if rows.ndim == 2:
            return np.stack([self.bias(row, c) for row, c in zip(rows, np.asarray(context), strict=True)])
        if np.size(context) < self.context_width:
            return rows.copy()
        return np.asarray(rows + self.delta * self.green_list(context, rows.shape[0]))

    def score(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> Floats:
        """One for a green token, zero for a red one."""
        return self.green(contexts, tokens).astype(np.float64)

    def log10_p(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> float:
        """Exact p-value, log10, over pairs that must be distinct (`pairs.dedup_pairs`)."""
        green = self.green(contexts, tokens)
        return float(binomial_log10_p(int(green.sum()), green.size, self.gamma))
