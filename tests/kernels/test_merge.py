"""Two sorted tables as one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.kernels.merge import merge_order

ROWS = st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=30)


@given(ROWS, ROWS)
def test_a_merge_is_a_stable_sort_of_both(some: list[tuple[int, ...]], more: list[tuple[int, ...]]) -> None:
    first, second = (np.array(sorted(rows), np.int64).reshape(-1, 3) for rows in (some, more))
    order = merge_order(tuple(first.T.copy()), tuple(second.T.copy()))
    both = np.concatenate([first, second])
    assert order.tolist() == np.lexsort((both[:, 2], both[:, 1], both[:, 0])).tolist()
