"""From a table to clusters, with the error rate of the whole search: what does it find where there is nothing to find?

A found cluster was chosen for sharing, so its p-value (`linkage.significance`) says how it ranks, not how often the search errs. Here the
search itself is repeated on tables whose values are dealt anew, from candidates to clusters, at the thresholds of the real table: what is found
there, over what is found in the table, estimates the share that is chance (Efron, *Large-Scale Inference*, Cambridge 2010, ch. 4: the empirical
null of a whole procedure). It is counted by size of cluster, for one chance link makes a cluster of two, and only many make a large one.

That difference is put to use. One threshold for all links must hold out the chance pairs; a large cluster may rest on weaker links and still be as
surely no chance. So the table is searched on several rungs, thresholds at which ever more pairs are chance, and clusters of a size are taken from
the lowest rung at which at most `max_null` of the links inside them are. A table with communities of interest has one rung less, one whose
interests were not looked for has none but the first: what interests share no deal foretells, and it is what lower thresholds let in first.

The links of a dealt table are not asked to stand among unequal strangers, which some would not: the shares err upwards. *Fails* where the dealt
tables do: what honest accounts share for a reason that neither communities nor strata explain is not chance, and is not counted here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hydrascope.linkage.buckets import permute_buckets, stratify
from hydrascope.linkage.clusters import cluster_links, number_clusters
from hydrascope.linkage.links import Links, Table, describe, kept, link_table, measure_null
from hydrascope.linkage.scoring import Pairs, surprising_pairs
from hydrascope.linkage.settings import LinkSettings

__all__ = ["RUNGS", "SIZES", "Found", "SearchError", "search_clusters"]

RUNGS = (1.0, 3.0, 10.0)
"""Chance pairs that each rung's threshold allows, in units of `max_null`."""
SIZES = (2, 3, 6, 12)
"""Least members of each class of sizes."""
MOST_CHANCE = 0.5
"""Clusters of a class of which chance makes this share are dropped: they are as likely chance as not."""
DEALT_ROWS = 12_000_000
LEAST_TABLES, MOST_TABLES = 2, 20

Counts = NDArray[np.int64]
"""int64[rungs, sizes]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchError:
    """What the search found in the table and in dealt tables, by rung and class of size."""

    tables: int
    """Dealt tables that were searched; what they held is summed."""
    clusters: Counts
    dealt_clusters: Counts
    links: Counts
    """Inside clusters."""
    dealt_links: Counts
    max_null: float
    strict_null: float
    """Chance links of the strictest rung, over its links."""

    @property
    def rung(self) -> NDArray[np.int64]:
        """Rung from which clusters of each class are taken, -1 where they are dropped.

        The strictest rung, whose links are as seldom chance as was asked, unless chance makes too many of the clusters; a laxer one if of the links
        inside clusters of the class, and of it and all larger ones, at most `max_null` are chance, one more counted than was seen. Larger clusters of that
        rung then come along: taken from a stricter one, what grew into them would be lost.
        """
        tables = max(self.tables, 1)
        good = np.ones(self.links.shape, dtype=np.bool_)
        for links, dealt in (
            (self.links, self.dealt_links),
            (_and_larger(self.links), _and_larger(self.dealt_links)),
        ):
            good &= (dealt + 1) / tables <= self.max_null * links
        good[:1] |= self.dealt_clusters[:1] / tables < MOST_CHANCE * self.clusters[:1]
        lowest = len(good) - 1 - np.argmax(good[::-1], axis=0)
        rung = np.where(good.any(axis=0), lowest, -1)
        return np.maximum(rung, np.maximum.accumulate(np.where(rung > 0, rung, -1)))

    @property
    def null_over_observed(self) -> float:
        """Links inside the clusters taken that chance makes, over those links: as few as was asked.

        On the strictest rung the share is that of all its links, which many more dealt tables measured.
        """
        taken = np.flatnonzero(self.rung >= 0)
        rung, links = self.rung[taken], self.links[self.rung[taken], taken]
        dealt = self.dealt_links[rung, taken] / max(self.tables, 1)
        chance = np.where(rung == 0, self.strict_null * links, dealt)
        return float(chance.sum() / max(int(links.sum()), 1))

    @property
    def share(self) -> float:
        """Share of the clusters taken that chance explains, one more counted than was seen; 0 where there are none."""
        taken = np.flatnonzero(self.rung >= 0)
        found = int(self.clusters[self.rung[taken], taken].sum())
        chance = int(self.dealt_clusters[self.rung[taken], taken].sum()) + 1
        return min(chance / (max(self.tables, 1) * found), 1.0) if found else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found."""

    links: Links
    """Of the lowest rung that clusters were taken from."""
    labels: NDArray[np.int32]
    """(n_accounts,) cluster of each account, -1: in none."""
    error: SearchError


def search_clusters(table: Table, settings: LinkSettings, rungs: tuple[float, ...] | None = None) -> Found:
    """Links and clusters of a table made ready, at a stated share of chance.

    Args:
        table: the table.
        settings: of the search; `max_null` is the share of links that may be chance.
        rungs: the first of them 1; None: `RUNGS`, but one less where there are interests, and one where they were not looked for.
    """
    curve = measure_null(table.buckets, table.scorer, table.stratum, settings)
    if rungs is None:
        rungs = RUNGS[: 1 if not settings.communities else 2 if table.communities.n_groups else 3]
    linked = [
        link_table(table, replace(settings, max_null=min(settings.max_null * factor, 1.0)), curve)
        for factor in rungs
    ]
    labels = [cluster_links(links, links.n_accounts, settings) for links in linked]
    error = _error(table, linked, labels, settings)
    lowest = max(int(error.rung.max(initial=0)), 0)
    return Found(links=linked[lowest], labels=_taken(labels, error.rung, settings), error=error)


def _error(
    table: Table, rungs: list[Links], labels: list[NDArray[np.int32]], settings: LinkSettings
) -> SearchError:
    found = np.array([_counts(links, own) for links, own in zip(rungs, labels, strict=True)])
    dealt = np.zeros_like(found)
    low = min((links.threshold for links in rungs if links.threshold is not None), default=None)
    tables = 0
    if low is not None:
        most = DEALT_ROWS // max(len(table.buckets.members), 1)
        tables = min(max(most, LEAST_TABLES), MOST_TABLES)
        strata = stratify(table.buckets, table.stratum)
        for i in range(tables):
            buckets = permute_buckets(table.buckets, strata, settings.seed * 1_000_003 + 500_000 + i)
            chance = replace(table, buckets=buckets)
            pairs = surprising_pairs(buckets, table.scorer, low)
            dealt += np.array([_searched(chance, pairs, links, settings) for links in rungs])
    return SearchError(
        tables=tables,
        clusters=found[:, 0],
        dealt_clusters=dealt[:, 0],
        links=found[:, 1],
        dealt_links=dealt[:, 1],
        max_null=settings.max_null,
        strict_null=0.0 if rungs[0].threshold is None else rungs[0].curve.ratio_at(rungs[0].threshold),
    )


def _searched(dealt: Table, pairs: Pairs, rung: Links, settings: LinkSettings) -> Counts:
    """int64[2, sizes] as `_counts`: a dealt table at the threshold of the real one."""
    least = np.inf if rung.threshold is None else rung.threshold
    links = describe(kept(pairs, pairs.surprise >= least), dealt, rung.curve, rung.threshold)
    return _counts(links, cluster_links(links, links.n_accounts, settings))


def _counts(links: Links, labels: NDArray[np.int32]) -> Counts:
    """int64[2, sizes]: clusters, and links inside them, by class of size."""
    sizes = _class_of(labels)
    a, b = labels[links.a], labels[links.b]
    inside = sizes[a[(a >= 0) & (a == b)]]
    return np.array([np.bincount(of, minlength=len(SIZES)) for of in (sizes, inside)])


def _and_larger(counts: Counts) -> Counts:
    """Counts of each class and all larger ones.

    >>> _and_larger(np.array([[4, 0, 2, 1]])).tolist()
    [[7, 3, 3, 1]]
    """
    return np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]


def _class_of(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """(n_clusters,) class of size of each cluster.

    >>> _class_of(np.array([0, 0, 1, 1, 1, 1, -1, 2, 2], dtype=np.int32)).tolist()
    [0, 1, 0]
    """
    size = np.bincount(labels[labels >= 0])
    return np.searchsorted(SIZES, size, side="right") - 1


def _taken(
    labels: list[NDArray[np.int32]], rung: NDArray[np.int64], settings: LinkSettings
) -> NDArray[np.int32]:
    """Clusters of every class from its rung, largest first; what is left of a smaller one counts if it is still of its class."""
    taken = np.full(len(labels[0]), -1, dtype=np.int64)
    for size in range(len(SIZES) - 1, -1, -1):
        if rung[size] < 0:
            continue
        own = labels[rung[size]]
        free = (own >= 0) & (taken < 0)
        free[free] = _class_of(own)[own[free]] == size
        left = np.bincount(own[free], minlength=1)
        free[free] = left[own[free]] >= SIZES[size]
        taken[free] = own[free] + size * len(own)
    return number_clusters(taken, settings.min_members)
