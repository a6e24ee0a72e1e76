"""Tests that may be read at every step: an auditor can stop early, or go on, without paying for it.

A bet against the null multiplies a capital that is a martingale if the null holds; by Ville's inequality it
exceeds 1/alpha with chance at most alpha, at any time. The bet is a mixture over alternatives, so none has to be
guessed. Each distinct pair may be bet on once (`pairs.SeenPairs`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Capital", "binomial_log10_e", "gamma_log10_e"]

Floats = npt.NDArray[np.float64]
_LN10 = float(np.log(10.0))
_GRID = 64


def binomial_log10_e(k: npt.ArrayLike, n: npt.ArrayLike, gamma: float) -> Floats:
    """log10 capital after k greens of n: mean over q in a grid above gamma of (q/gamma)^k ((1-q)/(1-gamma))^(n-k).

    For each q a likelihood ratio, so a martingale with mean one under the null (Wald 1945); their mean is another.
    Half of the capital is spread evenly, half near gamma, where a student's shift is.
    """
    k_, n_ = np.broadcast_arrays(np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64))
    near = gamma + (1 - gamma) * 10.0 ** np.linspace(-3.5, -0.5, _GRID)
    even = gamma + (1 - gamma) * (np.arange(_GRID) + 0.5) / _GRID
    q = np.concatenate([near, even])
    log_e = k_[..., None] * np.log(q / gamma) + (n_ - k_)[..., None] * np.log((1 - q) / (1 - gamma))
    return np.asarray(np.logaddexp.reduce(log_e - np.log(len(q)), axis=-1) / _LN10)


def gamma_log10_e(score: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """log10 capital after n scores with sum `score`: mean over rates r below one of r^n exp((1 - r) score)."""
    s, n_ = np.broadcast_arrays(np.asarray(score, dtype=np.float64), np.asarray(n, dtype=np.float64))
    near = 1.0 - 10.0 ** np.linspace(-3.5, -0.5, _GRID)
    even = (np.arange(_GRID) + 0.5) / _GRID
    r = np.concatenate([near, even])
    log_e = n_[..., None] * np.log(r) + s[..., None] * (1.0 - r)
    return np.asarray(np.logaddexp.reduce(log_e - np.log(len(r)), axis=-1) / _LN10)


@dataclass(frozen=True, slots=True)
class Capital:
    """Running capital of many keys; merging two audits of different pairs multiplies, so it adds here."""

    statistic: Floats
    """Green counts, or sums of exponentials, so far."""
    n: int = 0
    """Pairs bet on so far."""
    best_log10: Floats | None = None
    """Largest capital ever seen, log10: its inverse is an anytime-valid p-value."""

    @classmethod
    def start(cls, n_keys: int) -> Capital:
        """One unit each."""
        return cls(np.zeros(n_keys), 0, np.zeros(n_keys))

    def observe(self, statistic: Floats, n: int, gamma: float | None) -> Capital:
        """Bets on `n` fresh pairs; `gamma` None for exponential scores.

        Args:
            statistic: what the fresh pairs add for each key.
            n: how many fresh pairs.
            gamma: null share of green tokens.
        """
        total, seen = self.statistic + statistic, self.n + n
        now = gamma_log10_e(total, seen) if gamma is None else binomial_log10_e(total, seen, gamma)
        best = np.zeros(len(total)) if self.best_log10 is None else self.best_log10
        return Capital(total, seen, np.maximum(best, now))

    @property
    def log10_p(self) -> Floats:
        """Anytime-valid p-values, log10."""
        return np.zeros(len(self.statistic)) if self.best_log10 is None else -self.best_log10
