"""Many tests at once: false discovery rates, p-values combined under dependence, and tests that never end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from hydrascope.errors import RefusalError

__all__ = [
    "AlphaInvesting",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "cauchy_combine",
    "harmonic_mean_combine",
]


def checked(p: ArrayLike) -> NDArray[np.float64]:
    """p-values as an array.

    Raises:
        RefusalError: one is not in [0, 1].
    """
    values = np.asarray(p, dtype=np.float64)
    if values.size and not (np.all(values >= 0.0) and np.all(values <= 1.0)):
        raise RefusalError("p-values must lie in [0, 1]", hint="leave out tests that were not made")
    return values


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """q-values: q_(i) = min over j >= i of m p_(j) / j, in the order given.

    Rejecting q <= a keeps the false discovery rate at most a where the tests are independent or positively dependent.
    Source: Benjamini and Hochberg, JRSS B 57 (1995); Benjamini and Yekutieli, Annals of Statistics 29 (2001).

    >>> benjamini_hochberg([0.01, 0.5, 0.02]).tolist()
    [0.03, 0.5, 0.03]
    """
    values = checked(p)
    if not values.size:
        return values
    order = np.argsort(values, kind="stable")
    m = len(values)
    raw = values[order] * m / np.arange(1, m + 1)
    q = np.empty(m)
    q[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return q


def benjamini_yekutieli(p: ArrayLike) -> NDArray[np.float64]:
    """q-values under any dependence: those of Benjamini-Hochberg times 1 + 1/2 + ... + 1/m, at most 1.

    Source: Benjamini and Yekutieli, Annals of Statistics 29 (2001), theorem 1.3.
    """
    values = checked(p)
    return np.minimum(benjamini_hochberg(values) * np.sum(1.0 / np.arange(1, values.size + 1)), 1.0)


def normalised(weights: ArrayLike | None, n: int) -> NDArray[np.float64]:
    """Weights that sum to one; equal where none are given.

    Raises:
        RefusalError: a weight is negative, all are zero, or there are not as many as p-values.
    """
    w = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != (n,) or np.any(w < 0) or not w.sum() > 0:
        raise RefusalError(
            "weights must be one per p-value, not negative, not all zero", hint="leave them out"
        )
    return w / w.sum()


def cauchy_combine(p: ArrayLike, weights: ArrayLike | None = None) -> float:
    """One p-value of dependent ones: P(Cauchy > sum of w_i tan((1/2 - p_i) pi)).

    Exact for independent tests; under arbitrary correlation of the underlying normal scores the tail is right as it gets
    small. One p-value of 1 cancels the others, so values are held below 1 - 1e-6.
    Source: Liu and Xie, JASA 115 (2020).

    >>> round(cauchy_combine([0.02, 0.02]), 6)
    0.02
    """
    values = checked(p)
    if not values.size:
        return 1.0
    w = normalised(weights, values.size)
    values = np.clip(values, 1e-300, 1.0 - 1e-6)
    small = values < 1e-15  # tan loses all digits there; tan((1/2 - p) pi) -> 1 / (p pi)
    scores = np.where(small, 1.0 / (values * math.pi), np.tan((0.5 - np.maximum(values, 1e-15)) * math.pi))
    total = float(np.sum(w * scores))
    tail = 1.0 / (total * math.pi) if total > 1e15 else 0.5 - math.atan(total) / math.pi
    return min(max(tail, 0.0), 1.0)


def harmonic_mean_combine(p: ArrayLike, weights: ArrayLike | None = None) -> float:
    """One p-value of dependent ones by their harmonic mean, read off its Landau limit.

    1 / HMP of m p-values has asymptotically the Landau law with location log m + 0.874367 and scale pi/2. Good to the
    extent that the tail is set by the few smallest p-values; under any dependence e log(m) HMP is still valid.
    Source: Wilson, PNAS 116 (2019); Vovk and Wang, Biometrika 107 (2020).
    """
    values = np.maximum(checked(p), 1e-300)
    m = values.size
    if m < 2:
        return float(values[0]) if m else 1.0
    mean = 1.0 / float(np.sum(normalised(weights, m) / values))
    landau = float(stats.landau.sf((1.0 / mean - math.log(m) - 0.874367) / (math.pi / 2)))
    return min(max(landau, mean), 1.0)


class AlphaInvesting:
    """Tests that arrive day after day with the false discovery rate held over all of them: LORD++.

    alpha_t = gamma_t W0 + (a - W0) gamma_(t - tau_1) + a sum over j >= 2 of gamma_(t - tau_j), where tau_j is when the
    j-th discovery was made and gamma_t is proportional to log(max(t, 2)) / (t exp(sqrt(log t))). Discoveries earn the right to
    test on; silence spends slowly and never everything. Valid for independent p-values, and conditionally super-uniform ones.

    Source: Ramdas, Yang, Wainwright and Jordan, NeurIPS 2017; Javanmard and Montanari, Annals of Statistics 46 (2018).

    Args:
        alpha: false discovery rate over all days.
        wealth: W0, what is there to spend before the first discovery; at most alpha.
        tested, discoveries: where an earlier sequence stopped; discoveries as the number of tests made when each
            became known, ascending.
    """

    def __init__(
        self,
        alpha: float = 0.05,
        wealth: float | None = None,
        *,
        tested: int = 0,
        discoveries: Sequence[int] = (),
    ) -> None:
        self.alpha = alpha
        self.wealth = alpha / 2 if wealth is None else wealth
        self.tested = tested
        self.discoveries: list[int] = list(discoveries)

    def level(self, ahead: int = 0) -> float:
        """The level at which the next test will be made, or one `ahead` of it if nothing is discovered before."""
        t = self.tested + 1 + ahead
        level = gamma(t) * self.wealth
        for j, made in enumerate(self.discoveries):
            level += gamma(t - made) * (self.alpha - self.wealth if j == 0 else self.alpha)
        return min(level, self.alpha)

    def test(self, p: float) -> bool:
        """Makes the next test: whether p is a discovery."""
        found = float(checked(p)) <= self.level()
        self.tested += 1
        if found:
            self.discoveries.append(self.tested)
        return found

    def levels(self, n: int) -> list[float]:
        """Levels of the next n tests, made at once: none of them knows the outcome of another."""
        return [self.level(i) for i in range(n)]

    def close(self, n: int, n_found: int) -> None:
        """Ends n tests that were made at once, with what they and open tests of earlier have found.

        The discoveries are known from here on. Levels stay valid for tests that depend on each other inside a
        batch: the sum of all levels never exceeds alpha times the discoveries known, or alpha.
        Source: Zrnic, Ramdas and Jordan, Asynchronous online testing of multiple hypotheses, JMLR 22 (2021).
        """
        self.tested += n
        self.discoveries += [self.tested] * n_found

    def tests(self, p: ArrayLike) -> Iterator[bool]:
        """Makes tests in order."""
        return (self.test(float(value)) for value in checked(p))


def gamma(t: int) -> float:
    """The t-th of a decreasing series that sums to one (constant 0.0722 of Javanmard and Montanari)."""
    if t < 1:
        return 0.0
    return 0.07720838 * math.log(max(t, 2)) / (t * math.exp(math.sqrt(math.log(t))))
