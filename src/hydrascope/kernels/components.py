"""Connected components by union-find with path halving; labels are the smallest account of each component."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["components", "components_reference"]


@njit(cache=True, nogil=True)
def components(a: NDArray[np.int32], b: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    """(n,) the smallest node in each node's component; a node without a link is its own component."""
    root = np.arange(n).astype(np.int32)
    for i in range(len(a)):
        x, y = a[i], b[i]
        while root[x] != x:
            root[x] = root[root[x]]
            x = root[x]
        while root[y] != y:
            root[y] = root[root[y]]
            y = root[y]
        if x < y:
            root[y] = x
        elif y < x:
            root[x] = y
    for x in range(n):
        root[x] = root[root[x]]
    return root


def components_reference(a: NDArray[np.int32], b: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    """The same by repeated minimum over links, in plain NumPy."""
    label = np.arange(n, dtype=np.int32)
    while True:
        before = label.copy()
        low = np.minimum(label[a], label[b])
        np.minimum.at(label, a, low)
        np.minimum.at(label, b, low)
        if np.array_equal(label, before):
            return label
