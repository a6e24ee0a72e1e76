"""Working and resting together counts only beyond the hours that everybody keeps."""

from __future__ import annotations

import numpy as np

from hydrascope.campaigns.synchrony import common_cycle, synchrony_bits, synchrony_scores
from hydrascope.features.activity import Activity

N_HOURS = 24 * 14


def activity(active: np.ndarray) -> Activity:
    """Hourly activity from bool[accounts, hours]."""
    account, hour = np.nonzero(active)
    offsets = np.searchsorted(account, np.arange(len(active) + 1)).astype(np.int64)
    unknown = np.full(len(active), -1.0)
    return Activity(
        start_hour=0,
        n_hours=active.shape[1],
        account=account.astype(np.int32),
        hour=hour.astype(np.int32),
        n=np.ones(len(account), np.int64),
        offsets=offsets,
        active_hours=active.sum(axis=1).astype(float),
        active_days=active.reshape(len(active), -1, 24).any(axis=2).sum(axis=1).astype(float),
        per_active_day=unknown,
        day_spread=unknown,
        weekend_ratio=unknown,
        signup_to_use_h=unknown,
    )


def strangers(n: int, rng: np.random.Generator) -> np.ndarray:
    """Accounts that share nothing but the day: each its own rate, all of them asleep at night."""
    daily = np.clip(np.sin(np.arange(24) / 24 * np.pi), 0.02, None)
    cycle = np.tile(daily, N_HOURS // 24)
    rates = rng.uniform(0.1, 0.5, n)
    return rng.random((n, N_HOURS)) < rates[:, None] * cycle[None, :]


def fleet(n: int, rng: np.random.Generator) -> np.ndarray:
    """Accounts that start and stop together: common silences at odd hours."""
    on = np.repeat(rng.random(N_HOURS // 4) < 0.35, 4)
    return on[None, :] & (rng.random((n, N_HOURS)) < 0.7)


def test_random_groups_keep_no_common_hours_but_everybodys() -> None:
    """Strangers share the day and the night, and that earns about nothing."""
    rng = np.random.default_rng(1)
    world = activity(strangers(400, rng))
    base = common_cycle(world)
    means = []
    for seed in range(60):
        group = np.sort(rng.choice(400, 15, replace=False)).astype(np.int32)
        means.append(synchrony_bits(world, group, seed=seed, base=base).mean())
    assert abs(np.mean(means)) < 0.15
    assert np.quantile(means, 0.95) < 0.6


def test_a_fleet_is_seen_and_a_larger_one_no_less() -> None:
    """Accounts on one schedule earn bits each, and more of them earn no fewer."""
    rng = np.random.default_rng(2)
    crowd, ships = strangers(300, rng), fleet(60, rng)
    means = []
    for size in (6, 15, 60):
        world = activity(np.concatenate([crowd, ships[:size]]))
        means.append(synchrony_bits(world, np.arange(300, 300 + size, dtype=np.int32), seed=0).mean())
    assert means[0] > 2
    assert means[1] >= means[0] - 0.5 and means[2] >= means[1] - 0.5


def test_one_stranger_in_a_fleet_is_told_apart() -> None:
    """A member that keeps other hours earns nothing from the others."""
    rng = np.random.default_rng(3)
    world = activity(np.concatenate([strangers(301, rng), fleet(12, rng)]))
    bits = synchrony_bits(world, np.arange(300, 313, dtype=np.int32), seed=0)
    assert bits[0] < 0.5
    assert (bits[1:] > 1).mean() > 0.8


def test_too_few_or_too_quiet_accounts_say_nothing() -> None:
    """Three accounts, or accounts of two active hours, get 0 and no warning."""
    rng = np.random.default_rng(4)
    quiet = np.zeros((6, N_HOURS), bool)
    quiet[:, [30, 200]] = True
    world = activity(np.concatenate([strangers(300, rng), quiet, fleet(3, rng)]))
    assert not synchrony_bits(world, np.arange(300, 306, dtype=np.int32), seed=0).any()
    assert not synchrony_bits(world, np.arange(306, 309, dtype=np.int32), seed=0).any()


def test_scores_are_correlations() -> None:
    """Between -1 and 1, unknown for accounts that lived too short."""
    rng = np.random.default_rng(5)
    brief = np.zeros((1, N_HOURS), bool)
    brief[0, 10:14] = True
    world = activity(np.concatenate([strangers(50, rng), brief]))
    scores = synchrony_scores(world, np.arange(20), np.arange(51), common_cycle(world))
    assert np.isnan(scores[50])
    assert (np.abs(scores[:50]) <= 1 + 1e-9).all()
