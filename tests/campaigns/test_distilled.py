"""How much of an account's traffic is the campaign's, and how much is cover."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from hydrascope.campaigns.distilled import Read, distilled_shares, read_ordinary, typical_wording
from hydrascope.features.wording import Postings, SampledShingles

N_SAMPLED = 20


def log(share: np.ndarray, chance: float, *, seed: int = 0) -> tuple[Read, np.ndarray]:
    """Accounts with N_SAMPLED exchanges of which `share` hold one of 30 variants of a wrapper, 3 shingles each.

    The rest are words of one's own; a part `chance` of them holds a phrase of the wrapper as well.
    """
    rng = np.random.default_rng(seed)
    rows, free = [], 10**6
    for account, part in enumerate(share.tolist()):
        for _ in range(N_SAMPLED):
            variant = 3 * rng.integers(30)
            own = list(range(free, free + 5))
            free += 5
            if rng.random() < part:
                own += [variant, variant + 1, variant + 2]
            elif rng.random() < chance:
                own += [variant, variant + 1]
            rows.append((account, own))

    return reader(rows), np.full(len(share), N_SAMPLED)


def reader(rows: list[tuple[int, list[int]]]) -> Read:
    """Of exchanges, N_SAMPLED an account: its code and the shingles of each, in two parts."""

    def read(accounts: np.ndarray) -> Iterator[SampledShingles]:
        chosen = [r for r in rows if r[0] in set(accounts.tolist())]
        half = len(chosen) // 2
        for piece in (chosen[: half - half % N_SAMPLED], chosen[half - half % N_SAMPLED :]):
            yield SampledShingles(
                account=np.array([a for a, _ in piece], np.int32),
                xid=np.array([s[0] for _, s in piece], np.int64),
                offsets=np.cumsum([0, *(len(s) for _, s in piece)]),
                shingle=np.array([v for _, s in piece for v in s], np.int64),
            )

    return read


def shares(read: Read, groups: list[np.ndarray], n_sampled: np.ndarray) -> list[np.ndarray | None]:
    """Of groups, with everybody else as the others."""
    others = np.setdiff1d(np.arange(len(n_sampled)), np.concatenate(groups))
    return distilled_shares(read, groups, read_ordinary(read, others), n_sampled)


@pytest.mark.parametrize("true", [1.0, 0.6, 0.25])
@pytest.mark.parametrize("chance", [0.0, 0.01])
def test_a_wrapper_in_thirty_variants_is_told_from_cover(true: float, chance: float) -> None:
    """No account repeats itself; its share is right to four points on average."""
    share = np.append(np.full(60, true), np.zeros(600))
    read, n = log(share, chance)
    (found,) = shares(read, [np.arange(60, dtype=np.int32)], n)
    assert found is not None
    assert found.mean() == pytest.approx(true, abs=0.04)


def test_two_groups_with_one_wording_do_not_hide_it_from_each_other() -> None:
    """What another accused group sends does not count as usual."""
    share = np.append(np.full(80, 0.9), np.zeros(300))
    read, n = log(share, 0.0)
    groups = [np.arange(0, 80, 2, dtype=np.int32), np.arange(1, 80, 2, dtype=np.int32)]
    for found in shares(read, groups, n):
        assert found is not None
        assert found.mean() == pytest.approx(0.9, abs=0.05)


def test_a_group_without_wording_of_its_own_gets_no_share() -> None:
    """Nothing is made up where members share no words."""
    read, n = log(np.zeros(200), 0.0)
    assert shares(read, [np.arange(30, dtype=np.int32)], n) == [None]


def test_members_without_a_sample_are_given_the_mean() -> None:
    """An account that sent nothing that can be read says nothing about itself."""
    share = np.append(np.full(40, 0.5), np.zeros(300))
    read, n = log(share, 0.0)
    n[:5] = 0
    members = np.arange(40, dtype=np.int32)

    def without(accounts: np.ndarray) -> Iterator[SampledShingles]:
        yield from (part.take(np.flatnonzero(part.account >= 5)) for part in read(accounts))

    (found,) = shares(without, [members], n)
    assert found is not None
    assert found[:5] == pytest.approx(found[5:].mean())


@pytest.mark.parametrize("n_strays", [5, 15, 30])
def test_members_that_were_not_attached_do_not_make_the_wording_usual(n_strays: int) -> None:
    """Few or many, they are known by the wording itself and left out of the others."""
    n_members = 60
    read, n = log(np.append(np.full(n_members + n_strays, 0.8), np.zeros(200)), 0.0)
    members = np.arange(n_members, dtype=np.int32)
    others = read_ordinary(read, np.arange(n_members, len(n)))
    (found,) = distilled_shares(read, [members], others, n)
    assert found is not None
    assert found.mean() == pytest.approx(0.8, abs=0.05)


def test_short_words_of_a_proxys_customers_do_not_count_beside_a_long_wrapper() -> None:
    """Half of the exchanges hold twenty shingles of a wrapper, a third two that only these customers use."""
    rng = np.random.default_rng(3)
    rows, free = [], 10**6
    for account in range(400):
        for turn in range(N_SAMPLED):
            own = list(range(free, free + 3))
            free += 3
            if account < 60 and turn < 10:
                own += list(range(20))
            elif account < 60 and turn < 17:
                own += [100 + 2 * (line := int(rng.integers(20))), 101 + 2 * line]
            rows.append((account, own))
    (found,) = shares(reader(rows), [np.arange(60, dtype=np.int32)], np.full(400, N_SAMPLED))
    assert found is not None
    assert found.mean() == pytest.approx(0.5, abs=0.02)


def test_a_relays_customers_have_no_wording_in_common() -> None:
    """The median member of a group with one wrapper shows it; of a group of strangers nobody does."""
    read, n = log(np.append(np.full(150, 0.9), np.zeros(400)), 0.0)
    n[300:] = 0
    campaign, relay, silent = (np.arange(a, b, dtype=np.int32) for a, b in ((0, 150), (150, 200), (300, 310)))
    found = typical_wording(read, [campaign, silent, relay], np.arange(200, 300), n)
    assert [None if t is None else t.share for t in found] == [pytest.approx(0.9, abs=0.05), None, 0.0]
    assert found[0] is not None
    assert found[0].wording.tolist() == list(range(90))  # 30 variants of 3 shingles


@pytest.mark.parametrize(("wrapped", "expected"), [(1.0, 1.0), (0.5, 0.1)])
def test_later_turns_are_the_campaigns_where_every_conversation_opens_with_its_wording(
    wrapped: float, expected: float
) -> None:
    """A fifth of the exchanges open a conversation, and no other holds the wrapper: all or half of them do."""
    rng = np.random.default_rng(1)
    n_members, rows, opening = 40, [], []
    for account in range(400):
        for i in range(N_SAMPLED):
            xid = len(rows)
            own = [10**6 + 5 * xid + j for j in range(5)]
            if i % 5 == 0:
                opening.append(xid)
                if account < n_members and rng.random() < wrapped:
                    own += [1, 2, 3]
            rows.append((account, own))

    def read(accounts: np.ndarray) -> Iterator[SampledShingles]:
        xid = np.flatnonzero(np.isin([a for a, _ in rows], accounts))
        yield SampledShingles(
            account=np.array([rows[i][0] for i in xid], np.int32),
            xid=xid,
            offsets=np.cumsum([0, *(len(rows[i][1]) for i in xid)]),
            shingle=np.array([v for i in xid for v in rows[i][1]], np.int64),
        )

    members, n = np.arange(n_members, dtype=np.int32), np.full(400, N_SAMPLED)
    others = read_ordinary(read, np.arange(n_members, 400))
    (found,) = distilled_shares(read, [members], others, n, np.array(opening))
    assert found is not None
    assert found.mean() == pytest.approx(expected, abs=0.03)


def test_no_group_asks_for_nothing() -> None:
    """A log without a campaign is not read again."""

    def never(accounts: np.ndarray) -> Iterator[SampledShingles]:
        raise AssertionError(accounts)

    assert distilled_shares(never, [], Postings.of([]), np.ones(3, np.int64)) == []
