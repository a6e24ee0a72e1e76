"""Links to clusters: connected components, large or long ones split by raising the threshold inside.

Modularity is not used: its resolution limit merges small groups of one size with the graph around them (Fortunato and
Barthélemy, PNAS 104, 2007), and an operator's accounts are small groups in a large graph.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hydrascope.kernels.components import components
from hydrascope.linkage.links import Links
from hydrascope.linkage.settings import LinkSettings

__all__ = ["cluster_links", "number_clusters"]


def cluster_links(links: Links, n_accounts: int, settings: LinkSettings) -> NDArray[np.int32]:
    """(n_accounts,) cluster of each account, numbered by smallest member; -1: in none."""
    root = components(links.a, links.b, n_accounts)
    return number_clusters(root, settings.min_members)


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
