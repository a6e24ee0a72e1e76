"""How well accounts fit their group: growth never weakens, uniqueness never helps, common values are worth nothing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrascope.campaigns.observations import Channel, index_channels
from hydrascope.campaigns.profile import channel_bits
from hydrascope.features.incidence import ChannelRows

N = 2000


def channel(values: list[list[int]], family: str = "identity") -> Channel:
    """A channel from the values that each account shows."""
    account = np.repeat(np.arange(len(values)), [len(v) for v in values]).astype(np.int32)
    value = np.array([v for held in values for v in sorted(held)], np.int64)
    rows = ChannelRows(
        name="card", family=family, account=account, value=value, count=np.ones(len(value), np.int64)
    )
    held = np.array([max(len(v), 1) for v in values])
    return index_channels({"card": rows}, held)["card"]


def strangers(n: int = N) -> list[list[int]]:
    """Accounts with one value each that nobody else has."""
    return [[10_000 + i] for i in range(n)]


def members(start: int, size: int) -> np.ndarray:
    """Codes of a group at the end of the accounts."""
    return np.arange(start, start + size, dtype=np.int32)


def test_an_account_with_a_value_of_its_own_earns_nothing_from_it() -> None:
    """Leave-one-out: it is no evidence for itself, and beside members who share it is evidence against."""
    shared = [[1]] * 6
    bits = channel_bits(channel([*strangers(), *shared, [99_999]]), members(N, 7))
    assert (bits[:6] > 5).all()
    assert bits[6] < 0
    alone = channel_bits(channel([*strangers(), [1], [2], [3]]), members(N, 3))
    assert (alone <= 0).all()


def test_an_account_without_a_value_earns_and_pays_nothing() -> None:
    """Unknown is not a miss."""
    bits = channel_bits(channel([*strangers(), *[[1]] * 5, []]), members(N, 6))
    assert bits[-1] == 0
    assert not channel_bits(channel([*strangers(), [1], [], []]), members(N, 3)).any()


@settings(max_examples=40)
@given(st.integers(3, 40), st.floats(0.3, 1.0))
def test_a_value_common_among_others_is_worth_nothing(size: int, popularity: float) -> None:
    """What most outsiders show as well gives no member more than a sliver of a bit."""
    crowd = [[1] if i < popularity * N else [10_000 + i] for i in range(N)]
    bits = channel_bits(channel([*crowd, *[[1]] * size]), members(N, size))
    assert bits.max() <= np.log2(1 / popularity) + 0.1


@settings(max_examples=40)
@given(st.integers(2, 30), st.integers(1, 30), st.integers(0, 200))
def test_more_accounts_on_the_same_value_never_weaken_any(size: int, more: int, outside: int) -> None:
    """A campaign that grows, all else equal, holds each of its members at least as firmly."""
    crowd = [[1] if i < outside else [10_000 + i] for i in range(N)]
    small = channel_bits(channel([*crowd, *[[1]] * size]), members(N, size))
    large = channel_bits(channel([*crowd, *[[1]] * (size + more)]), members(N, size + more))
    assert large.min() >= small.max() - 1e-9


def test_several_cards_shared_by_few_each_hold_a_growing_campaign_together() -> None:
    """Accounts in sixes on a card, ever more cards: the weight of a member stays positive in every size."""
    for cards in (2, 4, 16, 64):
        group = [[1 + i // 6] for i in range(6 * cards)]
        bits = channel_bits(channel([*strangers(), *group]), members(N, len(group)))
        assert bits.min() > 2


def test_a_hidden_majority_does_not_hide_in_its_own_background() -> None:
    """A group of half of all accounts is compared with the other half, not with itself."""
    size = N
    bits = channel_bits(channel([*strangers(), *[[1]] * size]), members(N, size))
    assert bits.min() > 8


def test_rarer_among_others_weighs_more() -> None:
    """The same sharing is worth less the more outsiders have the value."""
    means = []
    for outside in (0, 10, 100, 1000):
        crowd = [[1] if i < outside else [10_000 + i] for i in range(N)]
        means.append(channel_bits(channel([*crowd, *[[1]] * 10]), members(N, 10)).mean())
    assert all(a > b for a, b in pairwise(means))


def test_many_chances_to_share_are_paid_for() -> None:
    """One shared value among fifty shown is worth less than one shared value that is all."""
    focused = channel_bits(channel([*strangers(), *[[1]] * 5]), members(N, 5))
    spread = [[1, *range(1_000_000 + 50 * i, 1_000_049 + 50 * i)] for i in range(5)]
    diffuse = channel_bits(channel([*strangers(), *spread]), members(N, 5))
    assert diffuse.max() < focused.min() - 1


def test_a_random_group_is_not_held_together() -> None:
    """Groups drawn at random from accounts with popular and rare values earn nothing on average."""
    rng = np.random.default_rng(3)
    crowd = [[int(v)] for v in rng.zipf(1.5, N) % 5000]
    whole = channel(crowd)
    means = [
        channel_bits(whole, np.sort(rng.choice(N, 12, replace=False)).astype(np.int32)).mean()
        for _ in range(300)
    ]
    assert np.mean(means) <= 3 * np.std(means) / np.sqrt(len(means))


def test_the_names_of_accounts_and_values_do_not_matter() -> None:
    """Members in any order of code get the same weights."""
    rng = np.random.default_rng(4)
    values = [[int(v)] for v in rng.integers(0, 300, N)]
    group = np.sort(rng.choice(N, 20, replace=False)).astype(np.int32)
    bits = channel_bits(channel(values), group)
    order = rng.permutation(N)
    place = np.argsort(order)
    moved = channel([[5000 - values[i][0]] for i in order])
    again = channel_bits(moved, place[group].astype(np.int32))
    assert np.allclose(again, bits)
