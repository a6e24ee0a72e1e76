"""Intervals for shares and for means over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

__all__ = ["Interval", "mean_interval", "share_interval"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its bounds."""

    value: float
    low: float
    high: float


def share_interval(hits: int, n: int, confidence: float = 0.95) -> Interval | None:
    """Clopper-Pearson bounds of a share (Clopper & Pearson 1934, Biometrika 26); None where `n` is 0.

    Exact for independent accounts. Accounts of one operator are found or missed together, so that between
    worlds the spread is wider: `mean_interval` over seeds is the figure to quote.

    >>> share_interval(0, 10).high
    0.30849710781876083
    """
    if n == 0:
        return None
    tail = (1 - confidence) / 2
    low = float(stats.beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(stats.beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return Interval(value=hits / n, low=low, high=high)


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval | None:
    """Student's t bounds of the mean over independent seeds; None without values.

    With one seed nothing is known of the spread: both bounds are the value itself and the caller says n = 1.
    """
    if not len(values):
        return None
    mean = float(np.mean(values))
    if len(values) == 1:
        return Interval(value=mean, low=mean, high=mean)
    scale = float(np.std(values, ddof=1)) / len(values) ** 0.5
    half = float(stats.t.ppf(0.5 + confidence / 2, len(values) - 1)) * scale
    return Interval(value=mean, low=mean - half, high=mean + half)
