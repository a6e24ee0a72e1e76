"""Which of today's campaigns is which of yesterday's, whatever order they come in."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hydrascope.campaigns.succession import Portrait, TemplateMark, ValueMark
from hydrascope.campaigns.track import Lineage, Track, campaign_id, follow_members

HOUR = 3_600_000_000
NOW = 1_000 * HOUR


def pool(first: int, stop: int, **known: object) -> Portrait:
    """Accounts a<first> to a<stop - 1>."""
    portrait = Portrait(members=tuple(sorted(f"a{i:04d}" for i in range(first, stop))))
    return replace(portrait, **known)  # type: ignore[arg-type]


def remember(*portraits: Portrait) -> list[Track]:
    """Yesterday's campaigns, each under the id of its members."""
    return [Track(campaign_id=campaign_id(p.members), portrait=p) for p in portraits]


def follow(tracks: Sequence[Track], *found: Portrait) -> list[Lineage]:
    """Today's lineages."""
    return follow_members(tracks, found, as_of_us=NOW)


@st.composite
def partitions(draw: st.DrawFn) -> list[Portrait]:
    """Some disjoint groups of accounts, of three to a dozen members."""
    labels = draw(st.lists(st.integers(0, 6), min_size=6, max_size=60))
    groups: dict[int, list[str]] = {}
    for i, label in enumerate(labels):
        groups.setdefault(label, []).append(f"a{i:04d}")
    return [Portrait(members=tuple(m)) for m in groups.values() if len(m) >= 3]


@given(partitions())
def test_identity_is_kept_when_members_are_unchanged(groups: list[Portrait]) -> None:
    """Every campaign that comes again with its members has its id, and nothing else is said of it."""
    tracks = remember(*groups)
    for track, lineage in zip(tracks, follow(tracks, *groups), strict=True):
        assert lineage.campaign_id == track.campaign_id
        assert (lineage.status, lineage.by, lineage.n_joined, lineage.n_left) == (
            "continued",
            "members",
            0,
            0,
        )
        assert lineage.merged_from == ()
        assert lineage.split_from is None


@given(partitions(), partitions(), st.randoms(use_true_random=False))
def test_the_order_of_campaigns_does_not_matter(
    old: list[Portrait], new: list[Portrait], rng: random.Random
) -> None:
    """Shuffled tracks and shuffled findings give each campaign the same lineage."""
    tracks, found = remember(*old), list(new)
    expected = dict(zip((p.members for p in found), follow(tracks, *found), strict=True))
    rng.shuffle(tracks)
    rng.shuffle(found)
    assert dict(zip((p.members for p in found), follow(tracks, *found), strict=True)) == expected


@given(partitions(), partitions())
def test_ids_are_distinct_and_no_old_one_is_used_for_strangers(
    old: list[Portrait], new: list[Portrait]
) -> None:
    """No two campaigns of a day have one id; an old id goes to nobody who shares no account with it."""
    tracks = remember(*old)
    lineages = follow(tracks, *new)
    ids = [k.campaign_id for k in lineages]
    assert len(set(ids)) == len(ids)
    members = {t.campaign_id: set(t.portrait.members) for t in tracks}
    for portrait, lineage in zip(new, lineages, strict=True):
        if lineage.campaign_id in members:
            assert members[lineage.campaign_id] & set(portrait.members)


@given(st.integers(3, 30), st.integers(3, 30))
def test_a_merge_keeps_the_id_of_the_larger(a: int, b: int) -> None:
    """And names the other; of equals one, always the same."""
    first, second = pool(0, a), pool(100, 100 + b)
    tracks = remember(first, second)
    joined = Portrait(members=tuple(sorted(first.members + second.members)))
    (lineage,) = follow(tracks, joined)
    (again,) = follow(tracks[::-1], joined)
    assert lineage == again
    larger = tracks[0] if a > b else tracks[1] if b > a else None
    if larger is not None:
        assert lineage.campaign_id == larger.campaign_id
    assert {lineage.campaign_id, *lineage.merged_from} == {t.campaign_id for t in tracks}


@given(st.integers(4, 30), st.integers(3, 29))
def test_a_split_names_its_parent(a: int, b: int) -> None:
    """The larger part goes on, the other gets an id of its own and says where it comes from."""
    a = max(a, b + 1)
    (track,) = remember(pool(0, a + b))
    large, small = follow([track], pool(0, a), pool(a, a + b))
    assert (large.campaign_id, large.split_from) == (track.campaign_id, None)
    assert small.campaign_id != track.campaign_id
    assert (small.status, small.split_from) == ("new", track.campaign_id)


def test_an_id_that_is_in_use_is_not_made_again() -> None:
    """A part that splits off with exactly the members that once gave the whole its id gets another one."""
    (track,) = remember(pool(0, 5))
    track = replace(track, portrait=pool(0, 20))
    part, rest = follow([track], pool(0, 5), pool(5, 20))
    assert rest.campaign_id == track.campaign_id
    assert part.campaign_id not in ("", track.campaign_id)


def test_a_withdrawn_campaign_comes_back_under_its_id() -> None:
    """One that was merged splits off under its old id, too."""
    gone, merged, whole = remember(pool(0, 8), pool(20, 28), pool(40, 60))
    gone = replace(gone, status="withdrawn")
    merged = replace(merged, status="merged", into=whole.campaign_id)
    whole = replace(whole, portrait=Portrait(members=pool(20, 28).members + pool(40, 60).members))
    back, split, rest = follow([gone, merged, whole], pool(0, 7), pool(20, 28), pool(40, 60))
    assert (back.campaign_id, back.status, back.n_left) == (gone.campaign_id, "revived", 1)
    assert (split.campaign_id, split.split_from) == (merged.campaign_id, whole.campaign_id)
    assert rest.campaign_id == whole.campaign_id


def test_one_account_that_moves_carries_no_id() -> None:
    """A single member in common is no continuation."""
    (track,) = remember(pool(0, 10))
    (lineage,) = follow([track], pool(9, 30))
    assert lineage.status == "new"
    assert lineage.split_from is None


WORDS = tuple(range(100, 120))


def sent(core: tuple[int, ...], n_all: int = 20) -> dict[str, Any]:
    """What a portrait says of a template that all twenty accounts send, in a log of a thousand."""
    return {"templates": (TemplateMark(core=core, n_members=20, n_all=n_all),), "n_log": 1000}


def test_a_pool_whose_accounts_were_all_replaced_keeps_its_id() -> None:
    """The same private template within hours after the ban, and nothing left of the old members."""
    old = pool(0, 20, began_us=0, last_us=100 * HOUR, half_banned_us=100 * HOUR, **sent(WORDS))
    (track,) = remember(old)
    (lineage,) = follow([track], pool(50, 70, began_us=103 * HOUR, last_us=NOW, **sent(WORDS)))
    assert (lineage.campaign_id, lineage.by) == (track.campaign_id, "template")
    assert "It began 3.0 hours after half of that one was banned." in lineage.reasons
    (late,) = follow([track], pool(50, 70, began_us=200 * HOUR, last_us=NOW, **sent(WORDS)))
    assert late.status == "new"


def test_a_later_pool_beside_the_first_is_its_successor() -> None:
    """Both are in the log: each has an id, and the later says whose successor it is and why."""
    old = pool(0, 20, began_us=0, last_us=100 * HOUR, half_banned_us=100 * HOUR, **sent(WORDS))
    (track,) = remember(old)
    new = pool(50, 70, began_us=102 * HOUR, last_us=NOW, **sent(WORDS[:15]))
    first, second = follow([track], old, new)
    assert first.campaign_id == track.campaign_id
    assert second.successor_of is not None
    assert (second.successor_of.campaign_id, second.successor_of.gap_h) == (track.campaign_id, 2.0)
    assert second.successor_of.reasons[0].startswith("It sends the template of")


def test_like_wording_alone_ties_nothing() -> None:
    """Two pools with one template that both go on stay two without relation, whatever addresses they share."""
    mark = {"ip": (ValueMark(value=5, n_members=3, n_all=6),)}
    old = pool(0, 20, began_us=0, last_us=NOW, **sent(WORDS), values=mark)
    (track,) = remember(old)
    new = pool(50, 70, began_us=500 * HOUR, last_us=NOW, **sent(WORDS), values=mark)
    assert follow([track], old, new)[1].successor_of is None


def test_a_template_that_many_others_send_ties_nothing() -> None:
    """Whatever the hours; the earlier pool itself is not among the others while it is in the log."""
    old = pool(0, 20, last_us=100 * HOUR, half_banned_us=100 * HOUR, **sent(WORDS, 40))
    (track,) = remember(old)
    for n_all, tied in ((40, True), (500, False)):
        new = pool(50, 70, began_us=102 * HOUR, last_us=NOW, **sent(WORDS, n_all))
        assert (follow([track], old, new)[1].successor_of is not None) == tied


def test_a_private_value_ties_a_pool_to_one_of_which_nothing_is_left() -> None:
    """Days later, too; a value that many others use, or a program, ties nothing."""

    def later(channel: str, n_all: int) -> str:
        mark = {channel: (ValueMark(value=5, n_members=3, n_all=n_all),)}
        (track,) = remember(pool(0, 20, last_us=9 * HOUR, **sent(WORDS), values=mark))
        new = pool(50, 70, began_us=500 * HOUR, last_us=NOW, **sent(WORDS), values=mark)
        return follow([track], new)[0].status

    assert later("payment_fingerprint", 6) == "continued"
    assert later("payment_fingerprint", 60) == "new"
    assert later("user_agent", 6) == "new"


def test_two_earlier_campaigns_that_fit_give_no_id_away() -> None:
    """With two candidates the new pool gets an id of its own; it names the nearer and that there are others."""
    first = pool(0, 20, began_us=0, half_banned_us=100 * HOUR, last_us=100 * HOUR, **sent(WORDS))
    second = pool(20, 40, began_us=0, half_banned_us=101 * HOUR, last_us=101 * HOUR, **sent(WORDS))
    tracks = remember(first, second)
    (lineage,) = follow(tracks, pool(50, 70, began_us=102 * HOUR, last_us=NOW, **sent(WORDS)))
    assert lineage.status == "new"
    assert lineage.successor_of is not None
    assert lineage.successor_of.campaign_id == tracks[1].campaign_id
    assert lineage.successor_of.reasons[-1] == "1 more earlier campaigns would fit as well."
