"""Cluster profiles: singles attach, clusters merge, and members are checked with themselves left out.

Model. A member's value in channel c comes from the operator's pool with chance m_c, else from the table at large:
    score(u, C) = sum over values x of u of log2(1 - m_c + m_c p_C(x) / q(x))
with p_C(x) the pooled share of x among the cluster's rows in the channel after Good-Turing's discount for values not yet seen
(Good, Biometrika 40, 1953), and q(x) = k_x / E_c times the lift of the cluster's community. A value the cluster never showed costs
log2(1 - m_c): misses count. m_c is measured: the share of members' rows that another member shows too. Families are capped.

Which score attaches is read off permuted tables as for links: scores of accounts with dealt values against the
same clusters. What the model gets wrong (pools that drift, values that are not independent) it gets wrong there too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hydrascope.linkage.buckets import Buckets
from hydrascope.linkage.scoring import Scorer
from hydrascope.stats.surprise import DECADES_TO_BITS

__all__ = ["Profiles", "Scores", "build_profiles", "leave_one_out", "score_accounts"]

LEAST_MIX, MOST_MIX = 0.02, 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    """Pooled values of each cluster, with what a hit and a miss are worth."""

    labels: NDArray[np.int32]
    count: sparse.csr_matrix
    """(n_clusters, n_buckets) members that show each value."""
    hit: sparse.csr_matrix
    """(n_clusters, n_buckets) bits of a shared value, over those of a miss."""
    mix: NDArray[np.float64]
    """m_c by channel."""
    frequency: NDArray[np.float64]
    """k_x / E_c by bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Accounts against clusters that they share a value with, in bits."""

    account: NDArray[np.int64]
    cluster: NDArray[np.int64]
    bits: NDArray[np.float64]
    families: NDArray[np.int64]
    """Families with a positive score."""


def build_profiles(buckets: Buckets, scorer: Scorer, labels: NDArray[np.int32]) -> Profiles:
    """Pools the values of each cluster."""
    rows = account_rows(buckets)
    member = labels[rows] >= 0
    shape = (int(labels.max(initial=-1)) + 1, buckets.n_buckets)
    ones = np.ones(int(member.sum()))
    count = sparse.csr_matrix((ones, (labels[rows[member]], buckets.row_bucket[member])), shape=shape)
    mix = measure_mix(buckets, count, labels)
    frequency = value_frequency(buckets)
    return Profiles(
        labels=labels,
        count=count,
        hit=hit_bits(count, mix, frequency, lifts_of(buckets, scorer, labels, count), buckets.bucket_channel),
        mix=mix,
        frequency=frequency,
    )


def account_rows(buckets: Buckets) -> NDArray[np.int64]:
    """Account of each row."""
    return np.repeat(np.arange(buckets.n_accounts), np.diff(buckets.row_ptr))


def value_frequency(buckets: Buckets) -> NDArray[np.float64]:
    """q(x) of each bucket in the table at large."""
    total = np.bincount(buckets.bucket_channel, buckets.bucket_size, minlength=1)
    return buckets.bucket_size / total[buckets.bucket_channel]


def measure_mix(buckets: Buckets, count: sparse.csr_matrix, labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Share of members' rows in each channel that another member of the cluster shows too."""
    channel = buckets.bucket_channel[count.indices]
    n = int(buckets.bucket_channel.max(initial=0)) + 1
    rows = np.bincount(channel, count.data, minlength=n)
    shared = np.bincount(channel, np.where(count.data >= 2, count.data, 0.0), minlength=n)
    return np.clip((shared + 0.5) / (rows + 5.0), LEAST_MIX, MOST_MIX)


def lifts_of(
    buckets: Buckets, scorer: Scorer, labels: NDArray[np.int32], count: sparse.csr_matrix
) -> NDArray[np.float64]:
    """Lift on q(x) of each entry of `count`: that of the community most of the cluster belongs to."""
    placed = labels >= 0
    n_groups = scorer.lift.shape[1]
    votes = np.bincount(
        labels[placed].astype(np.int64) * n_groups + scorer.group[placed],
        minlength=count.shape[0] * n_groups,
    )
    home = votes.reshape(count.shape[0], n_groups).argmax(axis=1) if count.shape[0] else np.zeros(0, np.int64)
    cluster = np.repeat(np.arange(count.shape[0]), np.diff(count.indptr))
    channel = buckets.bucket_channel[count.indices]
    return np.maximum(scorer.lift[channel, home[cluster], home[cluster]], 1.0)


def hit_bits(
    count: sparse.csr_matrix,
    mix: NDArray[np.float64],
    frequency: NDArray[np.float64],
    lift: NDArray[np.float64],
    bucket_channel: NDArray[np.int16],
) -> sparse.csr_matrix:
    """log2(1 - m + m p / q) - log2(1 - m) of each value of each cluster."""
    channel = bucket_channel[count.indices]
    pooled = pooled_share(count, channel, count.data)
    m = mix[channel]
    ratio = pooled / np.minimum(frequency[count.indices] * lift, 1.0)
    bits = np.log2(1 - m + m * ratio) - np.log2(1 - m)
    return sparse.csr_matrix((bits, count.indices, count.indptr), shape=count.shape)


def pooled_share(
    count: sparse.csr_matrix, channel: NDArray[np.int16], n: NDArray[np.float64]
) -> NDArray[np.float64]:
    """p_C(x) = n / N (1 - n1 / N), both counted in the value's channel of the cluster."""
    cluster = np.repeat(np.arange(count.shape[0]), np.diff(count.indptr))
    n_channels = int(channel.max(initial=0)) + 1
    key = cluster * n_channels + channel
    rows = np.bincount(key, count.data, minlength=1)
    once = np.bincount(key, count.data == 1, minlength=1)
    return np.maximum(n, 0.0) / rows[key] * (1.0 - (once[key] + 1.0) / (rows[key] + 2.0))


def miss_bits(profiles: Profiles, buckets: Buckets, scorer: Scorer) -> NDArray[np.float64]:
    """(n_accounts, n_families) bits of an account whose every value is a miss."""
    channel = buckets.bucket_channel[buckets.row_bucket]
    family = scorer.channel_family[channel]
    n_families = len(scorer.family_cap)
    key = account_rows(buckets) * n_families + family
    cost = np.log2(1 - profiles.mix[channel])
    total = np.bincount(key, cost, minlength=buckets.n_accounts * n_families).astype(np.float64)
    return total.reshape(buckets.n_accounts, n_families)


def score_accounts(profiles: Profiles, buckets: Buckets, scorer: Scorer) -> Scores:
    """Every account against every other cluster that it shares a value with."""
    miss = miss_bits(profiles, buckets, scorer)
    known = np.bincount(profiles.hit.indices, minlength=buckets.n_buckets) > 0
    rows = np.flatnonzero(known[buckets.row_bucket])
    account, bucket = account_rows(buckets)[rows], buckets.row_bucket[rows]
    family = scorer.channel_family[buckets.bucket_channel]
    total = positive = None
    for f, cap in enumerate(scorer.family_cap):
        column = np.cumsum(known & (family == f)) - 1
        mine = family[bucket] == f
        shape = (buckets.n_accounts, int(column[-1]) + 1)
        shows = sparse.csr_matrix((np.ones(int(mine.sum())), (account[mine], column[bucket[mine]])), shape)
        hits = (shows @ profiles.hit[:, np.flatnonzero(known & (family == f))].T).tocsr()
        own = np.repeat(np.arange(buckets.n_accounts), np.diff(hits.indptr))
        bits = np.minimum(hits.data + miss[own, f], cap * DECADES_TO_BITS)
        gain = sparse.csr_matrix((bits - miss[own, f], hits.indices, hits.indptr), hits.shape)
        plus = sparse.csr_matrix(((bits > 0) * 1.0, hits.indices, hits.indptr), hits.shape)
        total = gain if total is None else total + gain
        positive = plus if positive is None else positive + plus
    return gathered(total, positive, miss.sum(axis=1), profiles.labels)


def gathered(
    total: sparse.csr_matrix,
    positive: sparse.csr_matrix,
    miss: NDArray[np.float64],
    labels: NDArray[np.int32],
) -> Scores:
    """Entries as arrays, without an account's own cluster."""
    entries = total.tocoo()
    families = np.asarray(positive[entries.row, entries.col]).ravel() if entries.nnz else np.zeros(0)
    kept = labels[entries.row] != entries.col
    return Scores(
        account=entries.row[kept].astype(np.int64),
        cluster=entries.col[kept].astype(np.int64),
        bits=(entries.data + miss[entries.row])[kept],
        families=families[kept].astype(np.int64),
    )


def leave_one_out(profiles: Profiles, buckets: Buckets, scorer: Scorer) -> NDArray[np.float64]:
    """(n_accounts,) bits of each member against the rest of its cluster; 0 for accounts in none."""
    rows = account_rows(buckets)
    mine = np.flatnonzero(profiles.labels[rows] >= 0)
    account, bucket = rows[mine], buckets.row_bucket[mine]
    channel = buckets.bucket_channel[bucket]
    cluster = profiles.labels[account]
    count = np.asarray(profiles.count[cluster, bucket]).ravel() if len(mine) else np.zeros(0)
    n_channels = int(channel.max(initial=0)) + 1
    key = cluster.astype(np.int64) * n_channels + channel
    size = np.bincount(key, minlength=1)[key].astype(np.float64)
    degree = np.bincount(account * n_channels + channel, minlength=1)[account * n_channels + channel]
    pooled = (count - 1) / np.maximum(size - degree, 1.0)
    m = profiles.mix[channel]
    bits = np.log2(1 - m + m * pooled / profiles.frequency[bucket])
    n_families = len(scorer.family_cap)
    by_family = np.bincount(
        account * n_families + scorer.channel_family[channel],
        bits,
        minlength=buckets.n_accounts * n_families,
    ).reshape(buckets.n_accounts, n_families)
    return np.minimum(by_family, scorer.family_cap * DECADES_TO_BITS).sum(axis=1)
