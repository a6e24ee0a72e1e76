"""Members that send a group's public text and none of its own leave it, unless its operator's traces hold them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from stated_log import N, everyone, fit, group, observed

from hydrascope.campaigns.bystanders import without_bystanders, without_outsiders
from hydrascope.campaigns.membership import ClusterSettings
from hydrascope.campaigns.observations import Observations
from hydrascope.features.content import Matches

CORE, USERS, PUBLIC = group(0, 40), group(100, 4), group(200, 200)
PUBLIC_TEXT, PRIVATE_TEXT = 0, 1
N_SAMPLED = 60


def log(
    cards: np.ndarray, addresses: np.ndarray, private: float, n_sampled: int
) -> tuple[Observations, Matches]:
    """The core sends the public text always and its own in a part `private`; users, and many others, the public one alone."""
    members = np.union1d(CORE, USERS)
    observations = observed(
        {
            "payment_fingerprint": everyone(np.append(CORE, cards), 1),
            "network": everyone(np.append(CORE, addresses), 2),
            "tls": everyone(np.concatenate([members, PUBLIC]), 3),
        }
    )
    share = np.zeros((N, 2))
    share[np.concatenate([members, PUBLIC]), PUBLIC_TEXT] = 1.0
    share[CORE, PRIVATE_TEXT] = private
    observations.template_share = csr_array(share)  # type: ignore[misc]
    observations.template_holders = (share > 0).sum(axis=0)  # type: ignore[misc]
    observations.n_sampled = np.full(N, N_SAMPLED)  # type: ignore[misc]
    observations.n_sampled[USERS] = n_sampled
    return observations, matched(share)


def remaining(
    cards: np.ndarray, addresses: np.ndarray, *, private: float = 0.2, n_sampled: int = N_SAMPLED
) -> list[int]:
    """Members of the core and the users together that stay, users on the core's cards or network where stated."""
    members = np.union1d(CORE, USERS).astype(np.int32)
    observations, matches = log(cards, addresses, private, n_sampled)
    return without_bystanders(
        observations, matches, fit(observations, members), ClusterSettings()
    ).members.tolist()


def matched(share: np.ndarray) -> Matches:
    """Of N_SAMPLED exchanges of each account, those that hold each text."""
    n = np.round(share * N_SAMPLED).astype(np.int64)
    rows = [(a * N_SAMPLED + i, t) for a, t in np.argwhere(n).tolist() for i in range(n[a, t])]
    xid, template = np.array(sorted(rows), np.int64).T
    return Matches(
        offsets=np.searchsorted(xid, np.arange(N + 1) * N_SAMPLED),
        xid=xid,
        template=template.astype(np.int32),
    )


NOBODY = group(0, 0)


def test_honest_users_of_a_public_text_on_the_groups_exit_leave() -> None:
    """They share its program and network, and never sent its own wording."""
    assert remaining(NOBODY, USERS) == CORE.tolist()


def test_accounts_that_the_operators_traces_hold_stay_without_its_text() -> None:
    """An account on the campaign's cards and network that has not begun to distil is still its own."""
    assert remaining(USERS, USERS) == np.union1d(CORE, USERS).tolist()


def test_who_was_hardly_seen_is_not_missed_for_what_it_did_not_show() -> None:
    """Two sampled exchanges of an account would hold a text of one in five by luck alone."""
    assert remaining(NOBODY, USERS, n_sampled=2) == np.union1d(CORE, USERS).tolist()


def declared(accounts: np.ndarray, *, sending: float = 0.0, n_sampled: int = N_SAMPLED) -> list[int]:
    """Who stays of the core and the users on its cards and network, some accounts declared, the users sending so much of its text."""
    members = np.union1d(CORE, USERS).astype(np.int32)
    observations, _ = log(USERS, USERS, 0.2, n_sampled)
    held = set(accounts.tolist())
    observations.population.attributes["declared"] = ["reseller" if a in held else None for a in range(N)]
    share = observations.template_share.toarray()
    share[USERS, PRIVATE_TEXT] = sending
    observations.template_share = csr_array(share)  # type: ignore[misc]
    kept = without_bystanders(observations, matched(share), fit(observations, members), ClusterSettings())
    return kept.members.tolist()


def test_a_declared_reseller_behind_the_campaigns_exits_leaves() -> None:
    """Its operator is on record, so that traces of one say nothing of the campaign, whose text it hardly sends."""
    assert declared(NOBODY) == np.union1d(CORE, USERS).tolist()
    assert declared(USERS) == CORE.tolist()
    assert declared(USERS, sending=0.05) == CORE.tolist()


def test_a_declaration_hides_nobody() -> None:
    """Who sends what the campaign sends stays, as does who was hardly seen, and a group that is declared as a whole is judged as one."""
    whole = np.union1d(CORE, USERS).tolist()
    assert declared(USERS, sending=0.2) == whole
    assert declared(USERS, n_sampled=2) == whole
    assert declared(np.union1d(CORE[:20], USERS)) == whole


@pytest.mark.parametrize("private", [0.0, 0.01])
def test_a_text_that_members_hardly_send_is_not_missed(private: float) -> None:
    """None of their own, or one that half of the members would not show either."""
    assert remaining(NOBODY, USERS, private=private) == np.union1d(CORE, USERS).tolist()


@pytest.mark.parametrize(("private", "left"), [(0.2, 40), (0.02, 44)])
def test_a_stocks_group_loses_who_would_have_shown_its_own_wordings(private: float, left: int) -> None:
    """Sixty requests that hold one in five, or one in fifty: of the first, none at all is no luck."""
    members = np.union1d(CORE, USERS).astype(np.int32)
    observations, matches = log(NOBODY, NOBODY, private, N_SAMPLED)
    stock = np.array([PUBLIC_TEXT, PRIVATE_TEXT], np.int32)
    kept = without_outsiders(observations, matches, fit(observations, members), stock, ClusterSettings())
    assert len(kept.members) == left
    assert np.isin(CORE, kept.members).all()
