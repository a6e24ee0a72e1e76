"""The search's own error rate: what the whole search finds where values were dealt anew."""

from __future__ import annotations

import numpy as np
import pytest

from hydrascope.linkage.clusters import cluster_links
from hydrascope.linkage.links import prepare
from hydrascope.linkage.search import SearchError, search_clusters
from hydrascope.linkage.settings import LinkSettings
from strangers import strangers_and_groups


def searched(seed, max_null):
    """What the search finds among strangers and twenty groups of five that share most of eight values."""
    incidence = strangers_and_groups(seed, n=2000, values=3000, groups=20, size=5, rows=7, pool=8)
    settings = LinkSettings(communities=False, max_null=max_null, spread=0.0, seed=seed)
    return search_clusters(prepare(incidence, settings), settings)


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
    found = searched(0, 0.001)
    assert found.error.clusters.sum() == found.labels.max() + 1 >= 5
    assert found.error.tables == 20 and found.error.share < 0.05


@pytest.mark.parametrize("max_null", [0.2, 0.4])
def test_a_lax_search_says_how_many_of_its_clusters_are_chance(max_null):
    """Clusters of strangers in six tables, against what dealt tables said to expect."""
    true, expected = 0, 0.0
    for seed in range(6):
        found = searched(seed, max_null)
        true += strangers_clusters(cluster_links(found.links, found.links.n_accounts, LinkSettings()))
        expected += found.error.dealt_clusters.sum() / found.error.tables
    assert true > 20
    assert 0.75 * true <= expected <= 1.6 * true


def test_nothing_found_errs_nowhere():
    """Where no cluster was found no share of them is chance."""
    found = searched(1, 1e-9)
    assert found.labels.max() == -1 and found.error.share == 0.0 and (found.error.rung == -1).all()


def an_error(links, dealt, tables=20):
    """Rungs by sizes; a cluster for each link."""
    links, dealt = (np.array(x, dtype=np.int64) for x in (links, dealt))
    return SearchError(
        tables=tables,
        clusters=links,
        dealt_clusters=dealt,
        links=links,
        dealt_links=dealt,
        max_null=0.001,
        strict_null=0.0009,
    )


def test_the_share_counts_one_more_than_was_seen():
    """No dealt cluster in twenty tables and five found: at most one in a hundred."""
    assert an_error([[2, 2, 1, 0]], [[0, 0, 0, 0]]).share == pytest.approx(1 / 100)


def test_sizes_that_chance_makes_are_dropped():
    """Six clusters of two where chance makes four go; the one of three stays."""
    assert an_error([[6, 1, 0, 0]], [[40, 1, 0, 0]], tables=10).rung.tolist() == [-1, 0, -1, -1]


def test_large_clusters_are_taken_from_the_lowest_rung_that_holds():
    """At most one chance link in a thousand, one more counted than was seen: a hundred links over twenty tables bear one."""
    links = [[50, 90, 60, 200], [70, 95, 100, 300], [90, 99, 120, 900]]
    dealt = [[1, 0, 0, 0], [9, 0, 1, 0], [90, 0, 30, 4]]
    error = an_error(links, dealt)
    assert error.rung.tolist() == [0, 1, 1, 2]
    chance = 0.0009 * 50 + 0 / 20 + 1 / 20 + 4 / 20
    assert error.null_over_observed == pytest.approx(chance / (50 + 95 + 100 + 900))


def test_clusters_that_grew_on_a_rung_come_along():
    """Forty links in clusters of twelve are too few to be believed alone, but with those of six from which they grew they are."""
    links = [[9, 9, 300, 0], [9, 9, 400, 0], [9, 9, 500, 40]]
    assert an_error(links, [[0] * 4] * 3).rung.tolist() == [0, 0, 2, 2]
    dealt = [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 60]]
    assert an_error(links, dealt).rung.tolist() == [0, 0, 1, 1]


def test_weaker_links_count_where_they_make_large_clusters():
    """Groups of twelve that share little, pair by pair: lower rungs find more of them, and hold no more strangers."""
    n, groups, size = 3000, 25, 12
    incidence = strangers_and_groups(4, n=n, values=4000, groups=groups, size=size, rows=6, pool=10)
    settings = LinkSettings(max_null=0.001)
    table = prepare(incidence, settings)
    assert not table.communities.n_groups
    found = search_clusters(table, settings)
    strict = search_clusters(table, LinkSettings(communities=False, max_null=0.001))
    true = np.arange(n) < groups * size
    assert found.error.rung.max() > 0 == strict.error.rung.max()
    assert (found.labels[true] >= 0).sum() > 2 * (strict.labels[true] >= 0).sum()
    assert (found.labels[~true] >= 0).mean() < 0.005
