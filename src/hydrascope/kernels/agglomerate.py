"""Components read from the strongest link down: two clusters join only where enough links tie them.

A chance link between two groups makes one component of them. Taking links strongest first is to lower a threshold; the test
at each join is what raising it inside the component would undo. A join of clusters with x <= y members needs
links worth 1 + x // 4 between them, a link being worth its surprise over the threshold, at most 3: one ordinary link joins small
groups, and chains of accidents do not join large ones.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["agglomerate"]

MOST_WORTH = 3.0


@njit(cache=True, nogil=True)
def agglomerate(
    order: NDArray[np.int64],
    a: NDArray[np.int32],
    b: NDArray[np.int32],
    worth: NDArray[np.float64],
    link_ptr: NDArray[np.int64],
    link_of: NDArray[np.int64],
    n: int,
) -> NDArray[np.int32]:
    """(n,) a label shared by the accounts of a cluster.

    Args:
        order: links, strongest first.
        a, b: (n_links,) accounts of each link.
        worth: (n_links,) surprise over the threshold.
        link_ptr, link_of: links of each account, as starts and links.
        n: number of accounts.
    """
    label = np.arange(n).astype(np.int32)
    following = np.full(n, -1, dtype=np.int32)
    last = np.arange(n).astype(np.int32)
    size = np.ones(n, dtype=np.int64)
    for link in order:
        x, y = label[a[link]], label[b[link]]
        if x == y:
            continue
        if size[x] > size[y] or (size[x] == size[y] and x < y):
            x, y = y, x
        need = 1.0 + float(size[x] // 4)
        if need > 1.0 and tie(x, y, label, following, link_ptr, link_of, a, b, worth, need) < need:
            continue
        node = x
        while node >= 0:
            label[node] = y
            node = following[node]
        following[last[y]] = x
        last[y] = last[x]
        size[y] += size[x]
    return label


@njit(cache=True, nogil=True)
def tie(x, y, label, following, link_ptr, link_of, a, b, worth, need):  # type: ignore[no-untyped-def]
    """Worth of the links between cluster x and cluster y, as far as `need`."""
    total = 0.0
    node = x
    while node >= 0 and total < need:
        for i in range(link_ptr[node], link_ptr[node + 1]):
            link = link_of[i]
            other = b[link] if a[link] == node else a[link]
            if label[other] == y:
                total += min(worth[link], MOST_WORTH)
        node = following[node]
    return total
