"""Exact tails, a stated bound where nothing exact is known, and control of many tests at once.

All tails are log10, so that a count far beyond double precision still has a p-value; no normal approximation is
used anywhere (one accused an innocent). `shown_p` floors what is displayed: below 1e-30 a p-value says more
about the assurance of the PRF than about the text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from hydrascope.errors import RefusalError

__all__ = [
    "LOG10_FLOOR",
    "binomial_log10_p",
    "bounded_mean_log10_p",
    "chernoff_log10_p",
    "gamma_log10_p",
    "holm",
    "log10_sum",
    "randomised_p",
    "shown_p",
    "uniform_ks",
]

LOG10_FLOOR = -30.0
"""Displayed p-values stop here: "below PRF assurance"."""
_SAFE = 1e-280
_LN10 = math.log(10.0)

Floats = npt.NDArray[np.float64]


def binomial_log10_p(k: npt.ArrayLike, n: npt.ArrayLike, gamma: float) -> Floats:
    """log10 P(X >= k) for X ~ Binomial(n, gamma), exact in the far tail too.

    The regularised incomplete beta function I_gamma(k, n - k + 1) where it does not underflow; else the
    probability of k times the hypergeometric series of the remaining terms.

    Args:
        k: counts. n: trials, broadcast against k. gamma: null probability of success.

    >>> [round(float(x), 3) for x in binomial_log10_p([0, 5, 10], 10, 0.5)]
    [0.0, -0.205, -3.01]
    """
    k_, n_ = np.broadcast_arrays(np.asarray(k, dtype=np.int64), np.asarray(n, dtype=np.int64))
    if np.any(n_ < 1) or np.any(k_ < 0) or np.any(k_ > n_):
        raise RefusalError("a count is outside 0..n, or n is 0", hint="no pairs, no p-value")
    if not 0 < gamma < 1:
        raise RefusalError(f"gamma {gamma} is not a probability", hint="gamma lies strictly between 0 and 1")
    p = np.asarray(special.betainc(np.maximum(k_, 1), n_ - k_ + 1.0, gamma), dtype=np.float64)
    p = np.where(k_ == 0, 1.0, p)
    with np.errstate(divide="ignore"):
        out = np.atleast_1d(np.log10(p))
    flat_k, flat_n = np.atleast_1d(k_), np.atleast_1d(n_)
    for i in np.argwhere(np.atleast_1d(p) < _SAFE):
        at = tuple(i)
        out[at] = _binomial_far(int(flat_k[at]), int(flat_n[at]), gamma)
    return np.minimum(out.reshape(k_.shape), 0.0)


def _binomial_far(k: int, n: int, gamma: float) -> float:
    """P(X = k) (1 + r_1 + r_1 r_2 + ...), with r_j the ratio of neighbouring terms, all below one here."""
    log_pmf = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    log_pmf += k * math.log(gamma) + (n - k) * math.log1p(-gamma)
    total = term = 1.0
    for j in range(n - k):
        term *= (n - k - j) / (k + 1 + j) * gamma / (1 - gamma)
        total += term
        if term < 1e-17 * total:
            break
    return (log_pmf + math.log(total)) / _LN10


def gamma_log10_p(score: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """log10 P(S >= score) for S a sum of n independent unit exponentials.

    The regularised upper incomplete gamma function Q(n, score) where it does not underflow; else Lentz's
    continued fraction for it in logarithms (Numerical Recipes, section 6.2).

    >>> round(float(gamma_log10_p(2.302585092994046, 1)), 6)
    -1.0
    """
    x, n_ = np.broadcast_arrays(np.asarray(score, dtype=np.float64), np.asarray(n, dtype=np.int64))
    if np.any(n_ < 1) or not np.all(np.isfinite(x)):
        raise RefusalError("there is nothing to sum, or the sum is not finite", hint="no pairs, no p-value")
    p = np.asarray(special.gammaincc(n_.astype(np.float64), np.maximum(x, 0.0)), dtype=np.float64)
    with np.errstate(divide="ignore"):
        out = np.atleast_1d(np.log10(p))
    flat_x, flat_n = np.atleast_1d(x), np.atleast_1d(n_)
    for i in np.argwhere(np.atleast_1d(p) < _SAFE):
        at = tuple(i)
        out[at] = _gamma_far(float(flat_x[at]), int(flat_n[at]))
    return np.minimum(out.reshape(x.shape), 0.0)


def _gamma_far(x: float, n: int) -> float:
    b = x + 1.0 - n
    c, d = 1e300, 1.0 / b
    fraction = d
    for i in range(1, 100_000):
        a = -i * (i - n)
        b += 2.0
        d = 1.0 / (a * d + b)
        c = b + a / c
        fraction *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return (-x + n * math.log(x) - math.lgamma(n) + math.log(fraction)) / _LN10


def chernoff_log10_p(
    score: float, weights: npt.ArrayLike, counts: npt.ArrayLike, gamma: float = 0.5
) -> float:
    """Upper bound on log10 P(sum of weighted Bernoulli(gamma) >= score), never anti-conservative.

    min over t > 0 of sum_j counts_j log E exp(t w_j B) - t score (Chernoff 1952), minimised numerically; every t
    gives a valid bound, so the minimiser need not be exact.

    Args:
        score: the observed weighted sum.
        weights: distinct weights, any sign. counts: how many independent coins carry each weight.
        gamma: null probability of each coin.
    """
    w, m = np.asarray(weights, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if w.size == 0 or m.sum() < 1 or not math.isfinite(score):
        raise RefusalError("there is nothing to weigh", hint="no pairs, no p-value")
    scale = float(np.abs(w).max()) or 1.0
    best = 0.0
    low, high = -8.0, 8.0
    for _ in range(3):
        grid = np.linspace(low, high, 161)
        t = np.exp(grid) / scale
        exponent = t[:, None] * w[None, :]
        log_mgf = np.logaddexp(np.log1p(-gamma), math.log(gamma) + exponent) @ m
        values = log_mgf - t * score
        at = int(np.argmin(values))
        best = min(best, float(values[at]))
        step = grid[1] - grid[0]
        low, high = grid[at] - step, grid[at] + step
    return best / _LN10


def bounded_mean_log10_p(mean: float, n: int, null_mean: float = 0.5) -> float:
    """Upper bound on log10 P(mean of n independent [0, 1] variables with mean `null_mean` >= mean).

    exp(-n KL(mean, null_mean)) (Hoeffding 1963, theorem 1): whatever the variables' own law, so layers inside one
    token may depend on each other in any way.
    """
    if n < 1 or not 0 <= mean <= 1:
        raise RefusalError("there is nothing to average", hint="no pairs, no p-value")
    if mean <= null_mean:
        return 0.0
    kl = float(special.rel_entr(mean, null_mean) + special.rel_entr(1 - mean, 1 - null_mean))
    return -n * kl / _LN10


def holm(log10_p: npt.ArrayLike, *, n_tests: int | None = None) -> Floats:
    """Holm's adjusted p-values, as log10 (Holm 1979): reject where at most log10(alpha).

    Valid under any dependence. `n_tests` counts tests that are not in the array (committed keys that could not be
    computed), as if their p were 1.

    >>> [round(float(10**x), 3) for x in holm([-3.0, -1.0, -2.0])]
    [0.003, 0.1, 0.02]
    """
    p = np.asarray(log10_p, dtype=np.float64)
    total = max(len(p), n_tests or 0)
    order = np.argsort(p, kind="stable")
    factors = np.log10(np.maximum(total - np.arange(len(p)), 1))
    adjusted = np.maximum.accumulate(p[order] + factors) if len(p) else p
    out = np.empty_like(p)
    out[order] = np.minimum(adjusted, 0.0)
    return out


def uniform_ks(p: npt.ArrayLike) -> float:
    """p-value of the two-sided Kolmogorov-Smirnov test that `p` are uniform on (0, 1)."""
    values = np.asarray(p, dtype=np.float64)
    if values.size < 20:
        raise RefusalError(
            "too few decoys to check calibration", hint="give at least 20; the default is 2,000"
        )
    return float(stats.kstest(values, "uniform").pvalue)


def randomised_p(upper_log10: Floats, above_log10: Floats, draws: Floats) -> Floats:
    """P(X > k) + u P(X = k): exactly uniform under the null though X is discrete; for calibration only."""
    upper, above = 10.0**upper_log10, 10.0**above_log10
    return np.asarray(above + draws * (upper - above))


def shown_p(log10_p: float) -> str:
    """How a p-value is displayed.

    >>> shown_p(-3.25), shown_p(-400.0)
    ('5.6e-04', '< 1e-30 (below PRF assurance)')
    """
    if log10_p < LOG10_FLOOR:
        return f"< 1e{LOG10_FLOOR:.0f} (below PRF assurance)"
    return f"{10.0**log10_p:.1e}"


def log10_sum(values: Sequence[float]) -> float:
    """log10 of a sum given as log10 terms."""
    return float(np.logaddexp.reduce(np.asarray(values) * _LN10) / _LN10)
