"""Kernel densities are exact, and an account is never evidence for itself."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.stats.density import LaplaceDensity, Quantity, leave_one_out_bits

Numbers = st.lists(st.floats(-50, 50), min_size=1, max_size=30)


def brute_force(sample: np.ndarray, at: np.ndarray, width: float) -> np.ndarray:
    """The kernel mass by its definition."""
    return np.exp(-np.abs(sample[None, :] - at[:, None]) / width).sum(axis=1)


@given(Numbers, Numbers, st.sampled_from([0.3, 1.0, 12.0]))
def test_the_running_sums_are_the_definition(sample: list[float], at: list[float], width: float) -> None:
    """Also at the sample's own points and at repeated ones."""
    points = np.array(at + sample)
    exact = brute_force(np.array(sample), points, width)
    assert np.allclose(LaplaceDensity(np.array(sample), width).sums(points), exact, rtol=1e-9, atol=1e-12)


def test_a_density_integrates_to_one() -> None:
    """sums / (n 2 width) is a density."""
    rng = np.random.default_rng(0)
    density = LaplaceDensity(rng.normal(size=50), 0.7)
    grid = np.linspace(-30, 30, 60_001)
    mass = density.sums(grid).sum() * (grid[1] - grid[0]) / (50 * 2 * 0.7)
    assert mass == pytest.approx(1.0, abs=1e-3)


def test_an_empty_sample_has_no_mass() -> None:
    """And is no error."""
    assert LaplaceDensity(np.zeros(0), 1.0).sums(np.array([0.0, 5.0])).tolist() == [0.0, 0.0]


def world(n: int, seed: int) -> Quantity:
    """Sign-up times of strangers over a year, in hours."""
    return Quantity.prepare(np.random.default_rng(seed).uniform(0, 8760, n), (1.0, 12.0, 72.0), 8.0)


@pytest.mark.parametrize("size", [4, 10, 30])
def test_random_groups_earn_nothing_on_average(size: int) -> None:
    """Over random groups the mean weight is not above zero, though each group chooses its best width."""
    quantity, rng = world(3000, 1), np.random.default_rng(2)
    means = [leave_one_out_bits(quantity, rng.choice(3000, size, replace=False)).mean() for _ in range(300)]
    standard_error = np.std(means) / np.sqrt(len(means))
    assert np.mean(means) <= 3 * standard_error


def test_a_burst_earns_bits_and_more_of_it_earns_no_less() -> None:
    """Accounts signed up within an hour of each other; a larger burst never lowers the mean weight."""
    rng = np.random.default_rng(4)
    means = []
    for size in (4, 8, 16, 32, 64):
        values = np.concatenate([rng.uniform(0, 8760, 3000), 4000 + np.linspace(0, 1, size)])
        quantity = Quantity.prepare(values, (1.0, 12.0, 72.0), 8.0)
        means.append(leave_one_out_bits(quantity, np.arange(3000, 3000 + size)).mean())
    assert means[0] > 3
    assert all(b >= a - 1e-9 for a, b in pairwise(means))


def test_one_odd_member_costs_itself_and_not_the_others() -> None:
    """It loses at most log2(10) bits; the burst keeps most of its weight."""
    rng = np.random.default_rng(5)
    burst = 4000 + np.linspace(0, 1, 12)
    alone = Quantity.prepare(np.concatenate([rng.uniform(0, 8760, 2000), burst]), (1.0, 12.0, 72.0), 8.0)
    mixed = Quantity.prepare(
        np.concatenate([rng.uniform(0, 8760, 2000), burst, [50.0]]), (1.0, 12.0, 72.0), 8.0
    )
    whole = leave_one_out_bits(alone, np.arange(2000, 2012))
    with_odd = leave_one_out_bits(mixed, np.arange(2000, 2013))
    assert -np.log2(10) - 1e-9 <= with_odd[-1] < 0
    assert with_odd[:-1].mean() > whole.mean() - 0.5


def test_the_cap_holds_and_unknown_values_say_nothing() -> None:
    """No more than the cap; 0 for an account without a value; 0 for everybody where too little is known."""
    values = np.concatenate([np.linspace(0, 8760, 500), np.full(20, 4000.0), [np.nan]])
    quantity = Quantity.prepare(values, (0.001,), 8.0)
    bits = leave_one_out_bits(quantity, np.arange(500, 521))
    assert bits[:-1].max() == pytest.approx(8.0)
    assert bits[-1] == 0
    assert not leave_one_out_bits(quantity, np.array([500, 501])).any()
    few = Quantity.prepare(np.array([1.0, 1.0, 1.0, 1.0, 5.0]), (1.0,), 8.0)
    assert not leave_one_out_bits(few, np.arange(4)).any()


def test_the_order_of_members_does_not_matter() -> None:
    """Each member's weight follows it."""
    quantity = world(500, 6)
    members = np.random.default_rng(7).choice(500, 20, replace=False)
    bits = leave_one_out_bits(quantity, members)
    assert np.allclose(leave_one_out_bits(quantity, members[::-1]), bits[::-1])
