"""How much of the variation lies between accounts: known components are recovered, random shares have none."""

from __future__ import annotations

import numpy as np
import pytest

from hydrascope.stats.variation import effective_number, intraclass_correlation


def correlation(classes: list[np.ndarray]) -> float | None:
    """The correlation of raw measurements."""
    n = np.array([len(c) for c in classes], float)
    mean = np.array([c.mean() for c in classes])
    squares = np.array([((c - c.mean()) ** 2).sum() for c in classes])
    return intraclass_correlation(n, mean, squares)


@pytest.mark.parametrize("rho", [0.1, 0.4, 0.8])
def test_known_components_of_variance_are_recovered(rho: float) -> None:
    """Unbalanced classes, their size unrelated to their mean."""
    rng = np.random.default_rng(3)
    classes = [
        np.sqrt(rho) * rng.normal() + np.sqrt(1 - rho) * rng.normal(size=rng.integers(2, 60))
        for _ in range(1500)
    ]
    assert correlation(classes) == pytest.approx(rho, abs=0.04)


def test_random_shares_of_one_list_have_none() -> None:
    """However a list is dealt, nothing lies between its shares."""
    rng = np.random.default_rng(5)
    found = [correlation(np.split(rng.gamma(2.0, size=600), 20)) for _ in range(200)]
    assert all(f is not None and f >= 0 for f in found)
    assert np.mean([f for f in found if f is not None]) < 0.02


def test_the_extremes_are_one_and_unknown() -> None:
    """Classes that never vary inside; no variation at all; nothing repeated."""
    assert correlation([np.full(4, 1.0), np.full(4, 2.0)]) == pytest.approx(1.0)
    assert correlation([np.full(4, 1.0), np.full(4, 1.0)]) is None
    assert correlation([np.array([1.0]), np.array([2.0])]) is None


def test_the_effective_number_of_kinds_is_the_inverse_chance_of_a_like_pair() -> None:
    """Four kinds in turn, thirty each, and one kind alone; without a pair there is nothing to count."""
    in_turn = np.tile(np.arange(4), 30)
    assert effective_number(np.zeros(120, np.int64), in_turn)[0] == pytest.approx(4.0, rel=0.03)
    assert effective_number(in_turn, in_turn) == (1.0, 4 * 30 * 29)
    assert effective_number(np.arange(5), np.arange(5)) == (0.0, 0)
