"""Cluster p-values: uniform among strangers, small for operators, and honest about a poor tail."""

from __future__ import annotations

import numpy as np
import pytest

from hydrascope.linkage.incidence import ChannelSpec, incidence_from_rows
from hydrascope.linkage.links import prepare
from hydrascope.linkage.settings import LinkSettings
from hydrascope.linkage.significance import calibrate, judge_clusters, significant, stranger_sets, tail_p
from strangers import strangers_and_groups


def table_of(seed, groups=20, n=2000):
    """Strangers of unequal activity in two channels; the first accounts form groups of five that share four values each."""
    incidence = strangers_and_groups(seed, n=n, values=3000, groups=groups, size=5, rows=4, pool=6)
    labels = np.where(np.arange(n) < 5 * groups, np.arange(n) // 5, -1).astype(np.int32)
    return prepare(incidence, LinkSettings(communities=False)), labels


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_strangers_have_uniform_p_values(seed):
    """At every level no more than the level, and not far less where ties are few."""
    table, labels = table_of(seed)
    found = calibrate(table, labels, seed)
    assert found.holds and found.n_sets > 200
    assert 0.25 <= found.shares[0.5] <= 0.58
    assert found.shares[0.05] <= 0.09


def test_operators_stand_out():
    """Groups that share values of their own have p-values as small as the draws can show, and all survive."""
    table, labels = table_of(3)
    tests = judge_clusters(table, labels, 0)
    assert (tests.p_value <= 1e-3).mean() > 0.9 and np.all(tests.q_value >= tests.p_value)
    kept, left = significant(table, labels, LinkSettings(communities=False))
    assert kept.max() + 1 == len(left.p_value) > 0.9 * 20


def test_clusters_of_strangers_are_dropped():
    """Accounts put together at random do not make a cluster."""
    table, labels = table_of(4)
    active = np.diff(table.buckets.row_ptr) > 0
    kept, tests = significant(table, stranger_sets(labels, active, 1), LinkSettings())
    assert len(tests.p_value) <= 3 and (kept >= 0).sum() <= 20


def test_interests_nobody_discounts_are_seen_in_the_calibration():
    """Strangers who like the same things share too much, and the manifest would say so."""
    rng = np.random.default_rng(5)
    topic = np.sort(rng.integers(0, 10, 1500))
    account = np.repeat(np.arange(1500), 12)
    value = topic[account] * 60 + rng.integers(0, 60, len(account))
    wide = ChannelSpec(name="page", family="page", cap=1000)
    incidence = incidence_from_rows(
        account, np.zeros(len(account), int), value, n_accounts=1500, channels=(wide,)
    )
    table = prepare(incidence, LinkSettings(communities=False))
    sets = np.where(np.arange(1500) % 2 == 0, np.arange(1500) // 10, -1).astype(np.int32)
    assert (judge_clusters(table, sets, 0).p_value <= 0.01).mean() > 0.5


def test_a_poor_tail_leaves_the_counted_bound():
    """A null of two values has no tail to fit: the p-value is the count, and it says so."""
    p, fits = tail_p(np.array([9.0]), np.repeat([0.0, 1.0], 200))
    assert p[0] == pytest.approx(1 / 401) and not fits[0]
    p, fits = tail_p(np.array([12.0]), np.sort(np.random.default_rng(0).exponential(size=4000)))
    assert p[0] < 1e-4 and fits[0]
