"""p-values from few permutations: a generalised Pareto tail, and a word on whether it fits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

__all__ = ["ParetoTail", "fit_tail", "permutation_p"]

ENOUGH = 10
"""Null values at or beyond the observed one from which counting is good enough."""
MOST_EXCEEDANCES = 250
LEAST_EXCEEDANCES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoTail:
    """Excesses over a threshold as a generalised Pareto law, P(X - u > x) = (1 + shape x / scale)^(-1/shape)."""

    threshold: float
    share: float
    """Share of the null beyond the threshold."""
    shape: float
    scale: float
    fit_ok: bool
    """Whether a Kolmogorov-Smirnov check with estimated parameters did not reject it at about 5 %."""

    def p_at(self, x: float) -> float:
        """P(X >= x) for x at or beyond the threshold."""
        z = (x - self.threshold) / self.scale
        if self.shape < 1e-9:
            return self.share * math.exp(-z)
        return self.share * float((1.0 + self.shape * z) ** (-1.0 / self.shape))


def permutation_p(observed: float, null: ArrayLike) -> tuple[float, bool]:
    """P(null >= observed), by counting where enough null values reach it, else by a fitted tail.

    Counting gives (1 + #{null >= observed}) / (1 + n), never 0 (Phipson and Smyth, Statistical Applications in
    Genetics and Molecular Biology 9, 2010). With fewer than `ENOUGH` such values a generalised Pareto law is fitted to
    the largest ones, fewer and fewer until it fits (Knijnenburg, Wessels, Reinders and Shmulevich, Bioinformatics 25, 2009).

    Args:
        observed: the statistic; large is extreme.
        null: its values on permuted data.

    Returns:
        the p-value, and False where it is only a bound: the tail did not fit, or the null is too small or constant; the
        p-value is then the counted one, which errs upwards.
    """
    values = np.sort(np.asarray(null, dtype=np.float64))
    reached = int(len(values) - np.searchsorted(values, observed))
    counted = (1 + reached) / (1 + len(values))
    if reached >= ENOUGH:
        return counted, True
    tail = fit_tail(values)
    if tail is None or not tail.fit_ok or observed <= tail.threshold:
        return counted, reached >= ENOUGH
    return min(tail.p_at(observed), counted), True


def fit_tail(null: ArrayLike) -> ParetoTail | None:
    """The tail of null values; None where there are under `LEAST_EXCEEDANCES` or they do not vary."""
    values = np.sort(np.asarray(null, dtype=np.float64))
    tail = None
    n = min(MOST_EXCEEDANCES, len(values) // 4)
    while n >= LEAST_EXCEEDANCES:
        tail = fit_excesses(values, n)
        if tail is not None and tail.fit_ok:
            return tail
        n = n * 3 // 4
    return tail


def fit_excesses(values: NDArray[np.float64], n: int) -> ParetoTail | None:
    """The n largest of sorted values, by probability-weighted moments (Hosking and Wallis, Technometrics 29, 1987).

    A shape below 0 means a tail with an end, beyond which p would be 0: taken as 0, the exponential law, which errs upwards.
    """
    threshold = float((values[-n - 1] + values[-n]) / 2)
    excess = values[-n:] - threshold
    mean = float(excess.mean())
    if not mean > 0 or excess[0] == excess[-1]:
        return None
    ranks = (np.arange(n) + 0.65) / n
    first = float((excess * (1 - ranks)).mean())
    shape = 2.0 - mean / (mean - 2 * first)
    scale = 2.0 * mean * first / (mean - 2 * first)
    if not (scale > 0 and shape < 0.5):
        return ParetoTail(threshold=threshold, share=n / len(values), shape=0.0, scale=mean, fit_ok=False)
    if shape < 0:
        shape, scale = 0.0, mean
    law = stats.genpareto(shape, scale=scale)
    distance = float(stats.kstest(excess, law.cdf).statistic)
    # with estimated parameters the 5 % point of sqrt(n) D is near 0.85 to 0.95 rather than 1.36 (Choulakian and Stephens, Technometrics 43, 2001)
    return ParetoTail(
        threshold=threshold,
        share=n / len(values),
        shape=float(shape),
        scale=float(scale),
        fit_ok=distance * math.sqrt(n) < 0.92,
    )
