"""Accounts that no candidate held come to the group whose operator's traces they show, and to no other."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stated_log import N, everyone, fit, group, observed

from hydrascope.campaigns.attach import find_strays
from hydrascope.campaigns.cluster import Candidate, keep_members
from hydrascope.campaigns.judge import EnforcementSettings, Judged, enforceable, wordless_strays
from hydrascope.campaigns.membership import ClusterSettings

SETTINGS = ClusterSettings()
CORE, STRAY, OTHERS = group(0, 20), group(100, 5), group(200, 20)


def attached(shown: dict[str, dict[int, int]], *cores: np.ndarray) -> list[list[int]]:
    """Members of each core with its strays."""
    observations = observed(shown)
    strays = find_strays(observations, [fit(observations, c) for c in cores], SETTINGS)
    return [np.union1d(c, s).tolist() for c, s in zip(cores, strays, strict=True)]


def test_accounts_on_the_same_cards_and_addresses_are_attached_without_a_candidate() -> None:
    """Card, network and program together put them there."""
    both = np.append(CORE, STRAY)
    shown = {"payment_fingerprint": everyone(both, 1), "network": everyone(both, 2), "tls": everyone(both, 3)}
    assert attached(shown, CORE) == [both.tolist()]


def test_a_neighbour_on_the_exit_stays_outside() -> None:
    """One strong family is what an honest user of the same exit shows as well."""
    both = np.append(CORE, STRAY)
    shown = {"ip": everyone(both, 2), "payment_fingerprint": everyone(CORE, 1), "tls": everyone(CORE, 3)}
    assert attached(shown, CORE) == [CORE.tolist()]


def test_software_alone_attaches_nobody() -> None:
    """Program, header set and settings travel with the software."""
    both = np.append(CORE, STRAY)
    shown = {"tls": everyone(both, 1), "user_agent": everyone(both, 2), "tools": everyone(both, 3)}
    assert attached(shown | {"ip": everyone(CORE, 4)}, CORE) == [CORE.tolist()]


def test_an_account_goes_to_the_group_that_explains_it_better() -> None:
    """Both share its program and network, one its card too."""
    everybody = np.concatenate([CORE, STRAY, OTHERS])
    shown = {
        "tls": everyone(everybody, 1),
        "network": everyone(everybody, 2),
        "payment_fingerprint": everyone(CORE, 3) | everyone(np.append(OTHERS, STRAY), 4),
    }
    one, other = attached(shown, CORE, OTHERS)
    assert one == CORE.tolist()
    assert other == np.sort(np.append(OTHERS, STRAY)).tolist()


@given(st.permutations(range(3)))
@settings(max_examples=6, deadline=None)
def test_the_order_of_groups_does_not_matter(order: list[int]) -> None:
    """Who belongs where is decided for all groups at once."""
    cores = [CORE, OTHERS, group(300, 12)]
    shown: dict[str, dict[int, int]] = {"ip": {}, "payment_fingerprint": {}, "tls": {}}
    for i, core in enumerate(cores):
        for channel in shown:
            shown[channel] |= everyone(np.append(core, group(400 + 10 * i, 4)), 7 + i)
    found = attached(shown, *[cores[i] for i in order])
    assert [found[order.index(i)] for i in range(3)] == attached(shown, *cores)


@pytest.mark.parametrize("cores", [(), (CORE,)])
def test_a_log_without_anybody_else_is_left_as_it_is(cores: tuple[np.ndarray, ...]) -> None:
    """No group, or nobody who shares anything."""
    assert attached({"ip": everyone(CORE, 1)}, *cores) == [c.tolist() for c in cores]


def test_an_account_whose_purpose_is_declared_is_brought_to_no_group() -> None:
    """The operator's records say what it is for."""
    both = np.append(CORE, STRAY)
    shown = {"payment_fingerprint": everyone(both, 1), "network": everyone(both, 2), "tls": everyone(both, 3)}
    observations = observed(shown)
    observations.population.attributes["declared"] = [  # type: ignore[index]
        "reseller" if a in STRAY[:2] else None for a in range(N)
    ]
    (strays,) = find_strays(observations, [fit(observations, CORE)], SETTINGS)
    assert strays.tolist() == STRAY[2:].tolist()


def test_a_heart_stays_what_it_is_when_members_go_to_another_group() -> None:
    """Strays alone may go, or all may stay; of too small a heart the whole group is judged."""
    both = np.append(CORE, STRAY)
    observations = observed({"ip": everyone(both, 1)})
    whole = Candidate(
        members=both,
        origin="core",
        fit=fit(observations, both),
        pool=30,
        heart=fit(observations, CORE),
    )
    kept = keep_members(observations, whole, both[:-1], SETTINGS)
    assert (len(kept.members), len(kept.judged.members)) == (24, 20)
    assert keep_members(observations, whole, CORE, SETTINGS).heart is None
    assert keep_members(observations, whole, both[18:], SETTINGS).heart is None


def test_automatic_action_spares_a_stray_that_was_not_seen_to_send_the_campaigns_words() -> None:
    """Members of the heart are not spared for that."""
    both = np.append(CORE, STRAY)
    observations = observed({"ip": everyone(both, 1)})
    whole = Candidate(
        members=both, origin="core", fit=fit(observations, both), pool=30, heart=fit(observations, CORE)
    )
    judged = cast(Judged, SimpleNamespace(candidate=whole))
    assert np.flatnonzero(wordless_strays(judged)).tolist() == list(range(20, 25))
    assert not wordless_strays(cast(Judged, SimpleNamespace(candidate=replace(whole, heart=None)))).any()


def test_strays_do_not_make_a_handful_large_enough_for_automatic_action() -> None:
    """Five accounts must have been judged; a heart of three with twenty strays is three."""
    heart = group(0, 3)
    both = np.append(heart, group(100, 20))
    observations = observed({"ip": everyone(both, 1)})
    whole = Candidate(
        members=both, origin="core", fit=fit(observations, both), pool=30, heart=fit(observations, heart)
    )
    class_ = SimpleNamespace(name="class", probability=0.0)
    scored = SimpleNamespace(measured={"n_accounts": 23.0}, leading=lambda *, guilty: class_)
    sure = SimpleNamespace(
        candidate=whole, members=both, verdict="distillation", p_distillation=1.0, n_families=4, scored=scored
    )
    judged_as_one = SimpleNamespace(**vars(sure) | {"candidate": replace(whole, heart=None)})
    assert not enforceable(cast(Judged, sure), 0.0, EnforcementSettings())
    assert enforceable(cast(Judged, judged_as_one), 0.0, EnforcementSettings())


@pytest.mark.parametrize("pathway", ["education", "enterprise"])
def test_accounts_that_somebody_vouched_for_are_left_to_a_person(pathway: str) -> None:
    """Nine tenths of them came through a school or under contract; half of a campaign may."""
    both = group(0, 20)
    observations = observed({"ip": everyone(both, 1)})
    candidate = Candidate(members=both, origin="core", fit=fit(observations, both), pool=30)
    class_ = SimpleNamespace(name="class", probability=0.0)

    def acted_on(share: float) -> bool:
        measured = {"n_accounts": 20.0, pathway: share}
        scored = SimpleNamespace(measured=measured, leading=lambda *, guilty: class_)
        sure = SimpleNamespace(
            candidate=candidate,
            members=both,
            verdict="distillation",
            p_distillation=1.0,
            n_families=4,
            scored=scored,
        )
        return enforceable(cast(Judged, sure), 0.0, EnforcementSettings())

    assert acted_on(0.5)
    assert not acted_on(0.9)
