"""The search's own error rate: what the whole search finds where values were dealt anew."""

from __future__ import annotations

import numpy as np
import pytest

from hydrascope.linkage.clusters import cluster_links, grow_clusters
from hydrascope.linkage.incidence import ChannelSpec, incidence_from_rows
from hydrascope.linkage.links import link_table, prepare
from hydrascope.linkage.search import SearchError, likely_clusters, search_error
from hydrascope.linkage.settings import LinkSettings

CHANNELS = (ChannelSpec(name="ip", family="ip"), ChannelSpec(name="page", family="page"))


def searched(seed, max_null, groups=20, n=2000):
    """Strangers of unequal activity, and groups of five that share most of eight values of their own; what the search finds, and its error."""
    rng = np.random.default_rng(seed)
    account = np.repeat(np.arange(n), np.minimum(rng.lognormal(2.0, 0.8, n), 80).astype(int))
    value = (3000 * rng.random(len(account)) ** 1.4).astype(int)
    who = np.repeat(np.arange(5 * groups), 7)
    account = np.concatenate((account, who))
    value = np.concatenate((value, 10_000 + (who // 5) * 8 + rng.integers(0, 8, len(who))))
    incidence = incidence_from_rows(
        account, rng.integers(0, 2, len(account)), value, n_accounts=n, channels=CHANNELS
    )
    settings = LinkSettings(communities=False, max_null=max_null, spread=0.0, seed=seed)
    table = prepare(incidence, settings)
    links = link_table(table, settings)
    labels = grow_clusters(table, cluster_links(links, n, settings), settings)
    return labels, search_error(table, links, labels, settings)


def strangers_clusters(labels, groups=20):
    """Clusters in which no two accounts are of one group."""
    false = 0
    for c in range(labels.max() + 1):
        members = np.flatnonzero(labels == c)
        group = members[members < 5 * groups] // 5
        false += len(np.unique(group)) == len(group)
    return false


def test_a_strict_search_makes_hardly_a_cluster_by_chance():
    """At one chance link in a thousand the groups are found, and dealt tables hold next to none."""
    labels, error = searched(0, 0.001)
    assert error.found.sum() == labels.max() + 1 >= 5
    assert error.tables == 20 and error.share < 0.05


@pytest.mark.parametrize("max_null", [0.2, 0.4])
def test_a_lax_search_says_how_many_of_its_clusters_are_chance(max_null):
    """Clusters of strangers in six tables, against what dealt tables said to expect."""
    runs = [searched(seed, max_null) for seed in range(6)]
    true = sum(strangers_clusters(labels) for labels, _ in runs)
    expected = sum(float(error.chance.sum()) for _, error in runs)
    assert true > 20
    assert 0.75 * true <= expected <= 1.6 * true


def test_nothing_found_errs_nowhere():
    """Where no cluster was found no share of them is chance."""
    labels, error = searched(1, 1e-9)
    assert labels.max() == -1 and error.share == 0.0 and error.tables in (0, 20)


def test_the_share_counts_one_more_than_was_seen():
    """No dealt cluster in twenty tables and five found: at most one in a hundred."""
    error = SearchError(tables=20, found=np.array([2, 2, 1]), dealt=np.array([0, 0, 0]))
    assert error.share == pytest.approx(1 / 100)
    assert SearchError(tables=2, found=np.array([3, 0, 0]), dealt=np.array([2, 9, 0])).share == 0.5


def test_sizes_that_chance_makes_are_dropped():
    """Six clusters of two where chance makes four of them go; the cluster of three stays, and is numbered anew."""
    labels = np.array([*np.repeat(np.arange(6), 2), 6, 6, 6, -1], dtype=np.int32)
    error = SearchError(tables=10, found=np.array([6, 1, 0]), dealt=np.array([40, 1, 0]))
    kept = likely_clusters(labels, error, LinkSettings())
    assert kept.tolist() == [-1] * 12 + [0, 0, 0, -1]
    assert error.share == pytest.approx(0.2)
