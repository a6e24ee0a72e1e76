"""Templates are counted account by account, in as many pieces as it takes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.features import usage
from hydrascope.features.content import Matches
from hydrascope.features.heavy import usual_rate
from hydrascope.features.usage import count_matches, earnest_shares, plain_shares

ROWS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 9), st.integers(0, 4)), max_size=80)


@given(ROWS, st.integers(1, 9))
def test_counts_are_those_of_a_plain_loop(rows: list[tuple[int, int, int]], at_once: int) -> None:
    """An exchange counts once for a column, whatever the number of its templates there; pieces change nothing."""
    rows = sorted(rows)
    account, xid, template = (np.array([r[i] for r in rows], np.int64) for i in range(3))
    offsets = np.searchsorted(account, np.arange(13))
    matches = Matches(offsets=offsets, xid=xid, template=template.astype(np.int32))
    assert matches.account().tolist() == account.tolist()
    column = template // 2  # several templates of a community
    expected = np.zeros((12, 3))
    for a, _, c in {(a, x, t // 2) for a, x, t in rows}:
        expected[a, c] += 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usage, "_AT_ONCE", at_once)
        counted = count_matches(matches, column, 12, 3)
    assert (counted.toarray() == expected).all()
    n_sampled = np.arange(12)  # some have no sample
    shares = plain_shares(counted, n_sampled)
    assert np.allclose(shares.toarray(), expected / np.maximum(n_sampled, 1)[:, None])


def test_one_question_does_not_make_a_user() -> None:
    """Who holds a column once among many sampled exchanges does not use it; who holds it often does."""
    offsets = np.append([0, 1], np.full(39, 31))
    matches = Matches(offsets=offsets, xid=np.arange(31), template=np.zeros(31, np.int32))
    counts = count_matches(matches, matches.template, 40, 1)
    assert earnest_shares(counts, np.full(40, 60)).toarray()[:2, 0].tolist() == [0.0, 0.5]


def test_what_a_quarter_of_all_accounts_hold_may_be_somebodys() -> None:
    """A phrase of few accounts is as usual as it is; one of many is no more usual than one in a hundred."""
    total, n_users = np.array([0.5, 6.0, 60.0, 0.2]), np.array([5, 24, 70, 90])
    assert usual_rate(total, n_users, 100).tolist() == [0.005, 0.06, 0.01, 0.002]
