"""Is a cluster more than strangers of the same activity would be? p-values by dealing, and whether they can be trusted.

Theory of operation. For a set of accounts C named beforehand, let n_x be the members that show value x, of k_x accounts in all, and
    T(C) = sum over x of (n_x - 1)+ log10(E_c / k_x),
the decades by which members repeat each other. Under the null the rows of every member are dealt anew from the rows of the channel and
stratum (the same deal as the links' null, done for members alone), which gives the mean, the spread and the tail of T. Standardised values of
clusters with like means are pooled, counted, and beyond the counts followed by a generalised Pareto tail (`stats.tail`), which says when it does not fit.

Calibration is measured, not assumed: sets of accounts that are in no cluster, of the clusters' sizes, are tested in the same way. Among strangers their
p-values are uniform; what interests the communities missed shows as too many small ones.

*Fails* as a test of what was searched for: found clusters were chosen for sharing, so that p is small by construction. It ranks them and finds the hollow
ones; the error rate of the search is measured by `linkage.search`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hydrascope.linkage.buckets import Buckets, Strata, stratify
from hydrascope.linkage.links import Table
from hydrascope.linkage.profiles import account_rows
from hydrascope.linkage.settings import LinkSettings
from hydrascope.stats.intervals import wilson
from hydrascope.stats.multiplicity import benjamini_hochberg
from hydrascope.stats.tail import fit_tail

__all__ = ["Calibration", "ClusterTests", "calibrate", "judge_clusters", "significant", "stranger_sets"]

DEALT_ROWS = 10_000_000
LEAST_DRAWS, MOST_DRAWS = 60, 400
BANDS = 4
"""Groups of clusters with like null means whose standardised null values are pooled."""
LEAST_SPREAD = 0.25
"""Decades: the least standard deviation, where a small cluster's null is almost always 0."""
ENOUGH = 10
STRANGER_SETS = 400
LEVELS = (0.01, 0.05, 0.1, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTests:
    """One entry for each cluster."""

    statistic: NDArray[np.float64]
    """T, decades."""
    p_value: NDArray[np.float64]
    q_value: NDArray[np.float64]
    """Benjamini-Hochberg over the clusters."""
    tail_fits: NDArray[np.bool_]
    """False: the tail was poor, and the p-value is the counted one, which errs upwards."""
    draws: int

    def of(self, chosen: NDArray[np.bool_]) -> ClusterTests:
        """The tests of some clusters; q-values stay those among all."""
        return ClusterTests(
            statistic=self.statistic[chosen],
            p_value=self.p_value[chosen],
            q_value=self.q_value[chosen],
            tail_fits=self.tail_fits[chosen],
            draws=self.draws,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """p-values of sets of strangers against the uniform law."""

    n_sets: int
    shares: dict[float, float]
    """Share of sets with p at or below each level."""
    holds: bool
    """Whether no share is above its level beyond its 99 % Wilson interval."""


def judge_clusters(table: Table, labels: NDArray[np.int32], seed: int) -> ClusterTests:
    """Tests every cluster.

    Args:
        table: the table made ready.
        labels: (n_accounts,) cluster of each account, -1: none.
        seed: of the deals.
    """
    n = int(labels.max(initial=-1)) + 1
    if not n:
        none = np.zeros(0)
        return ClusterTests(statistic=none, p_value=none, q_value=none, tail_fits=none.astype(bool), draws=0)
    observed, null = observe(table, labels, n, seed)
    p, fits = pooled_p(observed, null)
    return ClusterTests(
        statistic=observed, p_value=p, q_value=benjamini_hochberg(p), tail_fits=fits, draws=len(null)
    )


def significant(
    table: Table, labels: NDArray[np.int32], settings: LinkSettings
) -> tuple[NDArray[np.int32], ClusterTests]:
    """The clusters without those whose p-value is above `settings.max_cluster_p`, numbered anew, with their tests.

    A p-value that is only a bound drops nobody: with few clusters to pool, no cluster could be below the line.
    """
    tests = judge_clusters(table, labels, settings.seed)
    good = np.append((tests.p_value <= settings.max_cluster_p) | ~tests.tail_fits, False)
    number = np.where(good, np.cumsum(good) - 1, -1).astype(np.int32)
    return number[labels], tests.of(good[:-1])


def observe(
    table: Table, labels: NDArray[np.int32], n: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) statistic of each cluster, and (draws, n) its values where members' rows are dealt anew."""
    buckets = table.buckets
    owner = account_rows(buckets)
    rows = np.flatnonzero(labels[owner] >= 0)
    account, at = owner[rows], buckets.row_at[rows]
    bucket_of = np.repeat(np.arange(buckets.n_buckets), buckets.popularity)
    weight = rarity(buckets)
    strata = stratify(buckets, table.stratum)
    start, size = group_of(strata, at)
    draws = int(np.clip(DEALT_ROWS // max(len(rows), 1), LEAST_DRAWS, MOST_DRAWS))
    rng = np.random.default_rng(seed)
    null = np.empty((draws, n))
    for i in range(draws):
        picked = strata.group_rows[start + (rng.random(len(rows)) * size).astype(np.int64)]
        null[i] = repeated(account, bucket_of[picked], labels, weight, n)
    return repeated(account, bucket_of[at], labels, weight, n), null


def rarity(buckets: Buckets) -> NDArray[np.float64]:
    """log10(E_c / k_x) of each bucket."""
    total = np.bincount(buckets.bucket_channel, buckets.bucket_size, minlength=1)
    return np.log10(total[buckets.bucket_channel] / buckets.bucket_size)


def group_of(strata: Strata, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Start and size of the group that each row is dealt in."""
    sizes = np.diff(strata.group_ptr)
    group = np.empty(len(strata.group_rows), dtype=np.int64)
    group[strata.group_rows] = np.repeat(np.arange(len(sizes)), sizes)
    return strata.group_ptr[group[at]], sizes[group[at]]


def repeated(
    account: NDArray[np.int64],
    bucket: NDArray[np.int64],
    labels: NDArray[np.int32],
    weight: NDArray[np.float64],
    n: int,
) -> NDArray[np.float64]:
    """T of each cluster from its rows; what an account was dealt twice counts once."""
    cluster = labels[account].astype(np.int64)
    together = again(cluster * len(weight) + bucket)
    alone = again(account * len(weight) + bucket)
    total = np.bincount(together // len(weight), weight[together % len(weight)], minlength=n)
    own = np.bincount(labels[alone // len(weight)], weight[alone % len(weight)], minlength=n)
    return np.asarray(total - own, dtype=np.float64)


def again(key: NDArray[np.int64]) -> NDArray[np.int64]:
    """Keys once for each time they come again."""
    ordered = np.sort(key)
    return ordered[1:][ordered[1:] == ordered[:-1]]


def pooled_p(
    observed: NDArray[np.float64], null: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """p-value of each cluster, and whether it is more than a bound."""
    mean, spread = null.mean(axis=0), np.maximum(null.std(axis=0), LEAST_SPREAD)
    band = np.searchsorted(np.quantile(mean, np.arange(1, BANDS) / BANDS), mean, side="right")
    p, fits = np.ones(len(observed)), np.ones(len(observed), dtype=bool)
    for b in np.unique(band):
        mine = np.flatnonzero(band == b)
        pooled = np.sort(((null[:, mine] - mean[mine]) / spread[mine]).ravel())
        p[mine], fits[mine] = tail_p((observed[mine] - mean[mine]) / spread[mine], pooled)
    return p, fits


def tail_p(
    z: NDArray[np.float64], pooled: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """`stats.tail.permutation_p` of many values against one sorted null, whose tail is fitted once."""
    reached = len(pooled) - np.searchsorted(pooled, z - 1e-9)
    p = np.asarray((1.0 + reached) / (1.0 + len(pooled)), dtype=np.float64)
    fits = reached >= ENOUGH
    tail = fit_tail(pooled)
    if tail is None or not tail.fit_ok:
        return p, fits
    for i in np.flatnonzero(~fits & (z > tail.threshold)):
        p[i], fits[i] = min(max(tail.p_at(float(z[i])), 1e-300), p[i]), True
    return p, fits


def stranger_sets(labels: NDArray[np.int32], active: NDArray[np.bool_], seed: int) -> NDArray[np.int32]:
    """(n_accounts,) sets of accounts that are in no cluster, of the sizes that clusters have; -1: in none.

    Args:
        labels: cluster of each account.
        active: accounts that have rows to test.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    sizes = np.bincount(labels[labels >= 0], minlength=1)
    free = rng.permutation(np.flatnonzero((labels < 0) & active))
    wanted = np.minimum(rng.choice(sizes, STRANGER_SETS), 50) if sizes.any() else np.full(STRANGER_SETS, 4)
    ends = np.cumsum(wanted)
    n = int(np.searchsorted(ends, len(free), side="right"))
    sets = np.full(len(labels), -1, dtype=np.int32)
    used = int(ends[n - 1]) if n else 0
    sets[free[:used]] = np.repeat(np.arange(n), wanted[:n])
    return sets


def calibrate(table: Table, labels: NDArray[np.int32], seed: int) -> Calibration:
    """p-values of stranger sets, held against their levels."""
    active = np.diff(table.buckets.row_ptr) > 0
    tests = judge_clusters(table, stranger_sets(labels, active, seed), seed + 1)
    n = len(tests.p_value)
    hits = {level: int((tests.p_value <= level).sum()) for level in LEVELS}
    holds = all(wilson(k, n, 0.99)[0] <= level for level, k in hits.items()) if n else True
    return Calibration(n_sets=n, shares={level: k / max(n, 1) for level, k in hits.items()}, holds=holds)
