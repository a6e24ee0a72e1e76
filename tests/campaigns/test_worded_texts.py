"""Which texts of a group are labelled for its own wording: those that hold it, where enough of the members send such."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_array

from hydrascope.campaigns.content import (
    _SURE,
    ContentSource,
    _is_theirs,
    _Kept,
    _own_demand,
    _surer,
    count_pieces,
)
from hydrascope.campaigns.held import Held
from hydrascope.campaigns.observations import Observations, Pieces
from hydrascope.features.surroundings import TextSample
from hydrascope.sketch import sketch_texts

WRAPPER = (
    "put the finished answer under the question and then set out every step that leads from one to the other"
)
N_MEMBERS = 10


def kept(worded: int) -> _Kept:
    """Four texts of each of ten members; the first `worded` members wrap two of theirs."""
    texts = []
    for member in range(N_MEMBERS):
        for i in range(4):
            own = " ".join(f"word{member}x{i}x{j}" for j in range(30))
            texts.append(f"{WRAPPER} {own}" if member < worded and i % 2 else own)
    none = np.zeros(0, np.int64)
    return _Kept(
        n_members=N_MEMBERS,
        held=Held(n_members=N_MEMBERS, member=none, xid=none, template=none.astype(np.int32)),
        rows=np.arange(len(texts)),
        texts=TextSample(
            offsets=np.arange(N_MEMBERS + 1) * 4,
            xid=np.arange(len(texts)),
            exchange_id=[str(i) for i in range(len(texts))],
            text=texts,
        ),
    )


WORDING = np.sort(sketch_texts(pa.array([WRAPPER])).shingles.view(np.int64))


def test_the_texts_that_hold_the_wording_are_labelled_and_no_others() -> None:
    """Cover traffic and a relay's customers say nothing of what the group's own wording asks for."""
    texts = kept(8).worded(WORDING)
    assert len(texts) == 16
    assert all(text.startswith(WRAPPER) for text in texts)


@pytest.mark.parametrize("worded", [0, 2])
def test_wording_that_few_members_send_speaks_for_none(worded: int) -> None:
    """A relay's customer who asks for grading through two of its accounts does not make the relay a campaign."""
    assert kept(worded).worded(WORDING) == []


def test_a_group_without_wording_of_its_own_has_no_such_texts() -> None:
    """Where it was not read, or nothing is the group's own."""
    assert kept(8).worded(None) == kept(8).worded(np.zeros(0, np.int64)) == []


@pytest.mark.parametrize(("asks", "counts"), [(0.95, True), (0.85, False)])
def test_own_words_elicit_only_where_that_is_sure(asks: float, counts: bool) -> None:
    """The items of the texts are labelled with them, and an application's or a class's reach 0.85 as well."""
    own = {"preference_data": asks, "none": 1.0 - asks}
    elicitations, elicits = _surer({"none": 1.0}, 0.0, own, least=_SURE)
    assert elicits == pytest.approx(asks if counts else 0.0)
    assert elicitations == (own if counts else {"none": 1.0})


def test_a_label_that_is_already_surer_stays() -> None:
    """Own words add to what is known and never take away; of a group without kept texts nothing is said."""
    known = {"rubric_grading": 0.99}
    assert _surer(known, 0.99, {"none": 0.05, "data_cleaning": 0.95}, least=_SURE) == (known, 0.99)
    assert _surer(known, 0.99, {}, least=_SURE) == (known, 0.99)
    assert _surer({}, None, {"data_cleaning": 1.0}, least=_SURE) == ({}, None)


def is_theirs(*, inside: int, template_users: int, community: tuple[int, int], pieces: int = 0) -> bool:
    """Whether a template is a group's of 100 members, by its users and its community's (in the group, in all), so many in groups that send it as one."""
    in_pieces = np.array([pieces])
    log = SimpleNamespace(
        pieces=Pieces(templates=in_pieces, communities=in_pieces) if pieces else None,
        community=np.array([0]),
        n_users=np.array([community[1]]),
        template_users=np.array([template_users]),
        template_share=csr_array(np.arange(300)[:, None] < inside, dtype=float),
    )
    users, templates = np.array([community[0]]), np.array([0], np.int32)
    return bool(_is_theirs(cast(Observations, log), np.arange(100, dtype=np.int32), users, templates)[0])


@pytest.mark.parametrize(("users", "theirs"), [(40, False), (50, True)])
def test_a_text_tells_a_purpose_of_those_who_are_most_of_its_users(users: int, theirs: bool) -> None:
    """A coding agent writes of thoughts and steps for its honest users, and for those who come through a relay."""
    assert is_theirs(inside=users, template_users=100, community=(users, 100)) == theirs


@pytest.mark.parametrize(("inside", "users", "theirs"), [(90, 95, True), (90, 200, False), (30, 30, False)])
def test_a_text_that_most_members_alone_send_is_theirs_whatever_it_resembles(
    inside: int, users: int, theirs: bool
) -> None:
    """Its community holds words that half of the world uses; a variant that a few members send is no text of the group's."""
    assert is_theirs(inside=inside, template_users=users, community=(90, 300)) == theirs


@pytest.mark.parametrize(("pieces", "theirs"), [(0, False), (80, False), (280, True)])
def test_another_piece_of_a_campaign_is_no_witness_that_its_text_is_public(pieces: int, theirs: bool) -> None:
    """Of 280 users outside the group's 80, those count that are in no group which sends the text as one; the group itself is one."""
    assert is_theirs(inside=80, template_users=280, community=(80, 280), pieces=pieces) == theirs


def test_groups_that_send_a_text_as_one_are_counted_by_text() -> None:
    """Ten of twelve do, two of twelve do not."""
    share = csr_array(np.repeat([0.5, 0.0, 0.5, 0.0], [10, 2, 2, 10])[:, None])
    log = cast(Observations, SimpleNamespace(template_share=share, community_share=share))
    found = count_pieces(log, [np.arange(12), np.arange(12, 24)])
    assert (found.templates.tolist(), found.communities.tolist()) == ([10], [10])


def test_texts_that_hold_only_what_others_send_too_are_not_labelled() -> None:
    """The public text stands in the even texts of the first members, their own in the first text of each."""
    some = kept(0)
    public = [(m, 4 * m + i, 0) for m in range(5) for i in (0, 2)]
    own = [(m, 4 * m, 1) for m in range(N_MEMBERS)]
    member, xid, template = np.array(sorted(public + own)).T
    held = Held(n_members=N_MEMBERS, member=member, xid=xid, template=template.astype(np.int32))
    left = replace(some, held=held).without(np.array([0], np.int32), np.array([1], np.int32))
    assert np.setdiff1d(some.rows, left.rows).tolist() == [4 * m + 2 for m in range(5)]


@pytest.mark.parametrize(
    ("recurring", "each", "alone", "heard"),
    [
        (0.95, 0.02, 0.0, 0.95),
        (0.8, 1.0, 0.0, 1.0),
        (0.1, 0.1, 0.97, 0.97),
        (0.8, 0.85, 0.8, 0.3),
        (0.0, 0.0, 0.0, 0.3),
    ],
)
def test_a_groups_own_wording_is_read_as_one_and_text_by_text_and_alone(
    recurring: float, each: float, alone: float, heard: float
) -> None:
    """Any reading may be sure of the demand; what none is sure of moves nothing."""
    said = [({}, {"reasoning_articulation": p, "none": 1 - p}) for p in (recurring, each, alone)]
    source = SimpleNamespace(
        label_recurring=lambda texts: said[0],
        label=lambda texts: said[1],
        label_verbatim=lambda texts: said[2],
    )
    before = {"reasoning_articulation": 0.3, "none": 0.7}
    assert _own_demand(cast(ContentSource, source), ["a", "b"], before, 0.3)[1] == heard
    assert _own_demand(cast(ContentSource, source), ["a", "b"], before, None) == (before, None)
