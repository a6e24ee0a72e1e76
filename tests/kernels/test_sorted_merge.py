"""Two tables of sorted lists as one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.kernels.merge import merge_lists

N_LISTS = 4
ROWS = st.lists(st.tuples(*[st.integers(0, N_LISTS - 1)] * 3), max_size=30)


def lists(rows: list[tuple[int, ...]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    owner, first, second = np.array(sorted(rows), np.int64).reshape(-1, 3).T
    return np.searchsorted(owner, np.arange(N_LISTS + 1)), first.copy(), second.copy()


@given(ROWS, ROWS)
def test_a_merge_is_a_sort_of_both(some: list[tuple[int, ...]], more: list[tuple[int, ...]]) -> None:
    merged = merge_lists(lists(some), lists(more))
    assert [c.tolist() for c in merged] == [c.tolist() for c in lists([*some, *more])]
