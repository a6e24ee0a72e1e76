"""Surprise at sharing, against the distributions that it claims to be the tail of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hydrascope.stats.surprise import expected_sharing, mixed_surprise, poisson_surprise, shared_surprise


@settings(deadline=None)
@given(st.integers(1, 40), st.floats(1e-12, 30.0))
def test_poisson_surprise_is_the_tail_of_a_poisson_law(j, rate):
    """It equals -log10 P(N >= j), or 0 where j is no more than expected."""
    expected = 0.0 if rate >= j else min(-stats.poisson.logsf(j - 1, rate) / np.log(10), 300.0)
    assert poisson_surprise(j, rate) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_one_shared_value_is_the_formula_of_the_design():
    """For one value the surprise is -log10(1 - exp(-lambda))."""
    rate = expected_sharing(3, 5, 400.0, 20_000.0)
    assert shared_surprise(1, rate) == pytest.approx(-np.log10(-np.expm1(-rate)))


@settings(deadline=None)
@given(st.integers(1, 30), st.floats(1e-9, 5.0), st.floats(1.0, 10.0))
def test_more_popular_values_surprise_less(j, rate, factor):
    """A larger rate of chance sharing never raises the surprise."""
    assert shared_surprise(j, rate * factor) <= shared_surprise(j, rate) + 1e-9


@pytest.mark.parametrize("j", [1, 2, 4, 15])
@pytest.mark.parametrize("rate", [1e-3, 0.1, 0.9])
def test_mixed_surprise_is_the_tail_of_a_negative_binomial_law(j, rate):
    """Against scipy, and equal to the Poisson tail where there is no spread."""
    shape = 1 / 5.0
    expected = -np.log10(stats.nbinom.sf(j - 1, shape, shape / (shape + rate)))
    assert mixed_surprise(j, rate, 5.0) == pytest.approx(expected, rel=1e-3, abs=1e-3)
    assert mixed_surprise(j, rate, 0.0) == poisson_surprise(j, rate)


def test_where_strangers_are_unequal_many_shared_values_say_less_and_one_says_the_same():
    """Spread takes decades off the second and later values."""
    assert mixed_surprise(1, 0.001, 5.0) == pytest.approx(poisson_surprise(1, 0.001), abs=0.01)
    assert mixed_surprise(5, 0.1, 5.0) < poisson_surprise(5, 0.1) - 1.5
