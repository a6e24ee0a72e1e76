"""Intervals for a share, from k of n."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from hydrascope.errors import RefusalError

__all__ = ["clopper_pearson", "sampled_shares", "stratified_share", "wilson"]


def checked(k: float, n: float) -> None:
    """Refuses impossible counts.

    Raises:
        RefusalError: not 0 <= k <= n.
    """
    if not 0 <= k <= n:
        raise RefusalError(f"{k} of {n} is not a share", hint="k must lie in 0..n")


def wilson(k: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval: the shares that a normal test of k of n would not reject; (0, 1) where n is 0.

    centre (k + z^2/2) / (n + z^2), half width z sqrt(k (n-k) / n + z^2/4) / (n + z^2). Coverage is near the stated one on average,
    and may fall a few points below it for single shares.
    Source: Wilson, JASA 22 (1927); Brown, Cai and DasGupta, Statistical Science 16 (2001).

    >>> [round(x, 3) for x in wilson(8, 10)]
    [0.49, 0.943]
    """
    checked(k, n)
    if n == 0:
        return 0.0, 1.0
    low, high = _wilson(np.array([k / n]), np.array([n]), confidence)[0].tolist()
    return low, high


def _wilson(share: np.ndarray, n: np.ndarray, confidence: float) -> np.ndarray:
    """float64[m, 2]: see `wilson`; n may be 0."""
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    centre = (share * n + z * z / 2) / (n + z * z)
    half = z * np.sqrt(share * (1.0 - share) * n + z * z / 4) / (n + z * z)
    return np.stack([np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)], axis=1)


def clopper_pearson(k: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval from beta quantiles; covers at least as often as stated, often more.

    Source: Clopper and Pearson, Biometrika 26 (1934).
    """
    checked(k, n)
    if n == 0:
        return 0.0, 1.0
    side = (1.0 - confidence) / 2
    low = 0.0 if k == 0 else float(stats.beta.ppf(side, k, n - k + 1))
    high = 1.0 if k == n else float(stats.beta.ppf(1 - side, k + 1, n - k))
    return low, high


def sampled_shares(
    share: np.ndarray, n_sampled: np.ndarray, n_total: np.ndarray, confidence: float = 0.95
) -> np.ndarray:
    """Wilson's interval for each share seen in a sample without replacement: float64[m, 2].

    The sample counts as n / (1 - n / N) draws, so that a share of everything is exact; nothing sampled gives (0, 1).
    """
    fraction = np.minimum(n_sampled / np.maximum(n_total, 1), 1.0)
    bounds = _wilson(share, n_sampled / np.maximum(1.0 - fraction, 1e-9), confidence)
    bounds[fraction >= 1.0] = share[fraction >= 1.0, None]
    return bounds


def stratified_share(
    share: np.ndarray, n_sampled: np.ndarray, n_total: np.ndarray, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval for the share of all exchanges of several accounts, each seen in a sample of its own.

    Normal, with variance sum w^2 p (1 - p) / n (1 - n / N), w the account's part of the exchanges. An account's p is
    taken as (k + 1) / (n + 2) in its variance, so that ten of ten is not taken to be certain.
    Source: Cochran, Sampling Techniques (1977), chapter 5.
    """
    weight = n_total / max(float(n_total.sum()), 1.0)
    n = np.maximum(n_sampled, 1)
    p = (share * n + 1.0) / (n + 2.0)
    variance = float(
        (weight**2 * p * (1.0 - p) / n * np.maximum(1.0 - n_sampled / np.maximum(n_total, 1), 0.0)).sum()
    )
    half = float(stats.norm.ppf(0.5 + confidence / 2)) * math.sqrt(variance)
    mean = float((weight * share).sum())
    return max(mean - half, 0.0), min(mean + half, 1.0)
