"""Connected components of accounts through the values that they share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

__all__ = ["group_by_edges", "group_by_value"]


def group_by_value(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Account to group, where accounts that share a value are of one group.

    A group is named by its first account in sorted order, so that names do not depend on the order of pairs.

    >>> group_by_value([("a", "v"), ("b", "v"), ("b", "w"), ("c", "w"), ("d", "x")])
    {'a': 'group:a', 'b': 'group:a', 'c': 'group:a', 'd': 'group:d'}
    """
    first: dict[str, str] = {}
    return group_by_edges([(account, first.setdefault(value, account)) for account, value in pairs])


def group_by_edges(edges: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Account to group, where accounts joined by an edge are of one group."""
    if not edges:
        return {}
    names, ends = np.unique(np.array(edges, dtype=np.str_), return_inverse=True)
    ends = ends.reshape(-1, 2)
    graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(names), len(names)))
    _, component = connected_components(graph, directed=False)
    _, first = np.unique(component, return_index=True)
    return {str(name): f"group:{names[first[c]]}" for name, c in zip(names, component, strict=True)}
