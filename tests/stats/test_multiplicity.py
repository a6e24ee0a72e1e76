"""False discovery rates, combined p-values and endless testing, against theory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrascope.errors import RefusalError
from hydrascope.stats.multiplicity import (
    AlphaInvesting,
    benjamini_hochberg,
    benjamini_yekutieli,
    cauchy_combine,
    harmonic_mean_combine,
)

P_VALUES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40)


@settings(deadline=None)
@given(P_VALUES)
def test_q_values_keep_the_order_of_p_and_are_never_smaller(p):
    """A smaller p never gets a larger q, and no q lies below its p."""
    q = benjamini_hochberg(p)
    order = np.argsort(p, kind="stable")
    assert np.all(np.diff(q[order]) >= -1e-12)
    assert np.all(q >= np.asarray(p) - 1e-12)
    assert np.all(benjamini_yekutieli(p) >= q - 1e-12)


def test_the_false_discovery_rate_is_met_among_true_effects():
    """With 800 nulls and 200 effects, discoveries at q <= 0.1 are false at most one time in ten."""
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(200):
        p = np.concatenate((rng.random(800), rng.random(200) ** 8))
        found = benjamini_hochberg(p) <= 0.1
        shares.append(found[:800].sum() / max(found.sum(), 1))
    assert np.mean(shares) < 0.1


def test_p_values_outside_the_unit_interval_are_refused():
    """A p-value of 1.2 is a mistake somewhere else."""
    with pytest.raises(RefusalError):
        benjamini_hochberg([0.1, 1.2])
    with pytest.raises(RefusalError):
        cauchy_combine([0.1, 0.2], [1.0])


@pytest.mark.parametrize("combine", [cauchy_combine, harmonic_mean_combine])
def test_combined_independent_p_values_are_uniform(combine):
    """Under the null one combined p in twenty lies below 0.05, one in a hundred below 0.01."""
    rng = np.random.default_rng(1)
    combined = np.array([combine(rng.random(30)) for _ in range(4000)])
    for level in (0.01, 0.05, 0.2):
        assert abs((combined <= level).mean() - level) < 4 * np.sqrt(level * (1 - level) / 4000)


@pytest.mark.parametrize("combine", [cauchy_combine, harmonic_mean_combine])
def test_combined_p_values_stay_valid_in_the_tail_when_tests_repeat_each_other(combine):
    """Strongly correlated tests do not make a rare combined p common."""
    from scipy import stats

    rng = np.random.default_rng(2)
    shared = rng.normal(size=(20_000, 1))
    p = stats.norm.sf(0.9 * shared + np.sqrt(1 - 0.81) * rng.normal(size=(20_000, 10)))
    combined = np.array([combine(row) for row in p])
    assert (combined <= 0.001).mean() < 0.0025


def test_one_certain_test_does_not_hide_a_strong_one():
    """A p-value of 1 beside one of 1e-9 leaves a small combined p."""
    assert cauchy_combine([1e-9, 1.0]) < 1e-7


@settings(deadline=None)
@given(st.floats(1e-250, 1e-3))
def test_cauchy_keeps_equal_p_values_down_to_the_smallest(p):
    """Two equal p-values combine to themselves, also where a tangent would lose its digits."""
    assert cauchy_combine([p, p]) == pytest.approx(p, rel=1e-6)


def test_alpha_investing_meets_its_rate_over_a_year_of_days():
    """Over 3,000 tests a day after the other, one in ten true, discoveries are false at most at the stated rate."""
    rng = np.random.default_rng(3)
    shares, hits = [], 0
    for _ in range(15):
        true = rng.random(3000) < 0.1
        p = np.where(true, rng.random(3000) * 1e-6, rng.random(3000))
        found = np.array(list(AlphaInvesting(0.05).tests(p)))
        shares.append((found & ~true).sum() / max(found.sum(), 1))
        hits += int((found & true).sum())
    assert np.mean(shares) < 0.05
    assert hits > 0.9 * 15 * 300


def test_alpha_investing_without_discoveries_spends_less_than_its_wealth():
    """A year of silence cannot use up more than was there."""
    investing = AlphaInvesting(0.05)
    spent = sum(investing.level() for _ in range(20_000) if not investing.test(1.0))
    assert spent < investing.wealth
