"""One operator's pieces are united, two operators' accounts are kept apart, whatever software they share."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from stated_log import everyone, fit, group, observed, sizes

from hydrascope.campaigns.cluster import Candidate, sunken_cores
from hydrascope.campaigns.membership import ClusterSettings, belong_to, bits_against, rarity
from hydrascope.campaigns.merge import split, unite
from hydrascope.campaigns.profile import OPERATOR

SETTINGS = ClusterSettings()
NO_LINKS = (np.zeros(0, np.int32), np.zeros(0, np.int32))


def test_an_outsider_is_held_against_the_group_alone() -> None:
    """Outsiders who share a card among themselves get nothing from it, those on the group's address do."""
    a, b, c = group(0, 20), group(100, 10), group(200, 10)
    observations = observed({"payment_fingerprint": everyone(b, 1), "ip": everyone(np.append(a, c), 2)})
    strangers = bits_against(observations, a, b, seed=0)
    alike = bits_against(observations, a, c, seed=0)
    assert (strangers[:, OPERATOR].sum(axis=1) <= 0).all()
    assert (alike[:, OPERATOR].sum(axis=1) > 5).all()


def test_pieces_on_one_address_pool_are_united_without_a_link_between_them() -> None:
    """Two pieces that show the same site and device are one operator's, though their cards differ."""
    a, b = group(0, 20), group(100, 12)
    both = np.append(a, b)
    observations = observed(
        {
            "payment_fingerprint": everyone(a, 1) | everyone(b, 2),
            "network": everyone(both, 3),
            "device_fingerprint": everyone(both, 4),
            "user_agent": everyone(both, 5),
        }
    )
    assert sizes(unite(observations, [fit(observations, a), fit(observations, b)], NO_LINKS, SETTINGS)) == [
        32
    ]


def test_the_smaller_of_two_operators_with_one_text_does_not_sink_beside_the_larger() -> None:
    """Forty behind one card and program, and eight of one text with them that have a device in fours and programs of all kinds."""
    a, b = group(0, 40), group(100, 8)
    observations = observed(
        {
            "payment_fingerprint": everyone(a, 1),
            "ip": everyone(a, 3),
            "device_fingerprint": everyone(b[:4], 4) | everyone(b[4:], 5),
            "user_agent": everyone(a, 5),
            "tools": everyone(a, 8),
        }
    )
    larger = Candidate(members=a, origin="core", fit=fit(observations, a), pool=48)
    (smaller,) = sunken_cores(observations, [np.append(a, b)], [larger], NO_LINKS, SETTINGS)
    assert smaller.members.tolist() == b.tolist()
    assert smaller.pool == 48
    strangers = group(200, 8)
    assert sunken_cores(observations, [np.append(a, strangers)], [larger], NO_LINKS, SETTINGS) == []


def test_a_company_that_uses_the_same_client_is_not_united_with_a_campaign() -> None:
    """Client, settings and tools in common say nothing of who runs the accounts."""
    a, b = group(0, 40), group(100, 8)
    both = np.append(a, b)
    observations = observed(
        {
            "payment_fingerprint": everyone(a, 1) | everyone(b, 2),
            "ip": everyone(a, 3) | everyone(b, 4),
            "user_agent": everyone(both, 5),
            "tls": everyone(both, 6),
            "decoding": everyone(both, 7),
            "tools": everyone(both, 8),
        }
    )
    groups = [fit(observations, a), fit(observations, b)]
    assert sizes(unite(observations, groups, NO_LINKS, SETTINGS)) == [40, 8]
    mixed = fit(observations, np.sort(both))
    assert sizes(split(observations, mixed, SETTINGS)) == [40, 8]


def test_a_known_company_leaves_a_campaign_that_replays_its_agent() -> None:
    """Where no card or device is kept, a contract says which accounts have an owner of their own; anybody opens an organization."""
    a, b = group(0, 40), group(100, 12)
    both = np.append(a, b)
    software = {n: everyone(both, i) for i, n in enumerate(("user_agent", "tls", "decoding", "tools"))}
    shown = software | {"ip": everyone(a, 8) | everyone(b, 9)}
    company = dict.fromkeys(b.tolist(), "kafitan")
    for organization, pathway, expected in (
        ({}, "", [52]),
        (company, "self_serve", [52]),
        (company, "enterprise", [40, 12]),
    ):
        observations = observed(shown, organization, pathway)
        assert sizes(split(observations, fit(observations, np.sort(both)), SETTINGS)) == expected


def test_two_accounts_of_a_known_company_leave_too_and_are_no_group() -> None:
    """A team that runs a public benchmark from two of its accounts has the harness in common with the campaign, and an owner."""
    a, b = group(0, 20), group(100, 2)
    both = np.append(a, b)
    software = {n: everyone(both, i) for i, n in enumerate(("tools", "system"))}
    observations = observed(
        software | {"ip": everyone(a, 8) | everyone(b, 9)}, dict.fromkeys(b.tolist(), "kafitan")
    )
    (left,) = split(observations, fit(observations, np.sort(both)), SETTINGS)
    assert left.members.tolist() == a.tolist()


def test_strangers_on_an_exit_of_their_own_leave_and_a_second_exit_of_one_operator_stays() -> None:
    """A class on its campus has other programs and settings than the campaign that it fell in with; a campaign's two exits have the same."""
    campaign, others = group(0, 40), group(100, 30)
    both = np.append(campaign, others)
    exits = {"network": everyone(campaign, 8) | everyone(others, 9)}
    theirs = {"user_agent": everyone(campaign, 5), "decoding": everyone(campaign, 6)}
    shared = {"user_agent": everyone(both, 5), "decoding": everyone(both, 6)}
    for program, expected in ((theirs, [40, 30]), (shared, [70]), ({}, [70])):
        observations = observed(exits | program)
        assert sizes(split(observations, fit(observations, both), SETTINGS)) == expected


def test_an_operator_with_several_cards_is_not_split_by_them() -> None:
    """Accounts in tens on a card, all behind one site, stay one group."""
    members = group(0, 40)
    cards = {a: a // 10 for a in members.tolist()}
    observations = observed(
        {"payment_fingerprint": cards, "network": everyone(members, 3), "tls": everyone(members, 4)}
    )
    assert sizes(split(observations, fit(observations, members), SETTINGS)) == [40]


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 60), st.integers(3, 60))
def test_uniting_neither_loses_nor_doubles_an_account(m: int, n: int) -> None:
    """Whatever is united or split, every account is in one group afterwards."""
    a, b = group(0, m), group(500, n)
    observations = observed(
        {"ip": everyone(a, 1) | everyone(b[: n // 2], 1), "device_fingerprint": everyone(b, 2)}
    )
    before = np.sort(np.append(a, b))
    united = unite(observations, [fit(observations, a), fit(observations, b)], NO_LINKS, SETTINGS)
    after = [part for f in united for part in split(observations, f, SETTINGS)]
    assert np.array_equal(np.sort(np.concatenate([f.members for f in after])), before)


def test_strangers_belong_to_nobody() -> None:
    """Accounts with nothing in common with a group do not belong to it; the rarer the group, the more it takes."""
    a, b = group(0, 10), group(100, 10)
    assert not belong_to(observed({"ip": everyone(a, 1)}), a, b, SETTINGS)
    assert rarity(observed({"ip": {}}), 10) > rarity(observed({"ip": {}}), 100) > 0
