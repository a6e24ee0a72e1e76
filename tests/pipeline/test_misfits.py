"""Members whom all evidence puts outside an accused operator's group leave it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from hydrascope.campaigns.cluster import Candidate
from hydrascope.campaigns.judge import Judged
from hydrascope.campaigns.membership import ClusterSettings
from hydrascope.campaigns.observations import Observations
from hydrascope.pipeline import detect
from hydrascope.pipeline.detect import _misfits, _settled

N = 1030
"""Accounts of the log: against any one of them being among the thirty members stand about five bits."""
MEMBERS = np.arange(100, 130, dtype=np.int32)


def leaving(bits: list[float], *, verdict: str = "distillation", origin: str = "core") -> list[int]:
    """Members that leave a group of thirty, the first of which show so many bits and the others twelve."""
    fit = SimpleNamespace(bits=np.array(bits + [12.0] * (len(MEMBERS) - len(bits))))
    judged = SimpleNamespace(
        verdict=verdict, members=MEMBERS, candidate=SimpleNamespace(origin=origin, fit=fit)
    )
    log = cast(Observations, SimpleNamespace(population=range(N)))
    return _misfits(log, cast(Judged, judged)).tolist()


def test_an_account_that_the_whole_group_does_not_explain_leaves() -> None:
    """A research group with the campaign's wording and nothing else of it; one that may as well belong stays."""
    assert leaving([-5.4, 0.3, 5.0]) == [100, 101]


@pytest.mark.parametrize(("verdict", "origin"), [("reseller", "core"), ("distillation", "remainder")])
def test_who_is_not_accused_or_held_by_text_alone_is_left_as_it_is(verdict: str, origin: str) -> None:
    """A text's users were chosen by it, and nobody is accused by the other verdicts."""
    assert leaving([-5.4], verdict=verdict, origin=origin) == []


def settled(monkeypatch: pytest.MonkeyPatch, members: np.ndarray) -> tuple[list[int], int]:
    """Who stays of the thirty where one stranger after the other is seen to be one, and how often the group was judged anew."""
    strangers = [100, 101, 102]
    looks: list[Candidate] = []

    def misfits(_: Observations, judged: Judged) -> np.ndarray:
        return np.array([next((s for s in strangers if s in judged.members), -1)], np.int32)

    def rejudge(candidate: Candidate) -> Judged:
        looks.append(candidate)
        return cast(Judged, SimpleNamespace(members=candidate.members, candidate=candidate))

    monkeypatch.setattr(detect, "_misfits", misfits)
    monkeypatch.setattr(detect, "keep_members", lambda _log, _group, left, _: SimpleNamespace(members=left))
    whole = cast(Judged, SimpleNamespace(members=MEMBERS, candidate=SimpleNamespace()))
    found = _settled(cast(Observations, None), whole, members, rejudge, ClusterSettings())
    return found.members.tolist(), len(looks)


def test_strangers_who_speak_for_each_other_leave_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three on one exit: without the first the others have less to stand on, and the group is judged once more each time."""
    assert settled(monkeypatch, MEMBERS) == (list(range(103, 130)), 3)


def test_members_that_another_group_took_are_gone_at_the_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the group is judged without them."""
    assert settled(monkeypatch, MEMBERS[:-5]) == (list(range(103, 125)), 3)


def test_a_group_is_never_left_with_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the last four one may leave, and three are a group."""
    assert settled(monkeypatch, MEMBERS[:4]) == ([101, 102, 103], 1)
