"""Campaigns in the midst of a relay are found, and a relay's customers are parted from one."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from hydrascope.campaigns import inner
from hydrascope.campaigns.cluster import Candidate
from hydrascope.campaigns.content import ContentSource
from hydrascope.campaigns.inner import with_inner
from hydrascope.campaigns.judge import Judged
from hydrascope.campaigns.membership import ClusterSettings
from hydrascope.campaigns.observations import Observations

ALL = np.arange(60, dtype=np.int32)
SENDERS = ALL[:25]


@dataclass(frozen=True)
class Group:
    """A candidate of which nothing but its members is looked at."""

    members: np.ndarray
    origin: str = "core"
    wording: None = None


def found(
    monkeypatch: pytest.MonkeyPatch,
    verdict: str,
    *,
    senders: str,
    others: str,
    sending: np.ndarray = SENDERS,
    bans: float = 0.0,
) -> list[tuple[int, str]]:
    """Sizes and verdicts of what becomes of a group of sixty of which some send a text that asks, by what is found of the parts."""

    def rejudge(candidate: Candidate) -> Judged:
        return judged(candidate.members, senders if sending[0] in candidate.members else others)

    def judged(members: np.ndarray, verdict: str, origin: str = "core") -> Judged:
        group = Group(members, origin)
        scored = SimpleNamespace(measured={"ban_excess": bans})
        return cast(Judged, SimpleNamespace(candidate=group, members=members, verdict=verdict, scored=scored))

    monkeypatch.setattr(inner, "inner_groups", lambda *_: [Group(sending, "remainder")])
    monkeypatch.setattr(inner, "keep_members", lambda _log, group, left, _: Group(left, group.origin))
    groups = with_inner(
        cast(Observations, None),
        cast(ContentSource, None),
        [judged(ALL, verdict)],
        rejudge,
        ClusterSettings(),
    )
    return [(len(g.members), g.verdict) for g in groups]


def test_a_campaign_in_a_relay_is_a_group_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the relay, which stays what it is; customers whose text accuses nobody are left in it."""
    assert found(monkeypatch, "reseller", senders="distillation", others="") == [
        (60, "reseller"),
        (25, "distillation"),
    ]
    assert found(monkeypatch, "reseller", senders="inconclusive", others="") == [(60, "reseller")]


def test_customers_who_never_send_its_words_are_parted_from_a_campaign(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where they are plainly a relay's by themselves."""
    parts = found(monkeypatch, "distillation", senders="distillation", others="reseller")
    assert parts == [(25, "distillation"), (35, "reseller")]


@pytest.mark.parametrize(
    ("senders", "others"),
    [
        ("distillation", "distillation"),
        ("distillation", "inconclusive"),
        ("distillation", "shared_application"),
        ("inconclusive", "reseller"),
    ],
)
def test_an_accused_group_stays_whole_otherwise(
    senders: str, others: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quiet members of a campaign look like anybody; a campaign is not taken apart until nobody is accused."""
    assert found(monkeypatch, "distillation", senders=senders, others=others) == [(60, "distillation")]


def test_a_few_who_were_not_seen_to_send_it_are_no_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five of sixty."""
    whole = found(monkeypatch, "distillation", senders="distillation", others="reseller", sending=ALL[:55])
    assert whole == [(60, "distillation")]


def test_customers_who_are_banned_like_the_senders_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mixed proxy's accounts carry little of the campaign each, and share its fate."""
    whole = found(monkeypatch, "distillation", senders="distillation", others="reseller", bans=20.0)
    assert whole == [(60, "distillation")]
