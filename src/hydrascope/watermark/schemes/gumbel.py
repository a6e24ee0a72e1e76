"""Gumbel-max (Aaronson 2022): the keyed uniforms pick the token, the distribution stays what it was.

argmax of log p + Gumbel noise is a draw from p, so over fresh contexts the text is not distorted at all; a
context that comes back would draw the same noise, which makes text loop, so repeated contexts are sampled
plainly (`schemes.gates.ContextHistory`). At temperature 0 there is nothing to mark.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hydrascope.watermark.keys import Key
from hydrascope.watermark.marks import Mark, Prf, Scheme
from hydrascope.watermark.prf import uniforms
from hydrascope.watermark.pvalues import gamma_log10_p

__all__ = ["Gumbel"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gumbel:
    """One Gumbel-max mark."""

    key: Key
    context_width: int = 2
    prf: Prf = Prf.SIPHASH

    def __post_init__(self) -> None:
        self.mark()

    def mark(self) -> Mark:
        """The parameters as a checked `Mark`."""
        return Mark(scheme=Scheme.GUMBEL, context_width=self.context_width, prf=self.prf)

    def noise(self, context: npt.ArrayLike, n_vocabulary: int) -> Floats:
        """Gumbel noise of the whole vocabulary after one context."""
        tail = np.asarray(context, dtype=np.int64).ravel()[-self.context_width :]
        rows = np.broadcast_to(tail, (n_vocabulary, self.context_width))
        return np.asarray(-np.log(-np.log(uniforms(self.key, rows, np.arange(n_vocabulary), self.prf))))

    def sample(self, logits: npt.ArrayLike, context: npt.ArrayLike) -> int:
        """The token, after temperature and truncation have been applied to `logits`.

        Args:
            logits: shape (n_vocabulary,); -inf for tokens that may not be chosen.
            context: at least context_width tokens.
        """
        row = np.asarray(logits, dtype=np.float64)
        return int(np.argmax(row + self.noise(context, row.shape[0])))

    def score(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> Floats:
        """-log(1 - u): unit exponentials under the null, larger under the mark."""
        return np.asarray(-np.log1p(-uniforms(self.key, contexts, tokens, self.prf)))

    def log10_p(self, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> float:
        """Exact p-value, log10, over pairs that must be distinct (`pairs.dedup_pairs`)."""
        scores = self.score(contexts, tokens)
        return float(gamma_log10_p(scores.sum(), scores.size))
