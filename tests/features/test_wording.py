"""A group's own wording is what its members hold and others hardly do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.engine.duckdb import DuckEngine
from hydrascope.features.wording import (
    LEAST_HELD,
    Postings,
    SampledShingles,
    Users,
    count_users,
    is_enough,
    own_wording,
    read_openers,
)
from hydrascope.kernels.holdings import count_held


def exchanges(*held: tuple[int, list[int]]) -> SampledShingles:
    """Exchanges given as account and shingles."""
    return SampledShingles(
        account=np.array([a for a, _ in held], np.int32),
        xid=np.arange(len(held)),
        offsets=np.cumsum([0, *(len(s) for _, s in held)]),
        shingle=np.array([v for _, s in held for v in s], np.int64),
    )


def holds_wording(part: SampledShingles, wording: np.ndarray, *, least: int = LEAST_HELD) -> np.ndarray:
    """Which exchanges hold enough of some wording."""
    n_held = count_held(part.offsets, part.shingle, wording)
    return is_enough(n_held, np.diff(part.offsets), least=least)


def test_wording_that_no_member_repeats_is_found_between_members() -> None:
    """Each member sends each variant of a wrapper once; only all of them together repeat it."""
    members = exchanges(*((a, [100 + v, 200 + v, 1000 * a + v]) for a in range(6) for v in range(4)))
    others = exchanges(*((a, [5000 * a, 5000 * a + 1]) for a in range(10, 60)))
    wording = own_wording(count_users(members), count_users(others))
    assert wording.tolist() == [*range(100, 104), *range(200, 204)]
    assert holds_wording(members, wording).all()
    assert not holds_wording(others, wording).any()


def test_words_that_everybody_uses_are_nobodys_own() -> None:
    """A shingle that a third of all accounts hold is not a group's, though every member holds it."""
    members = exchanges(*((a, [7, 8]) for a in range(20)))
    others = exchanges(*((a, [7, 8] if a % 3 == 0 else [a]) for a in range(100, 400)))
    assert not len(own_wording(count_users(members), count_users(others)))


def test_with_nobody_to_compare_with_nothing_is_a_groups_own() -> None:
    """Where every account is accused, or almost, rarity elsewhere cannot be known."""
    members = count_users(exchanges(*((a, [7, 8]) for a in range(20))))
    assert not len(own_wording(members, Users.union([])))
    assert not len(own_wording(members, count_users(exchanges((50, [1]), (51, [2])))))


def test_one_shingle_of_a_long_prompt_is_chance() -> None:
    """Two shingles at least, and a tenth of the prompt."""
    part = exchanges((0, [1, *range(100, 119)]), (0, [1, 2, *range(100, 117)]), (0, [1, 2, 3]), (0, []))
    assert holds_wording(part, np.array([1, 2])).tolist() == [False, True, True, False]


ROWS = st.lists(st.tuples(st.integers(0, 9), st.lists(st.integers(0, 30), max_size=6)), max_size=40)


@given(ROWS)
def test_users_are_those_of_a_plain_loop_whatever_the_pieces(rows: list[tuple[int, list[int]]]) -> None:
    """Counts of disjoint accounts add up to those of all."""
    expected = {v: {a for a, s in rows if v in s} for _, held in rows for v in held}
    part = exchanges(*rows)
    odd = part.account % 2 == 1
    for users in (
        count_users(part),
        Users.union([count_users(part.take(np.flatnonzero(half))) for half in (odd, ~odd)]),
    ):
        assert dict(zip(users.shingle.tolist(), users.n_users.tolist(), strict=True)) == {
            v: len(a) for v, a in expected.items()
        }
        assert users.n_accounts == len({a for a, _ in rows})


@given(ROWS, st.sets(st.integers(0, 30)), st.sets(st.integers(0, 9)), st.integers(1, 4))
def test_postings_answer_as_the_exchanges_themselves(
    rows: list[tuple[int, list[int]]], wording: set[int], gone: set[int], least: int
) -> None:
    """Which exchanges hold a wording, and who holds what, with some accounts left out."""
    part, asked = exchanges(*rows), np.array(sorted(wording), np.int64)
    left = np.isin(np.arange(10), list(gone))
    rest = part.take(np.flatnonzero(~left[part.account]))
    postings = Postings.of([part]).without(left)
    assert postings.account.tolist() == rest.account.tolist()
    held = np.flatnonzero(holds_wording(rest, asked, least=least))
    assert postings.holding(asked, least=least).tolist() == held.tolist()
    users = count_users(rest)
    assert postings.users.shingle.tolist() == users.shingle.tolist()
    assert postings.users.n_users.tolist() == users.n_users.tolist()
    assert postings.users.n_accounts == users.n_accounts


def test_the_first_exchanges_of_each_account_are_the_same_in_any_order() -> None:
    """Chosen by their ids: two of each account, one where there is one."""
    part = exchanges(*((a, [10 * a + i]) for a, i in ((1, 0), (2, 0), (1, 1), (1, 2), (3, 0), (2, 1))))
    turned = part.take(np.arange(len(part))[::-1])
    for few in (part.first(2), turned.first(2)):
        assert few.account.tolist() == [1, 1, 2, 2, 3]
        assert few.shingle.tolist() == [10, 11, 20, 21, 30]


def test_openers_are_the_first_turns_of_the_accounts_asked_for(tmp_path: Path) -> None:
    """In order of their ids, which are no order of the log; later turns, other accounts and what is not sampled are left out."""
    engine = DuckEngine(memory_bytes=256 << 20, threads=1, spill=tmp_path)
    rows = {"xid": [9, 3, 5, 1, 7], "account": [70, 70, 70, 80, 90], "turns": [1, 0, 3, 1, 1]}
    engine.register("exchanges", pa.table(rows))
    codes = pa.array([0, 0, 1, 2], pa.int32())
    engine.register("sampled", pa.table({"xid": [9, 5, 1, 7], "account": codes}))
    assert read_openers(engine, np.array([0, 2])).tolist() == [7, 9]
    assert read_openers(engine, np.array([], int)).tolist() == []
