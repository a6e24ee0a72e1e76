"""When accounts are active: hourly counts, and what they say of rhythm, sessions and ramp-up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hydrascope.engine.base import Engine
from hydrascope.features.population import Population

__all__ = ["HOUR_US", "Activity", "read_activity"]

HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Hourly counts of n accounts, sparse, and per-account summaries.

    Hours are counted from the first hour of the log. Summaries are float64[n], -1 where an account has too
    little traffic for them.
    """

    start_hour: int
    """Hours since 1970 of hour 0."""
    n_hours: int
    account: np.ndarray
    """int32[m], sorted."""
    hour: np.ndarray
    """int32[m], ascending within an account."""
    n: np.ndarray
    """int64[m] exchanges in that account-hour."""
    offsets: np.ndarray
    """int64[n_accounts+1] into the three above."""
    active_hours: np.ndarray
    active_days: np.ndarray
    per_active_day: np.ndarray
    """Exchanges per active day."""
    day_spread: np.ndarray
    """Entropy of the hour of day / log 24: near 1 is round the clock, people are near 0.6."""
    weekend_ratio: np.ndarray
    """Share on Saturday and Sunday (UTC) / the share of the account's days that are; 1 knows no weekend."""
    signup_to_use_h: np.ndarray
    """Hours from sign-up to the first exchange in the log; -1 where either was not seen."""


def read_activity(engine: Engine, population: Population) -> Activity:
    """Hourly counts from the view `exchanges`, and their summaries."""
    table = engine.collect(f"""
        SELECT d.code AS account, g.hour AS hour, g.n AS n FROM (
          SELECT account, CAST(floor(at_us / {HOUR_US}e0) AS BIGINT) AS hour, count(*) AS n FROM exchanges GROUP BY account, 2
        ) g JOIN dim d ON g.account = d.account""")
    account, hour, n = (table[c].to_numpy() for c in ("account", "hour", "n"))
    order = np.lexsort((hour, account))
    account, hour, n = account[order].astype(np.int32), hour[order], n[order].astype(np.int64)
    start = int(hour.min()) if len(hour) else 0
    total = len(population)
    offsets = np.searchsorted(account, np.arange(total + 1)).astype(np.int64)
    day = hour // 24
    new_day = (
        np.concatenate([[True], (day[1:] != day[:-1]) | (account[1:] != account[:-1])])
        if len(day)
        else np.zeros(0, bool)
    )
    active_days = np.bincount(account[new_day], minlength=total)
    return Activity(
        start_hour=start,
        n_hours=int(hour.max(initial=start) - start + 1),
        account=account,
        hour=(hour - start).astype(np.int32),
        n=n,
        offsets=offsets,
        active_hours=np.diff(offsets).astype(float),
        active_days=active_days.astype(float),
        per_active_day=population.n / np.maximum(active_days, 1),
        day_spread=np.where(active_days >= 3, _day_spread(account, hour, n, total), -1.0),
        weekend_ratio=_weekend_ratio(account, day, n, new_day, total),
        signup_to_use_h=_signup_to_use(population),
    )


def _day_spread(account: np.ndarray, hour: np.ndarray, n: np.ndarray, total: int) -> np.ndarray:
    counts = np.zeros((total, 24))
    np.add.at(counts, (account, hour % 24), np.minimum(n, 50))
    mass = counts.sum(axis=1, keepdims=True)
    share = counts / np.maximum(mass, 1)
    entropy = -(share * np.log(np.maximum(share, 1e-12))).sum(axis=1) / np.log(24)
    return np.where(mass[:, 0] >= 30, entropy, -1.0)


def _weekend_ratio(
    account: np.ndarray, day: np.ndarray, n: np.ndarray, new_day: np.ndarray, total: int
) -> np.ndarray:
    weekend = ((day + 4) % 7 == 6) | ((day + 4) % 7 == 0)  # 1970-01-01 was a Thursday, day 4 from Sunday
    mass = np.bincount(account, weights=n, minlength=total)
    on_weekend = np.bincount(account, weights=n * weekend, minlength=total)
    first = np.full(total, 2**62)
    np.minimum.at(first, account, day)
    last = np.zeros(total, np.int64)
    np.maximum.at(last, account, day)
    span = last - first + 1
    share = on_weekend / np.maximum(mass, 1) / (2 / 7)
    return np.where((span >= 14) & (mass >= 30), share, -1.0)


def _signup_to_use(population: Population) -> np.ndarray:
    """Unknown for accounts that existed before the log and were active from its start: first use was not seen."""
    hours = (population.first_at - population.created_at) / HOUR_US
    start = population.first_at.min(initial=2**62)
    unseen = (population.created_at < start) & (population.first_at < start + 48 * HOUR_US)
    return np.where((population.created_at >= 0) & ~unseen, np.maximum(hours, 0.0), -1.0)
