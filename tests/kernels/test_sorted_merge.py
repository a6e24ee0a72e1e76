"""Two sorted tables as one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.kernels.merge import merge_sorted

ROWS = st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=30)


@given(ROWS, ROWS)
def test_a_merge_is_a_sort_of_both(some: list[tuple[int, ...]], more: list[tuple[int, ...]]) -> None:
    first, second = (np.array(sorted(rows), np.int64).reshape(-1, 3) for rows in (some, more))
    merged = merge_sorted(tuple(first.T.copy()), tuple(second.T.copy()))
    assert list(zip(*(c.tolist() for c in merged), strict=True)) == sorted([*some, *more])
