"""Intervals for a share, from k of n."""

from __future__ import annotations

import math

from scipy import stats

from hydrascope.errors import RefusalError

__all__ = ["clopper_pearson", "wilson"]


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
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    centre = (k + z * z / 2) / (n + z * z)
    half = z * math.sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    return max(centre - half, 0.0), min(centre + half, 1.0)


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
