"""Shingles that the same accounts repeat, equally often, are one text; texts of the same accounts are one community."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from hydrascope.linkage.templates import Templates, TemplateSettings, community_of_templates, find_templates

SETTINGS = TemplateSettings()
Heavy = dict[int, dict[int, float]]
"""Shingle to account to the share of its exchanges that hold it."""


def found(heavy: Heavy, *, shares: bool = True) -> Templates:
    """Templates of stated heavy shingles."""
    rows = sorted((s, a, share) for s, users in heavy.items() for a, share in users.items())
    shingle, account, share = (np.array(c) for c in zip(*rows, strict=True)) if rows else (np.zeros(0),) * 3
    return find_templates(
        shingle.astype(np.int64), account.astype(np.int32), SETTINGS, share if shares else None
    )


def cores(templates: Templates) -> list[list[int]]:
    """Shingles of each template."""
    return [c.tolist() for c in np.split(templates.core, templates.core_offsets[1:-1])]


def used(shingles: range, accounts: range, share: float) -> Heavy:
    """Each shingle in each account, equally often."""
    return {s: dict.fromkeys(accounts, share) for s in shingles}


def test_a_wrapper_and_what_its_items_happen_to_say_are_two() -> None:
    """The same ten accounts repeat both, but hold the wrapper nine times as often."""
    heavy = used(range(100, 107), range(10), 0.9) | used(range(200, 220), range(10), 0.1)
    assert sorted(cores(found(heavy))) == [list(range(100, 107)), list(range(200, 220))]
    assert len(found(heavy, shares=False)) == 1


def test_parts_of_one_wrapper_that_stand_about_as_often_stay_one() -> None:
    """A slot with a favourite word is left out, a part that six exchanges in nine hold is not."""
    heavy = used(range(100, 105), range(10), 0.9) | used(range(105, 109), range(10), 0.6)
    assert cores(found(heavy)) == [list(range(100, 109))]


def test_other_accounts_make_another_template() -> None:
    """Two wrappers of two groups."""
    heavy = used(range(5), range(10), 0.9) | used(range(5, 10), range(20, 32), 0.9)
    assert sorted(cores(found(heavy))) == [list(range(5)), list(range(5, 10))]


def test_one_shingle_alone_is_no_template() -> None:
    """It may be a common phrase; nothing at all gives nothing."""
    assert len(found(used(range(1), range(10), 0.9))) == 0
    assert len(found({})) == 0


@given(st.integers(2, 30), st.integers(2, 30), st.floats(0.05, 0.4), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_names_of_shingles_do_not_matter(n_wrapper: int, n_items: int, share: float, random: Random) -> None:
    """Renamed, the same shingles stay together."""
    heavy = used(range(n_wrapper), range(8), 0.9) | used(
        range(n_wrapper, n_wrapper + n_items), range(8), share
    )
    names = list(heavy)
    random.shuffle(names)
    renamed = {names[s]: users for s, users in heavy.items()}
    back = {name: s for s, name in enumerate(names)}
    assert sorted(sorted(back[s] for s in core) for core in cores(found(renamed))) == sorted(
        cores(found(heavy))
    )


def communities(users: list[range | set[int]], n_accounts: int = 400) -> list[int]:
    """The community of each template, of stated users."""
    table = np.zeros((n_accounts, len(users)))
    for t, accounts in enumerate(users):
        table[list(accounts), t] = 1
    return community_of_templates(csr_array(table), SETTINGS).tolist()


def test_versions_of_one_wrapper_are_one_community_though_each_is_used_by_some() -> None:
    """Eight versions; of a hundred accounts each uses five or six in earnest."""
    rng = np.random.default_rng(4)
    versions = [set(np.flatnonzero(rng.random(100) < 0.65).tolist()) for _ in range(8)]
    assert communities(versions) == [0] * 8


def test_a_chain_of_like_texts_that_goes_on_to_other_users_is_cut() -> None:
    """A wrapper's users share a phrase with others, and those one with yet others."""
    chain: list[range | set[int]] = [range(i, i + 60) for i in range(0, 300, 25)]
    found = communities(chain)
    assert len(set(found)) >= 3
    assert found[0] == found[1]


def test_texts_of_unlike_users_are_apart() -> None:
    """Three groups, two templates each."""
    assert communities([range(30), range(50, 90), range(30), range(50, 90), range(200, 230)]) == [
        0,
        1,
        0,
        1,
        2,
    ]
    assert communities([]) == []
