"""Links: what operators share is found, what chance and interests share is not."""

from __future__ import annotations

import numpy as np
import pytest

from hydrascope.linkage.buckets import build_buckets, permute_buckets, stratify
from hydrascope.linkage.clusters import cluster_links, grow_clusters
from hydrascope.linkage.communities import find_communities
from hydrascope.linkage.incidence import ChannelSpec, incidence_from_rows
from hydrascope.linkage.links import link_accounts, link_table, prepare
from hydrascope.linkage.profiles import build_profiles, leave_one_out
from hydrascope.linkage.settings import LinkSettings

CHANNELS = (ChannelSpec(name="ip", family="ip"), ChannelSpec(name="page", family="page"))
HONEST = 1500


def honest_rows(rng, n=HONEST):
    """Accounts with a few values each of two channels, popularity falling as a power."""
    rows = []
    for channel, values in ((0, 3000), (1, 6000)):
        account = np.repeat(np.arange(n), np.minimum(rng.lognormal(1.3, 0.8, n), 60).astype(int))
        rows.append(
            (account, np.full(len(account), channel), (values * rng.random(len(account)) ** 1.6).astype(int))
        )
    return tuple(np.concatenate(x) for x in zip(*rows, strict=True))


def with_groups(rng, groups, n=HONEST):
    """Honest rows, and groups of accounts that share five values of each channel; the group of each account."""
    account, channel, value = honest_rows(rng, n)
    operator = np.full(n, -1)
    parts, at = [(account, channel, value)], 0
    for g, size in enumerate(groups):
        mine = np.arange(at, at + size)
        operator[mine] = g
        at += size
        for c in (0, 1):
            who = np.repeat(mine, 4)
            parts.append((who, np.full(len(who), c), 100_000 + 10 * g + rng.integers(0, 5, len(who))))
    return tuple(np.concatenate(x) for x in zip(*parts, strict=True)), operator


def incidence_of(rows, n=HONEST):
    """Coded rows."""
    return incidence_from_rows(*rows, n_accounts=n, channels=CHANNELS)


def test_groups_that_share_values_are_linked_and_strangers_are_not():
    """Forty groups of two to nine accounts come back nearly whole and nearly pure."""
    rng = np.random.default_rng(0)
    rows, operator = with_groups(rng, [2 + i % 8 for i in range(40)])
    incidence, chosen = incidence_of(rows), LinkSettings()
    links = link_accounts(incidence, chosen)
    same = (operator[links.a] == operator[links.b]) & (operator[links.a] >= 0)
    assert same.mean() > 0.97
    assert links.threshold is not None and links.curve.ratio_at(links.threshold) <= chosen.max_null
    labels = cluster_links(links, incidence.n_accounts, chosen)
    assert (labels[operator >= 0] >= 0).mean() > 0.8


def test_a_table_of_strangers_has_no_links():
    """Without operators no threshold is good enough, in nineteen of twenty tables at least."""
    linked = 0
    for seed in range(20):
        incidence = incidence_of(honest_rows(np.random.default_rng(100 + seed), 800), 800)
        linked += len(link_accounts(incidence, LinkSettings(permutations=10, seed=seed))) > 0
    assert linked <= 1


def test_the_order_of_rows_does_not_matter():
    """Shuffled rows give the same links and the same clusters."""
    rng = np.random.default_rng(1)
    rows, _ = with_groups(rng, [5] * 20)
    order = rng.permutation(len(rows[0]))
    a = link_accounts(incidence_of(rows), LinkSettings())
    b = link_accounts(incidence_of(tuple(x[order] for x in rows)), LinkSettings(threads=1))
    for name in ("a", "b", "surprise", "bits", "family_bits", "shared_ptr", "shared_value"):
        assert np.array_equal(getattr(a, name), getattr(b, name))


def test_an_honest_account_apart_changes_no_surprise():
    """An account whose values nobody else has leaves every other pair's surprise as it was."""
    rows, _ = with_groups(np.random.default_rng(2), [5] * 20)
    extra = tuple(
        np.concatenate((x, y))
        for x, y in zip(rows, ([HONEST] * 3, [0, 0, 1], [900_001, 900_002, 900_003]), strict=True)
    )
    a = link_accounts(incidence_of(rows), LinkSettings())
    b = link_accounts(incidence_of(extra, HONEST + 1), LinkSettings())
    before = dict(zip(zip(a.a, a.b, strict=True), a.surprise, strict=True))
    after = dict(zip(zip(b.a, b.b, strict=True), b.surprise, strict=True))
    line = max(a.threshold, b.threshold)
    assert {p: s for p, s in before.items() if s >= line} == {p: s for p, s in after.items() if s >= line}


def test_more_accounts_in_a_group_never_lower_its_bits():
    """The bits that members have from each other, summed, grow with every account that joins."""
    totals = []
    for size in (3, 6, 12, 24, 40):
        rng = np.random.default_rng(3)
        rows, operator = with_groups(rng, [size])
        table = prepare(incidence_of(rows), LinkSettings())
        profiles = build_profiles(table.buckets, table.scorer, operator.astype(np.int32))
        totals.append(leave_one_out(profiles, table.buckets, table.scorer)[operator == 0].sum())
    assert totals == sorted(totals)


def linked_when_flooded(seed):
    """Links of twenty groups of six, and those of them that are left when each account holds forty popular values more."""
    rng = np.random.default_rng(seed)
    rows, operator = with_groups(rng, [6] * 20)
    hubs = np.unique(rows[2][rows[1] == 1], return_counts=True)
    hubs = hubs[0][np.argsort(-hubs[1], kind="stable")[:40]]
    who = np.repeat(np.flatnonzero(operator >= 0), 40)
    flooded = tuple(
        np.concatenate((x, y))
        for x, y in zip(
            rows, (who, np.ones(len(who), int), np.tile(hubs, (operator >= 0).sum())), strict=True
        )
    )
    after = link_accounts(incidence_of(flooded), LinkSettings())
    return len(link_accounts(incidence_of(rows), LinkSettings())), (
        operator[after.a] == operator[after.b]
    ).sum()


def test_flooding_with_popular_values_hides_nothing():
    """Forty hub values more for each account of the groups leave their links (statistical, ten draws: a single one hangs on which hubs they are)."""
    before, after = np.sum([linked_when_flooded(seed) for seed in range(2, 12)], axis=0)
    assert after > 0.7 * before


def interests(rng, n=3000, topics=10):
    """Accounts of ten interests: six in ten of their values come from the interest's own hundred."""
    topic = np.arange(n) % topics
    account = np.repeat(np.arange(n), 16)
    own = rng.random(len(account)) < 0.6
    value = np.where(
        own,
        50_000 + topic[account] * 100 + rng.integers(0, 100, len(account)),
        rng.integers(0, 40_000, len(account)),
    )
    return (account, np.zeros(len(account), int), value), topic


def test_people_of_one_interest_are_not_linked():
    """Shared interests alone make chance links by the hundred; unequal strangers, or communities, leave next to none."""
    rows, _ = interests(np.random.default_rng(5))
    incidence = incidence_of(rows, 3000)
    assert len(link_accounts(incidence, LinkSettings(communities=False, spread=0.0, permutations=5))) > 100
    assert len(link_accounts(incidence, LinkSettings(communities=False, permutations=5))) <= 5
    assert len(link_accounts(incidence, LinkSettings(spread=0.0, permutations=5))) <= 5
    assert len(link_accounts(incidence, LinkSettings(permutations=5))) <= 5


def test_interests_are_found_and_noise_is_not():
    """Ten interests are recovered; a table without any has none."""
    rows, topic = interests(np.random.default_rng(6))
    incidence = incidence_of(rows, 3000)
    found = find_communities(incidence, build_buckets(incidence))
    majority = sum(np.bincount(topic[found.group == g]).max() for g in range(1, found.n_groups + 1))
    assert majority > 0.9 * 3000
    noise = incidence_of(honest_rows(np.random.default_rng(7)))
    assert find_communities(noise, build_buckets(noise)).n_groups == 0


def test_an_operator_with_hundreds_of_accounts_is_no_community_of_interest():
    """Two hundred accounts that share five addresses and five pages keep their evidence."""
    rows, operator = with_groups(np.random.default_rng(8), [200] + [4] * 10, 3000)
    incidence = incidence_from_rows(
        *rows,
        n_accounts=3000,
        channels=tuple(ChannelSpec(name=c.name, family=c.family, cap=200) for c in CHANNELS),
    )
    chosen = LinkSettings()
    labels = cluster_links(link_accounts(incidence, chosen), 3000, chosen)
    assert np.bincount(labels[(operator == 0) & (labels >= 0)]).max() > 180


def test_growing_attaches_members_that_links_missed():
    """An account that shares a little with many members of a cluster joins it."""
    rng = np.random.default_rng(9)
    rows, operator = with_groups(rng, [10] * 30)
    chosen = LinkSettings()
    table = prepare(incidence_of(rows), chosen)
    labels = cluster_links(link_table(table, chosen), HONEST, chosen)
    grown = grow_clusters(table, labels, chosen)
    assert (grown[operator >= 0] >= 0).sum() >= (labels[operator >= 0] >= 0).sum()
    assert (grown[operator < 0] >= 0).sum() <= 10


def test_pair_scores_of_permuted_tables_agree_with_each_other():
    """The null curve of one half of the permutations predicts the other half: it is a property of the table."""
    rows, _ = with_groups(np.random.default_rng(10), [5] * 20)
    table = prepare(incidence_of(rows), LinkSettings())
    strata = stratify(table.buckets, table.stratum)
    from hydrascope.linkage.scoring import surprise_histogram

    halves = [
        sum(surprise_histogram(permute_buckets(table.buckets, strata, s), table.scorer) for s in seeds)
        for seeds in (range(10), range(10, 20))
    ]
    above = [h[::-1].cumsum()[::-1] for h in halves]
    line = int(np.flatnonzero(above[0] >= 200)[-1])
    assert abs(above[1][line] - above[0][line]) < 5 * np.sqrt(2 * above[0][line])


@pytest.mark.parametrize("n", [1, 2, 30])
def test_tables_of_a_few_accounts_do_not_fail(n):
    """One account, two, thirty: no links rather than an error."""
    rows = (np.arange(n), np.zeros(n, int), np.zeros(n, int))
    chosen = LinkSettings()
    links = link_accounts(incidence_of(rows, n), chosen)
    assert len(links) == 0
    assert np.all(cluster_links(links, n, chosen) == -1)
