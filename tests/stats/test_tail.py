"""p-values from permutations: counted, or from a fitted tail that says when it is poor."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hydrascope.stats.tail import fit_tail, permutation_p


def test_null_p_values_are_uniform():
    """Statistics drawn from their own null give p-values that are uniform down to what counting can show."""
    rng = np.random.default_rng(0)
    p = np.array([permutation_p(rng.normal(), rng.normal(size=400))[0] for _ in range(3000)])
    for level in (0.01, 0.05, 0.2, 0.5):
        assert abs((p <= level).mean() - level) < 4 * np.sqrt(level * (1 - level) / 3000) + 1 / 401


def test_an_exponential_tail_is_followed_beyond_the_permutations():
    """At a true p of 1e-6, a thousand permutations give the right power of ten in the median."""
    rng = np.random.default_rng(1)
    x = -np.log(1e-6)
    logs = [np.log10(permutation_p(x, rng.exponential(size=1000))[0]) for _ in range(100)]
    assert abs(np.median(logs) + 6) < 1


def test_a_light_tail_is_never_called_lighter_than_exponential():
    """For a normal null the fitted p errs upwards."""
    rng = np.random.default_rng(2)
    p = [permutation_p(5.0, rng.normal(size=1000))[0] for _ in range(50)]
    assert np.median(p) >= stats.norm.sf(5.0)


def test_a_small_null_says_that_its_p_is_only_a_bound():
    """Twenty permutations cannot show more than one in twenty-one."""
    p, fit_ok = permutation_p(10.0, np.arange(20) / 20)
    assert p == pytest.approx(1 / 21)
    assert not fit_ok


def test_a_constant_null_says_that_its_p_is_only_a_bound():
    """Nothing can be fitted to a null that does not vary."""
    assert permutation_p(1.0, np.zeros(1000)) == (1 / 1001, False)
    assert fit_tail(np.zeros(1000)) is None


def test_a_tail_in_two_heaps_is_called_poor():
    """A fit through two heaps is reported as poor, or rests on the far heap alone."""
    rng = np.random.default_rng(3)
    null = np.concatenate((rng.exponential(size=700), 100 + 0.01 * rng.exponential(size=300)))
    tail = fit_tail(null)
    assert tail is not None
    assert not tail.fit_ok or tail.threshold >= 99
