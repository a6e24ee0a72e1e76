"""What a group looks like as a group: shared values whatever its size, lists that are dealt out, bans, habits."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrascope.campaigns.content import ContentSource, GroupContent, _copies_spread, _items, _wordings
from hydrascope.campaigns.held import Held
from hydrascope.campaigns.judge import EnforcementSettings, Judged, habit_bits, least_habit_bits
from hydrascope.campaigns.observables import (
    _ban_excess,
    _bans,
    _coverage,
    _one_organization,
    _private_share,
    _top_share,
)
from hydrascope.campaigns.observations import Channel, Observations, index_channels
from hydrascope.features.content import Matches
from hydrascope.features.incidence import ChannelRows
from hydrascope.features.surroundings import Happenings


def channel(value: list[int], count: list[int] | None = None) -> Channel:
    """One value an account, with the exchanges behind it."""
    account = np.arange(len(value), dtype=np.int32)
    counts = np.array(count or [1] * len(value), np.int64)
    rows = ChannelRows(
        name="network", family="egress", account=account, value=np.array(value, np.int64), count=counts
    )
    return index_channels({"network": rows}, counts)["network"]


def one_organization(
    names: list[str], size: int, pathway: str = "self_serve", members: int = 0
) -> float | None:
    """What is said of a group of the first so many accounts, all of one pathway; of all where none are given."""
    log = SimpleNamespace(
        population=SimpleNamespace(attributes={"organization_id": names, "access_pathway": [pathway] * size}),
        organization_size=Counter(names),
    )
    return _one_organization(cast(Observations, log), np.arange(members or size))


@pytest.mark.parametrize(
    ("members", "pathway", "share"),
    [(60, "self_serve", 1.0), (50, "self_serve", 0.0), (20, "self_serve", 0.0), (20, "enterprise", 1.0)],
)
def test_an_organization_of_many_others_relates_nobody_without_a_contract(
    members: int, pathway: str, share: float
) -> None:
    """A relay keeps the accounts of a hundred customers in one; a company's team of twenty is the company's."""
    assert one_organization(["relay"] * 100, 100, pathway, members) == share


@pytest.mark.parametrize("size", [3, 5, 20, 200])
def test_nobody_shares_in_a_group_of_strangers_of_any_size(size: int) -> None:
    """Each of three cards holds a third of the accounts, and yet no card is shared."""
    members = np.arange(size)
    assert _top_share(channel(list(range(size))), members) == 0
    assert _top_share(channel(list(range(size))), members, weighted=True) == 0
    assert one_organization([str(i) for i in range(size)], size) == 0


@settings(max_examples=50)
@given(st.integers(3, 50), st.integers(0, 50))
def test_the_share_of_a_common_value_leaves_its_first_holder_out(sharing: int, alone: int) -> None:
    """All on one card: one. With k of n on it: (k - 1) / (n - 1)."""
    values = [0] * sharing + list(range(1, alone + 1))
    share = _top_share(channel(values), np.arange(len(values)))
    assert share == pytest.approx((sharing - 1) / (sharing + alone - 1))


@pytest.mark.parametrize("copies", [2, 3, 5])
def test_a_list_that_is_dealt_out_varies_far_less_than_chance(copies: int) -> None:
    """Every prompt goes to the same number of accounts, but for a tenth that failed once."""
    rng = np.random.default_rng(copies)
    counts = np.full(500, copies) - (rng.random(500) < 0.1)
    spread = _copies_spread(counts, int(counts.sum()), 100)
    assert spread is not None and spread < 0.3


def test_prompts_chosen_for_themselves_vary_like_chance_or_more() -> None:
    """Poisson draws have an index of one, a tenth less for the cut; popularity a larger one (statistical, 200 worlds)."""
    rng = np.random.default_rng(7)
    drawn = [_spread(1 + rng.poisson(2.0, 400)) for _ in range(200)]
    assert np.mean(drawn) == pytest.approx(0.9, abs=0.1)
    assert np.quantile(drawn, 0.01) > 0.6
    popular = [_spread(1 + rng.poisson(rng.gamma(0.7, 3.0, 400))) for _ in range(200)]
    assert np.quantile(popular, 0.01) > 1.5


def _spread(counts: np.ndarray) -> float:
    spread = _copies_spread(counts, int(counts.sum()), 1000)
    assert spread is not None
    return spread


def test_nothing_is_said_of_retries_assignments_and_short_lists() -> None:
    """Mostly single prompts, prompts that a good part of the accounts sends, a handful of prompts: no list."""
    assert _copies_spread(np.full(50, 2), 1000, 100) is None
    assert _copies_spread(np.full(200, 40), 8000, 100) is None
    assert _copies_spread(np.full(90, 3), 270, 100) is None


def sent(prompts: list[list[int]]) -> ContentSource:
    """Accounts with the distinct prompts that each sends once, all of them sent by somebody else too."""
    n = np.array([len(p) for p in prompts])
    items = SimpleNamespace(prompt=np.concatenate([np.array(p) for p in prompts]), n_items=n, n_distinct=n)
    return cast(ContentSource, SimpleNamespace(items=items, items_by_account=np.append(0, np.cumsum(n))))


@pytest.mark.parametrize(("copies", "says"), [(20, 1.0), (2, 1 / 19), (1, 0.0)])
def test_an_assignment_goes_to_all_members_and_an_entry_of_a_list_to_few(copies: int, says: float) -> None:
    """Twenty accounts and a hundred prompts, each sent by so many of them."""
    prompts: list[list[int]] = [[] for _ in range(20)]
    for item in range(100):
        for i in range(copies):
            prompts[(item + i) % 20].append(item)
    assert _items(sent(prompts), np.arange(20))["items_in_common"] == pytest.approx(says)


def held(templates: list[list[int]]) -> Held:
    """What each account's exchanges hold, one template an exchange."""
    sizes = np.array([len(t) for t in templates])
    found = Matches(
        offsets=np.append(0, np.cumsum(sizes)),
        xid=np.arange(int(sizes.sum())),
        template=np.array([t for one in templates for t in one], np.int32),
    )
    return Held.of(found, np.arange(len(templates)))


@pytest.mark.parametrize("n_wordings", [1, 4, 20])
def test_wordings_that_all_use_in_turn_are_counted(n_wordings: int) -> None:
    """Sixty accounts of thirty requests that draw on one stock: its size, give or take a tenth (statistical)."""
    rng = np.random.default_rng(n_wordings)
    drawn = held(rng.integers(n_wordings, size=(60, 30)).tolist())
    found = _wordings(drawn, np.arange(n_wordings, dtype=np.int32), 1.0)
    assert found == pytest.approx(n_wordings, rel=0.1)


def test_people_who_keep_to_their_wording_use_one_however_many_there_are() -> None:
    """Twenty templates, each account with its own."""
    assert _wordings(held([[i % 20] * 30 for i in range(60)]), np.arange(20, dtype=np.int32), 1.0) == 1.0


def test_a_request_that_holds_several_templates_counts_once_and_few_requests_say_nothing() -> None:
    """A wrapper in two parts is one wording; eight requests are no sample."""
    one = held([[0] * 30 for _ in range(5)])
    doubled = Held(
        n_members=5,
        member=np.repeat(one.member, 2),
        xid=np.repeat(one.xid, 2),
        template=np.tile([0, 1], len(one.xid)).astype(np.int32),
    )
    assert _wordings(doubled, np.array([1, 0], np.int32), 1.0) == 1.0
    assert _wordings(held([[0], [1], [0, 1]]), np.array([0, 1], np.int32), 1.0) is None
    assert _wordings(held([[5] * 9]), np.zeros(0, np.int32), 1.0) is None


def combined(parts: np.ndarray) -> Held:
    """What each account's exchanges hold, several templates an exchange. Args: parts: int64[accounts, exchanges, templates]."""
    n_accounts, n_exchanges, n_parts = parts.shape
    return Held(
        n_members=n_accounts,
        member=np.repeat(np.arange(n_accounts), n_exchanges * n_parts),
        xid=np.repeat(np.arange(n_accounts * n_exchanges), n_parts),
        template=parts.ravel().astype(np.int32),
    )


def test_requests_composed_of_phrases_are_put_in_more_wordings_than_there_are_phrases() -> None:
    """An opening, a middle and an end of six each: 216 combinations, of which twenty say nothing and four are one wording, as far as they elicit (statistical)."""
    rng = np.random.default_rng(6)
    parts = rng.integers(6, size=(40, 60, 3)) + np.array([0, 6, 12])
    templates = np.arange(18, dtype=np.int32)
    member, combination = combined(parts).combinations(templates)
    assert len(np.unique(combination)) == 216
    assert np.array_equal(member, np.repeat(np.arange(40), 60))
    assert _wordings(combined(parts), templates, 1.0) == pytest.approx((216 - 20) / 4, rel=0.1)
    assert _wordings(combined(parts), templates, 0.5) == pytest.approx((108 - 20) / 4, rel=0.1)
    assert _wordings(combined(parts), templates, 0.0) == pytest.approx(6, rel=0.1)


@pytest.mark.parametrize("n_wordings", [1, 8])
def test_prompts_of_several_parts_that_go_together_are_as_many_wordings_as_prompts(n_wordings: int) -> None:
    """An application's prompts: however many texts each of them holds, in whatever order."""
    rng = np.random.default_rng(n_wordings)
    prompt = rng.integers(n_wordings, size=(40, 30, 1))
    parts = rng.permuted(3 * prompt + np.arange(3), axis=2)
    templates = np.arange(3 * n_wordings, dtype=np.int32)
    assert _wordings(combined(parts), templates, 1.0) == pytest.approx(n_wordings, rel=0.1)


def test_the_share_of_exchanges_with_a_text_counts_each_once() -> None:
    """Of accounts, by position; one without any has none."""
    some = held([[0, 1, 1, 2], [], [2, 2]])
    assert some.share(np.array([1, 0], np.int32), np.array([6, 0, 4])).tolist() == [0.5, 0.0, 0.0]


DAY_US = 86_400_000_000


def bans_of(banned: list[int], n_accounts: int = 200) -> dict[str, float | None]:
    """What bans say of the first twenty accounts of a log that knows when who was banned: one day, one account each."""
    at = np.full(n_accounts, -1)
    at[banned] = np.arange(len(banned)) * DAY_US
    log = SimpleNamespace(
        population=SimpleNamespace(
            first_at=np.zeros(n_accounts, np.int64), last_at=np.full(n_accounts, 30 * DAY_US)
        ),
        background=np.arange(20, n_accounts),
    )
    return _bans(cast(Observations, log), np.arange(20), cast(Happenings, SimpleNamespace(banned_at=at)))


def test_not_being_banned_says_nothing_where_hardly_anybody_is() -> None:
    """Nine bans in the log, none in the group: nobody may have looked. Ten: the group was left alone."""
    assert bans_of(list(range(100, 109)))["ban_excess"] is None
    assert bans_of(list(range(100, 110)))["ban_excess"] == 0.0


def test_one_ban_in_the_group_speaks_however_few_there_are() -> None:
    """Five of twenty where five of 180 others were: less than one chance in a thousand."""
    excess = bans_of([0, 1, 2, 3, 4, 100, 101, 102, 103, 104])["ban_excess"]
    assert excess is not None and excess > 3


def test_ten_thousand_bans_are_a_number_still() -> None:
    """The chance of so many is zero to a machine, and a report cannot hold an infinite number of decades."""
    at = np.full(50_000, -1)
    at[:20_000] = 0
    assert _ban_excess(at, np.arange(20_000), np.arange(20_000, 50_000)) == 300.0


@pytest.mark.parametrize(
    ("private", "varies", "says"), [(0.05, True, None), (0.2, True, 0.2), (0.05, False, 0.05)]
)
def test_few_private_texts_say_nothing_of_a_group_whose_wording_may_vary(
    private: float, varies: bool, says: float | None
) -> None:
    """A wrapper that varies makes no template; where no wording was read, templates are all there is."""
    content = SimpleNamespace(median_share=0.5, private=np.full(30, private))
    assert _private_share(cast(GroupContent, content), varies) == (says and pytest.approx(says))


@pytest.mark.parametrize(
    ("users", "varies", "says"), [(600, True, None), (40, True, 0.75), (600, False, 0.05)]
)
def test_a_text_of_everybodys_says_nothing_of_a_group_whose_wording_may_vary(
    users: int, varies: bool, says: float | None
) -> None:
    """Thirty members replay the sessions of a public agent in a wrapper of their own: the agent's other users are no alibi."""
    content = cast(GroupContent, SimpleNamespace(templates=np.arange(3), text_users=users))
    assert _coverage(content, 30, varies) == (says and pytest.approx(says))
    assert _coverage(cast(GroupContent, SimpleNamespace(templates=np.zeros(0))), 30, varies) is None


def test_an_account_must_live_as_its_group_does_before_it_is_acted_on() -> None:
    """Timing and life cycle of a member, a quarter of the typical member's asked; a group without habits asks for none."""
    bits = {"timing": np.array([6.0, 5.0, 7.0, 0.0, -2.0]), "lifecycle": np.array([2.0, 3.0, 1.0, 1.0, 0.0])}
    judged = cast(
        Judged, SimpleNamespace(candidate=SimpleNamespace(fit=SimpleNamespace(family=bits.__getitem__)))
    )
    assert habit_bits(judged).tolist() == [8.0, 8.0, 8.0, 1.0, -2.0]
    least = least_habit_bits(judged, EnforcementSettings())
    assert least == 2.0
    assert (habit_bits(judged) >= least).tolist() == [True, True, True, False, False]
    bits["timing"] -= 20.0
    assert least_habit_bits(judged, EnforcementSettings()) == 0.0
