"""Is a stated probability kept, how well do accounts rank, and what is an alarm worth at real base rates?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hydrascope.evaluate.intervals import Interval, share_interval
from hydrascope.evaluate.judged import Flags, Judged, Reals

__all__ = [
    "BASE_RATES",
    "BaseRate",
    "Calibration",
    "Ranking",
    "ReliabilityBin",
    "precision_at",
    "score_base_rates",
    "score_calibration",
    "score_ranking",
]

BASE_RATES = (10, 100, 1_000, 10_000)
"""Honest accounts to one campaign account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Accounts whose stated probability falls in [low, high), the last bin closed."""

    low: float
    high: float
    n: int
    stated: float
    """Mean stated probability."""
    observed: Interval
    """Share that does belong to a true campaign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Of `accounts.probability`, read as the probability of taking part in a distillation campaign."""

    brier: float | None
    """Mean of (probability - truth)^2 (Brier 1950, Monthly Weather Review 78)."""
    skill: float | None
    """1 - brier / brier of always stating the base rate; None where one class is absent."""
    expected_error: float | None
    """Mean over accounts of |stated - observed| of their bin."""
    bins: tuple[ReliabilityBin, ...]
    """Bins that hold accounts, lowest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Accounts in order of stated probability; ties share their fate."""

    average_precision: float | None
    recall_at_1_percent: float | None
    """Campaign accounts above the lowest threshold that at most 1 % of honest accounts pass."""
    recall_at_0_1_percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRate:
    """What share of the accounts in a verdict would be guilty at other odds than this world's."""

    honest_per_campaign_account: int
    any_verdict: Interval | None
    enforceable: Interval | None


def score_calibration(judged: Judged, n_bins: int = 10) -> Calibration:
    """Reliability over `n_bins` equal bins, and the Brier score."""
    p, y = np.clip(judged.probability, 0, 1), ~judged.honest
    if not len(p):
        return Calibration(brier=None, skill=None, expected_error=None, bins=())
    brier, base = float(np.mean((p - y) ** 2)), float(np.mean(y))
    place = np.minimum((p * n_bins).astype(np.int64), n_bins - 1)
    bins = [reliability_bin(p, y, place == i, i, n_bins) for i in np.unique(place).tolist()]
    return Calibration(
        brier=brier,
        skill=1 - brier / (base * (1 - base)) if 0 < base < 1 else None,
        expected_error=sum(b.n * abs(b.stated - b.observed.value) for b in bins) / len(p),
        bins=tuple(bins),
    )


def reliability_bin(p: Reals, y: Flags, inside: Flags, index: int, n_bins: int) -> ReliabilityBin:
    """One bin that holds at least one account."""
    observed = share_interval(int(y[inside].sum()), int(inside.sum()))
    assert observed is not None
    return ReliabilityBin(
        low=index / n_bins,
        high=(index + 1) / n_bins,
        n=int(inside.sum()),
        stated=float(p[inside].mean()),
        observed=observed,
    )


def score_ranking(judged: Judged) -> Ranking:
    """Average precision and recall at fixed honest pass rates; None where one class is absent."""
    y = ~judged.honest
    if not y.any() or y.all():
        return Ranking(average_precision=None, recall_at_1_percent=None, recall_at_0_1_percent=None)
    hits, alarms = cumulative(judged.probability, y)
    step = np.diff(hits, prepend=0)
    return Ranking(
        average_precision=float((step * hits / (hits + alarms)).sum() / y.sum()),
        recall_at_1_percent=recall_at(hits, alarms, 0.01),
        recall_at_0_1_percent=recall_at(hits, alarms, 0.001),
    )


def cumulative(p: Reals, y: Flags) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """True and false positives at each distinct threshold, highest first."""
    order = np.argsort(-p, kind="stable")
    last = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)
    hits = np.cumsum(y[order])[last]
    return hits, last + 1 - hits


def recall_at(hits: npt.NDArray[np.int64], alarms: npt.NDArray[np.int64], rate: float) -> float:
    """Recall at the lowest threshold whose false-positive rate is at most `rate`."""
    allowed = hits[alarms <= rate * alarms[-1]]
    return float(allowed[-1] / hits[-1]) if len(allowed) else 0.0


def precision_at(tpr: float, fpr: float, honest_per_campaign_account: float) -> float | None:
    """Bayes: tpr / (tpr + odds * fpr); None where nothing would raise an alarm.

    >>> precision_at(0.9, 0.001, 1000)
    0.47368421052631576
    """
    alarms = tpr + honest_per_campaign_account * fpr
    return tpr / alarms if alarms else None


def score_base_rates(judged: Judged) -> tuple[BaseRate, ...]:
    """Precision at each of `BASE_RATES`, in any and in enforceable distillation verdicts.

    Bounds pair the 97.5 % limits of both rates, worst with worst and best with best, so that they hold jointly
    at 95 % (Bonferroni). With no false alarm in sight the lower bound is what the world's size can support.
    """
    return tuple(
        BaseRate(
            honest_per_campaign_account=odds,
            any_verdict=reweigh(judged.caught, judged.honest, odds),
            enforceable=reweigh(judged.enforceable, judged.honest, odds),
        )
        for odds in BASE_RATES
    )


def reweigh(alarm: Flags, honest: Flags, odds: int) -> Interval | None:
    """Precision of `alarm` at `odds` honest accounts to one; None where either class or any alarm is absent."""
    tpr = share_interval(int((alarm & ~honest).sum()), int((~honest).sum()), confidence=0.975)
    fpr = share_interval(int((alarm & honest).sum()), int(honest.sum()), confidence=0.975)
    value = precision_at(tpr.value, fpr.value, odds) if tpr and fpr else None
    if tpr is None or fpr is None or value is None:
        return None
    low, high = precision_at(tpr.low, fpr.high, odds), precision_at(tpr.high, fpr.low, odds)
    return Interval(value=value, low=low or 0.0, high=1.0 if high is None else high)
