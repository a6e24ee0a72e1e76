"""How many clusters does the whole search find where there is nothing to find? The search's own error rate.

A found cluster was chosen for sharing, so its p-value (`linkage.significance`) says how it ranks, not how often the search errs. Here the
search itself is repeated on tables whose values are dealt anew, from candidates to clusters, at the threshold that the real table set: the clusters found there, over those found in the table, estimate the share of found clusters that are chance (Efron, *Large-Scale
Inference*, Cambridge 2010, ch. 4: the empirical null of a whole procedure). By size, for clusters of two are most of what chance makes.

The links of a dealt table are not asked to stand among unequal strangers, and its clusters are not grown, which drops members that
the rest do not support: the share errs upwards. *Fails* where the dealt
tables do: what honest accounts share for a reason that neither communities nor strata explain is not chance, and is not counted here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hydrascope.linkage.buckets import permute_buckets, stratify
from hydrascope.linkage.clusters import cluster_links, number_clusters
from hydrascope.linkage.links import Links, Table, describe
from hydrascope.linkage.scoring import surprising_pairs
from hydrascope.linkage.settings import LinkSettings

__all__ = ["SIZES", "SearchError", "likely_clusters", "search_error"]

DEALT_ROWS = 12_000_000
LEAST_TABLES, MOST_TABLES = 2, 20
SIZES = (2, 3, 6)
"""Least members of each class of sizes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchError:
    """Clusters of the table and of dealt tables, by class of size (`SIZES`)."""

    tables: int
    """Dealt tables that were searched."""
    found: NDArray[np.int64]
    dealt: NDArray[np.int64]
    """Over all dealt tables together."""

    @property
    def chance(self) -> NDArray[np.float64]:
        """Clusters that chance makes in a table like this one, by class."""
        return self.dealt / max(self.tables, 1)

    @property
    def likely(self) -> NDArray[np.bool_]:
        """Whether chance makes less than half as many clusters of a class as were found."""
        return self.chance < 0.5 * self.found

    @property
    def share(self) -> float:
        """Share of the likely clusters that chance explains, one more counted than was seen; 0 where there are none."""
        found = int(self.found[self.likely].sum())
        chance = int(self.dealt[self.likely].sum()) + 1
        return min(chance / (max(self.tables, 1) * found), 1.0) if found else 0.0


def search_error(
    table: Table, links: Links, labels: NDArray[np.int32], settings: LinkSettings
) -> SearchError:
    """Searches dealt tables as the table was searched.

    Args:
        table: the table made ready.
        links: its links, whose threshold is used.
        labels: (n_accounts,) clusters that were found, -1: none.
        settings: of the search.
    """
    found = by_size(labels)
    dealt = np.zeros_like(found)
    if links.threshold is None:
        return SearchError(tables=0, found=found, dealt=dealt)
    most = DEALT_ROWS // max(len(table.buckets.members), 1)
    tables = min(max(most, LEAST_TABLES), MOST_TABLES)
    strata = stratify(table.buckets, table.stratum)
    for i in range(tables):
        buckets = permute_buckets(table.buckets, strata, settings.seed * 1_000_003 + 500_000 + i)
        dealt += by_size(searched(replace(table, buckets=buckets), links, settings))
    return SearchError(tables=tables, found=found, dealt=dealt)


def likely_clusters(
    labels: NDArray[np.int32], error: SearchError, settings: LinkSettings
) -> NDArray[np.int32]:
    """The clusters without those of sizes at which chance makes half as many as were found, numbered anew."""
    size = np.bincount(labels[labels >= 0], minlength=1)
    good = np.append(error.likely[np.searchsorted(SIZES, size, side="right") - 1], False)
    return number_clusters(np.where(good[labels], labels, -1), settings.min_members)


def searched(dealt: Table, links: Links, settings: LinkSettings) -> NDArray[np.int32]:
    """Clusters of a dealt table at the threshold of the real one."""
    pairs = surprising_pairs(dealt.buckets, dealt.scorer, links.threshold or np.inf)
    chance = describe(pairs, dealt, links.curve, links.threshold)
    return cluster_links(chance, links.n_accounts, settings)


def by_size(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """Number of clusters by class of size.

    >>> by_size(np.array([0, 0, 1, 1, 1, 1, -1, 2, 2], dtype=np.int32)).tolist()
    [2, 1, 0]
    """
    size = np.bincount(labels[labels >= 0])
    return np.histogram(size, [*SIZES, np.iinfo(np.int64).max])[0].astype(np.int64)
