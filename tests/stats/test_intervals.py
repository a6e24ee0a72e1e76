"""Intervals for a share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hydrascope.errors import RefusalError
from hydrascope.stats.intervals import clopper_pearson, sampled_shares, stratified_share, wilson


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.97])
def test_intervals_cover_as_often_as_they_say(share):
    """Clopper-Pearson covers at least 95 %, Wilson about 95 %, summed exactly over the binomial."""
    k = np.arange(61)
    weight = stats.binom.pmf(k, 60, share)
    exact = [clopper_pearson(int(i), 60) for i in k]
    score = [wilson(int(i), 60) for i in k]
    assert sum(w for w, (a, b) in zip(weight, exact, strict=True) if a <= share <= b) >= 0.95
    assert sum(w for w, (a, b) in zip(weight, score, strict=True) if a <= share <= b) >= 0.9


def test_nothing_seen_says_nothing():
    """Zero of zero leaves every share possible."""
    assert wilson(0, 0) == clopper_pearson(0, 0) == (0.0, 1.0)


def test_more_hits_than_trials_are_refused():
    """Eleven of ten is a mistake somewhere else."""
    with pytest.raises(RefusalError):
        wilson(11, 10)


def test_a_share_of_everything_is_exact_and_of_nothing_unknown() -> None:
    """The whole population sampled leaves nothing open; no sample leaves all."""
    bounds = sampled_shares(np.array([0.3, 0.0]), np.array([10, 0]), np.array([10, 50]))
    assert bounds[0] == pytest.approx([0.3, 0.3])
    assert bounds[1] == pytest.approx([0.0, 1.0])


def test_intervals_of_sampled_shares_cover_the_truth() -> None:
    """Statistical: 40 accounts of 60 to 2,000 exchanges, 48 of each sampled, 300 logs: near 95 % of intervals hold."""
    rng = np.random.default_rng(5)
    total = rng.integers(60, 2000, 40)
    inside, whole = [], []
    for _ in range(300):
        truth = rng.binomial(total, rng.beta(4, 2, 40))
        seen = rng.hypergeometric(truth, total - truth, 48)
        share, n = seen / 48, np.full(40, 48)
        bounds = sampled_shares(share, n, total)
        inside.append(((bounds[:, 0] <= truth / total) & (truth / total <= bounds[:, 1])).mean())
        low, high = stratified_share(share, n, total)
        whole.append(low <= truth.sum() / total.sum() <= high)
    assert 0.93 <= np.mean(inside) <= 0.98
    assert 0.92 <= np.mean(whole) <= 0.99
