"""Links to clusters: components read from the strongest link down, then singles attached and clusters merged.

Modularity is not used: its resolution limit merges small groups with the graph around them (Fortunato and
Barthélemy, PNAS 104, 2007), and an operator's accounts are a small group in a large graph.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hydrascope.kernels.agglomerate import agglomerate
from hydrascope.kernels.components import components
from hydrascope.linkage.buckets import permute_buckets, stratify
from hydrascope.linkage.links import Links, Table
from hydrascope.linkage.profiles import Scores, build_profiles, leave_one_out, score_accounts
from hydrascope.linkage.settings import LinkSettings

__all__ = ["cluster_links", "grow_clusters", "number_clusters"]

ATTACH_NULL = 0.03
"""Permuted attachments as a share of real ones: more than the links', since an attachment makes no bridge."""
ATTACH_TABLES = 3
LEAST_BITS = 10.0
LEAST_SCORES = 20


def cluster_links(links: Links, n_accounts: int, settings: LinkSettings) -> NDArray[np.int32]:
    """(n_accounts,) cluster of each account, numbered by smallest member; -1: in none."""
    if not len(links):
        return np.full(n_accounts, -1, dtype=np.int32)
    ends = np.concatenate((links.a, links.b))
    by_account = np.argsort(ends, kind="stable")
    ptr = np.concatenate(([0], np.cumsum(np.bincount(ends, minlength=n_accounts))))
    label = agglomerate(
        np.lexsort((links.b, links.a, -links.surprise)),
        links.a,
        links.b,
        links.surprise / (links.threshold or 1.0),
        ptr,
        by_account % len(links),
        n_accounts,
    )
    return number_clusters(label, settings.min_members)


def number_clusters(root: NDArray[np.integer], min_members: int) -> NDArray[np.int32]:
    """Clusters of at least `min_members`, numbered from 0 in the order of their smallest member.

    Args:
        root: (n_accounts,) any label of each account; negative: none.
        min_members: smaller clusters are dropped.
    """
    labels = np.full(len(root), -1, dtype=np.int32)
    placed = np.flatnonzero(root >= 0)
    _, first, inverse, size = np.unique(
        root[placed], return_index=True, return_inverse=True, return_counts=True
    )
    kept = np.flatnonzero(size >= max(min_members, 2))
    number = np.full(len(size), -1, dtype=np.int32)
    number[kept[np.argsort(first[kept])]] = np.arange(len(kept), dtype=np.int32)
    labels[placed] = number[inverse]
    return labels


def grow_clusters(table: Table, labels: NDArray[np.int32], settings: LinkSettings) -> NDArray[np.int32]:
    """Merges clusters, attaches singles, and drops members that the rest of their cluster does not support."""
    for _ in range(2):
        if labels.max(initial=-1) < 0:
            return labels
        scores, line = calibrated(table, labels, settings)
        labels = number_clusters(attached(scores, line, merged(scores, line, labels), labels), 2)
    profiles = build_profiles(table.buckets, table.scorer, labels)
    alone = leave_one_out(profiles, table.buckets, table.scorer) <= 0.0
    return number_clusters(np.where(alone, -1, labels), settings.min_members)


def calibrated(table: Table, labels: NDArray[np.int32], settings: LinkSettings) -> tuple[Scores, float]:
    """Scores of accounts against clusters, and the bits from which permuted tables have almost none."""
    profiles = build_profiles(table.buckets, table.scorer, labels)
    scores = score_accounts(profiles, table.buckets, table.scorer)
    strata = stratify(table.buckets, table.stratum)
    null = []
    for i in range(ATTACH_TABLES):
        dealt = permute_buckets(table.buckets, strata, settings.seed * 1_000_003 + 999_000 + i)
        null.append(score_accounts(profiles, dealt, table.scorer).bits)
    return scores, attach_line(scores.bits, np.concatenate(null))


def attach_line(observed: NDArray[np.float64], null: NDArray[np.float64]) -> float:
    """Lowest bits from which the null has at most `ATTACH_NULL` as many scores; infinite where there are none.

    Args:
        observed: scores of the table.
        null: scores of `ATTACH_TABLES` permuted tables together.
    """
    grid = np.arange(LEAST_BITS, 200.0, 0.25)
    above = len(observed) - np.searchsorted(np.sort(observed), grid)
    chance = (len(null) - np.searchsorted(np.sort(null), grid) + 1.0) / ATTACH_TABLES
    good = np.flatnonzero((chance <= ATTACH_NULL * above) & (above >= LEAST_SCORES))
    return float(grid[good[0]]) if len(good) else np.inf


def merged(scores: Scores, line: float, labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """(n_clusters,) what each cluster becomes: joined where at least half of the smaller one's members score above the line against the larger."""
    own = labels[scores.account]
    strong = (scores.bits >= line) & (own >= 0)
    n = int(labels.max()) + 1
    size = np.bincount(labels[labels >= 0], minlength=n)
    pair, votes = np.unique(own[strong].astype(np.int64) * n + scores.cluster[strong], return_counts=True)
    small, large = pair // n, pair % n
    good = (2 * votes >= size[small]) & (size[small] <= size[large])
    return components(small[good].astype(np.int32), large[good].astype(np.int32), n)


def attached(
    scores: Scores, line: float, joined: NDArray[np.int32], labels: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Singles given to their best cluster where it scores above the line."""
    chosen = np.flatnonzero((scores.bits >= line) & (labels[scores.account] < 0))
    order = chosen[np.lexsort((scores.cluster[chosen], -scores.bits[chosen], scores.account[chosen]))]
    account, first = np.unique(scores.account[order], return_index=True)
    result = np.where(labels >= 0, joined[labels], -1).astype(np.int32)
    result[account] = joined[scores.cluster[order[first]]]
    return result
