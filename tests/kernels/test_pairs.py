"""The pair kernel and the bucket layout against plain Python."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrascope.linkage.buckets import build_buckets, permute_buckets, stratify
from hydrascope.linkage.communities import no_communities
from hydrascope.linkage.incidence import ChannelSpec, incidence_from_rows
from hydrascope.linkage.links import make_scorer
from hydrascope.linkage.scoring import detail, surprise_histogram, surprising_pairs
from hydrascope.linkage.settings import LinkSettings
from hydrascope.stats.surprise import expected_sharing, shared_surprise

ROWS = st.lists(
    st.tuples(st.integers(0, 11), st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=80, unique=True
)
CHANNELS = (
    ChannelSpec(name="ip", family="egress", cap=5),
    ChannelSpec(name="prefix", family="egress", cap=6),
    ChannelSpec(name="card", family="identity"),
)


def incidence(rows):
    """Rows of twelve accounts in three channels of two families."""
    a, c, v = (np.array(x) for x in zip(*rows, strict=True))
    return incidence_from_rows(a, c, v, n_accounts=12, channels=CHANNELS)


def channel_surprise(rows, channel, u, v):
    """Surprise of one pair in one channel, straight from the definition."""
    who = defaultdict(set)
    for a, c, x in rows:
        if c == channel:
            who[x].add(a)
    sizes = {x: len(m) for x, m in who.items() if 2 <= len(m) <= CHANNELS[channel].bucket_cap}
    shared = sorted(sizes[x] for x in sizes if {u, v} <= who[x])
    best = 0.0
    for j, k in enumerate(shared, start=1):
        small = {x: s for x, s in sizes.items() if s <= k}
        degree = [sum(a in who[x] for x in small) for a in (u, v)]
        squares, total = sum(s * s for s in small.values()), sum(small.values())
        best = max(best, shared_surprise(j, expected_sharing(degree[0], degree[1], squares, total)))
    return best


def pair_surprise(rows, u, v):
    """The strongest channel of a family, half of the others, and the sum of families."""
    ip, prefix, card = (channel_surprise(rows, c, u, v) for c in range(3))
    return max(ip, prefix) + 0.5 * min(ip, prefix) + card


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_every_pair_has_the_surprise_of_the_definition(rows):
    """Kernel and definition agree on every pair that shares a bucket, on one thread and on two."""
    table = incidence(rows)
    buckets = build_buckets(table)
    chosen = LinkSettings(family_caps={"egress": 900.0, "identity": 900.0})
    scorer = make_scorer(table, chosen, no_communities(table))
    found = surprising_pairs(buckets, scorer, 0.0)
    score = dict(zip(zip(found.a.tolist(), found.b.tolist(), strict=True), found.surprise, strict=True))
    for u, v in combinations(range(12), 2):
        assert abs(score.get((u, v), 0.0) - pair_surprise(rows, u, v)) < 1e-3
    assert surprise_histogram(buckets, scorer).sum() == len(found.a)
    by_channel, ptr, shared = detail(buckets, scorer, found.a, found.b)
    assert ptr[-1] == len(shared)
    for i, (u, v) in enumerate(zip(found.a, found.b, strict=True)):
        assert np.allclose(by_channel[i], [channel_surprise(rows, c, u, v) for c in range(3)], atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(ROWS, st.integers(0, 5))
def test_a_permuted_table_keeps_degrees_and_popularity(rows, seed):
    """No account gains values and no value gains accounts; both keep theirs where no deal repeated a value."""
    table = incidence(rows)
    buckets = build_buckets(table)
    dealt = permute_buckets(buckets, stratify(buckets, np.zeros(12, dtype=np.int32)), seed)
    assert np.all(np.diff(dealt.row_ptr) <= np.diff(buckets.row_ptr))
    assert np.all(dealt.popularity <= buckets.popularity)
    if len(dealt.members) == len(buckets.members):
        assert np.array_equal(np.diff(dealt.row_ptr), np.diff(buckets.row_ptr))


def test_values_stay_within_their_stratum_when_dealt():
    """Two strata that share no value share none after dealing either."""
    rows = [(a, 0, a % 3) for a in range(6)] + [(a, 0, 5 + a % 3) for a in range(6, 12)]
    buckets = build_buckets(incidence(rows))
    stratum = np.repeat(np.array([0, 1], dtype=np.int32), 6)
    dealt = permute_buckets(buckets, stratify(buckets, stratum), 3)
    value = np.repeat(dealt.bucket_value, dealt.popularity)
    assert np.array_equal(value >= 5, dealt.members >= 6)
