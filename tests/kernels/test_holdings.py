"""Lists of shingles, against plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.kernels.holdings import count_held, count_owners, join_lists, take_lists

VALUES = st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5)
LISTS = st.lists(st.lists(VALUES, max_size=8), max_size=12)


def packed(lists: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.append(0, np.cumsum([len(x) for x in lists])).astype(np.int64)
    return offsets, np.array([v for x in lists for v in x], np.int64)


@given(LISTS, st.sets(VALUES, max_size=20))
def test_wanted_entries_of_each_list_are_counted(lists: list[list[int]], wanted: set[int]) -> None:
    counted = count_held(*packed(lists), np.array(sorted(wanted), np.int64))
    assert counted.tolist() == [sum(v in wanted for v in x) for x in lists]


@given(st.lists(st.tuples(VALUES, st.integers(0, 6)), max_size=40))
def test_owners_of_a_value_count_once(pairs: list[tuple[int, int]]) -> None:
    pairs = sorted(pairs, key=lambda p: p[0])
    values, owners = (np.array([p[i] for p in pairs], np.int64) for i in (0, 1))
    names, counts = count_owners(values, owners, 7)
    expected = {v: len({o for w, o in pairs if w == v}) for v, _ in pairs}
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == expected
    assert names.tolist() == sorted(expected)


@given(LISTS, st.data())
def test_lists_are_taken_in_the_order_asked_for(lists: list[list[int]], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=10)) if lists else []
    offsets, values = take_lists(*packed(lists), np.array(chosen, np.int64))
    expected = packed([lists[i] for i in chosen])
    assert offsets.tolist() == expected[0].tolist()
    assert values.tolist() == expected[1].tolist()


@given(LISTS, st.lists(VALUES, max_size=10), st.data())
def test_each_list_is_followed_by_its_stretch(
    lists: list[list[int]], more: list[int], data: st.DataObject
) -> None:
    bounds = [sorted(data.draw(st.tuples(*[st.integers(0, len(more))] * 2))) for _ in lists]
    first, last = (np.array([b[i] for b in bounds], np.int64) for i in (0, 1))
    offsets, values = join_lists(*packed(lists), first, last, np.array(more, np.int64))
    expected = packed([x + more[a:b] for x, (a, b) in zip(lists, bounds, strict=True)])
    assert offsets.tolist() == expected[0].tolist()
    assert values.tolist() == expected[1].tolist()
