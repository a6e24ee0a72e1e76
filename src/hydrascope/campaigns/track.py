"""Which of today's campaigns is which of yesterday's: pure values in, lineages out.

Rules. A campaign is its members as long as it has them: the old id goes to the campaign that holds most of the old
members, so a merge keeps the id of the one that brought more, and of a split the larger part stays what it was.
Campaigns that are reported come before those that were withdrawn. Only where an old campaign holds no member of
today's any more may its id go by what it sends: a pool that begins within hours after the other ended, with the
same private template, is the same campaign in other accounts. Where both stand side by side, the later one gets an
id of its own and says whose successor it is. Nothing depends on the order in which campaigns are given.

The overlap rule is the usual one for clusters that evolve: Greene, Doyle and Cunningham, "Tracking the evolution of
communities in dynamic social networks", ASONAM 2010.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from hydrascope.campaigns.looks import Standing
from hydrascope.campaigns.succession import Portrait, Tie, tie

__all__ = ["Lineage", "Successor", "Track", "TrackSettings", "campaign_id", "follow_members", "overlaps"]

Status = Literal["active", "withdrawn", "merged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackSettings:
    """When two sets of accounts are the same campaign."""

    least_shared: int = 2
    """Accounts in common."""
    least_overlap: float = 0.2
    """... and as a share of the smaller of the two."""
    absorbed: float = 0.5
    """Share of an old campaign's accounts that another holds for the old one to have merged into it."""
    window_h: float = 24.0
    """Hours after the end of one campaign within which another may be its successor."""
    like_template: float = 0.5
    """Least share of the smaller set of template shingles that two campaigns have in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What is remembered of one campaign."""

    campaign_id: str
    portrait: Portrait
    status: Status = "active"
    into: str | None = None
    """The campaign that it merged into."""
    since_us: int = 0
    """End of the log in which it was first reported, microseconds since 1970."""
    changed_us: int = 0
    """End of the log when its status last changed."""
    verdict: str = "inconclusive"
    probability: float = 0.0
    enforceable: bool = False
    title: str = ""
    tested: Standing | None = None
    """How its link was tested over the days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """That a campaign takes over from another one, which keeps its own id."""

    campaign_id: str
    gap_h: float | None
    """Hours from the end of the earlier one to the beginning of the later."""
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where one of today's campaigns comes from."""

    campaign_id: str
    status: Literal["new", "continued", "revived"] = "new"
    by: Literal["members", "template"] | None = None
    """What it was recognised by."""
    n_kept: int = 0
    n_joined: int = 0
    n_left: int = 0
    merged_from: tuple[str, ...] = ()
    split_from: str | None = None
    successor_of: Successor | None = None
    reasons: tuple[str, ...] = ()
    """Why it is the same campaign, where not by its members."""
    was_verdict: str | None = None
    """Its verdict in the last run that reported it."""
    was_enforceable: bool | None = None


@dataclass(slots=True)
class _Assignment:
    """Which track each found campaign continues, while that is being worked out."""

    track_of: dict[int, int] = field(default_factory=dict)
    found_of: dict[int, int] = field(default_factory=dict)
    ties: dict[int, Tie] = field(default_factory=dict)

    def free(self, track: int, found: int) -> bool:
        return track not in self.found_of and found not in self.track_of

    def give(self, track: int, found: int) -> None:
        self.found_of[track], self.track_of[found] = found, track


def campaign_id(account_ids: Sequence[str]) -> str:
    """The same members always make the same id."""
    digest = hashlib.blake2b("\n".join(sorted(account_ids)).encode(), digest_size=6).hexdigest()
    return f"C-{digest}"


def follow_members(
    tracks: Sequence[Track],
    found: Sequence[Portrait],
    *,
    as_of_us: int,
    settings: TrackSettings | None = None,
) -> list[Lineage]:
    """The lineage of each found campaign, in the order given.

    Args:
        tracks: all that is remembered; ids are distinct.
        found: today's campaigns; no account is in two of them.
        as_of_us: end of today's log.
    """
    settings = settings or TrackSettings()
    shared = overlaps([t.portrait.members for t in tracks], [f.members for f in found])
    given = _Assignment()
    for active in (True, False):
        pool = {i for i, t in enumerate(tracks) if (t.status == "active") == active}
        _assign_members(tracks, found, {p: n for p, n in shared.items() if p[0] in pool}, given, settings)
    _assign_templates(tracks, found, shared, given, settings)
    ids = _ids(tracks, found, given)
    merged = _merged(tracks, found, shared, given, settings)
    now = [_today(i, tracks, found, given) for i in range(len(tracks))]
    return [
        _lineage(j, tracks, found, shared, given, ids, merged, now, as_of_us, settings)
        for j in range(len(found))
    ]


def overlaps(old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> dict[tuple[int, int], int]:
    """Accounts in common, by position in `old` and in `new`; pairs with none are left out.

    >>> overlaps([["a", "b"], ["c"]], [["b", "c"]])
    {(0, 0): 1, (1, 0): 1}
    """
    holders: dict[str, list[int]] = {}
    for i, members in enumerate(old):
        for m in members:
            holders.setdefault(m, []).append(i)
    counts: Counter[tuple[int, int]] = Counter()
    for j, members in enumerate(new):
        counts.update((i, j) for m in members for i in holders.get(m, ()))
    return dict(counts)


def _assign_members(
    tracks: Sequence[Track],
    found: Sequence[Portrait],
    shared: Mapping[tuple[int, int], int],
    given: _Assignment,
    settings: TrackSettings,
) -> None:
    """Most accounts in common first; of equals the pair with the smaller union, then the older, then by name."""

    def place(pair: tuple[int, int]) -> tuple[int, int, int, str, tuple[str, ...]]:
        i, j = pair
        union = len(tracks[i].portrait.members) + len(found[j].members) - shared[pair]
        return (-shared[pair], union, tracks[i].since_us, tracks[i].campaign_id, found[j].members)

    for i, j in sorted(shared, key=place):
        if given.free(i, j) and _same(tracks[i].portrait, found[j], shared[i, j], settings):
            given.give(i, j)


def _same(old: Portrait, new: Portrait, n: int, settings: TrackSettings) -> bool:
    smaller = min(len(old.members), len(new.members))
    return n >= min(settings.least_shared, smaller) and n >= settings.least_overlap * smaller


def _assign_templates(
    tracks: Sequence[Track],
    found: Sequence[Portrait],
    shared: Mapping[tuple[int, int], int],
    given: _Assignment,
    settings: TrackSettings,
) -> None:
    """Pools whose accounts were all replaced: only where one earlier campaign alone fits."""
    gone = [i for i, t in enumerate(tracks) if i not in given.found_of and t.status != "merged"]
    related = {j for _, j in shared}
    ties: list[tuple[Tie, int, int]] = []
    for j in range(len(found)):
        if j in given.track_of or j in related:
            continue
        fits = [(t, i) for i in gone if (t := _tie(tracks[i].portrait, found[j], settings, gone=True))]
        if len(fits) == 1:
            ties.append((fits[0][0], fits[0][1], j))
    for one, i, j in sorted(ties, key=lambda x: (x[0].place, tracks[x[1]].campaign_id, found[x[2]].members)):
        if given.free(i, j):
            given.give(i, j)
            given.ties[j] = one


def _tie(
    old: Portrait, new: Portrait, settings: TrackSettings, *, gone: bool, as_of_us: int = 0
) -> Tie | None:
    return tie(
        old,
        new,
        ended_us=old.last_us if gone and old.half_banned_us is None else old.ended_us(as_of_us),
        window_h=settings.window_h,
        like_template=settings.like_template,
        gone=gone,
    )


def _ids(tracks: Sequence[Track], found: Sequence[Portrait], given: _Assignment) -> dict[int, str]:
    """An id for each found campaign: the track's, or a new one that no track has or had."""
    taken = {t.campaign_id for t in tracks}
    ids = {j: tracks[i].campaign_id for j, i in given.track_of.items()}
    for j in sorted(set(range(len(found))) - set(ids), key=lambda j: found[j].members):
        name, n = campaign_id(found[j].members), 1
        while name in taken:
            n += 1
            name = campaign_id([*found[j].members, f"#{n}"])
        taken.add(name)
        ids[j] = name
    return ids


def _merged(
    tracks: Sequence[Track],
    found: Sequence[Portrait],
    shared: Mapping[tuple[int, int], int],
    given: _Assignment,
    settings: TrackSettings,
) -> dict[int, int]:
    """Active tracks without a campaign of their own to the campaign that holds most of what is left of them."""
    into: dict[int, int] = {}
    for i, track in enumerate(tracks):
        if track.status != "active" or i in given.found_of:
            continue
        held = {j: n for (k, j), n in shared.items() if k == i}
        if not held:
            continue
        best = min(held, key=lambda j: (-held[j], found[j].members))
        left = sum(held.values())
        enough = held[best] >= settings.absorbed * len(track.portrait.members)
        most = held[best] >= settings.absorbed * left and _same(
            track.portrait, found[best], held[best], settings
        )
        if enough or most:
            into[i] = best
    return into


def _today(i: int, tracks: Sequence[Track], found: Sequence[Portrait], given: _Assignment) -> Portrait:
    """What is known of a track's campaign today; what was known of it where it is gone."""
    return found[given.found_of[i]] if i in given.found_of else tracks[i].portrait


def _lineage(
    j: int,
    tracks: Sequence[Track],
    found: Sequence[Portrait],
    shared: Mapping[tuple[int, int], int],
    given: _Assignment,
    ids: Mapping[int, str],
    merged: Mapping[int, int],
    now: Sequence[Portrait],
    as_of_us: int,
    settings: TrackSettings,
) -> Lineage:
    i = given.track_of.get(j)
    parents = [
        k
        for (k, jj), n in shared.items()
        if jj == j
        and k != i
        and given.found_of.get(k, j) != j
        and _same(tracks[k].portrait, found[j], n, settings)
    ]
    parent = min(parents, key=lambda k: (-shared[k, j], tracks[k].campaign_id), default=None)
    lineage = Lineage(
        campaign_id=ids[j],
        merged_from=tuple(sorted(tracks[k].campaign_id for k, into in merged.items() if into == j)),
        n_joined=len(found[j].members),
    )
    if i is not None:
        n = shared.get((i, j), 0)
        lineage = _continue(lineage, tracks[i], len(found[j].members), n, given.ties.get(j))
    if i is None or tracks[i].status != "active":
        lineage = replace(lineage, split_from=None if parent is None else tracks[parent].campaign_id)
    if lineage.status == "new" and not lineage.split_from and not lineage.merged_from:
        rest = [(ids[k], found[k]) for k in range(len(found)) if k != j and k not in given.track_of]
        known = [(t.campaign_id, now[k]) for k, t in enumerate(tracks) if t.status != "merged"]
        lineage = replace(lineage, successor_of=_predecessor(found[j], [*known, *rest], as_of_us, settings))
    return lineage


def _continue(lineage: Lineage, track: Track, size: int, n: int, by: Tie | None) -> Lineage:
    return replace(
        lineage,
        status="continued" if track.status == "active" else "revived",
        by="members" if by is None else "template",
        n_kept=n,
        n_joined=size - n,
        n_left=len(track.portrait.members) - n,
        reasons=() if by is None else by.reasons(track.campaign_id),
        was_verdict=track.verdict,
        was_enforceable=track.enforceable,
    )


def _predecessor(
    new: Portrait, known: Sequence[tuple[str, Portrait]], as_of_us: int, settings: TrackSettings
) -> Successor | None:
    """The campaign that this one takes over from: the nearest in time of those that fit."""
    fits = [
        (t, name)
        for name, old in known
        if (t := _tie(old, new, settings, gone=False, as_of_us=as_of_us)) is not None
    ]
    if not fits:
        return None
    best, name = min(fits, key=lambda x: (x[0].place, x[1]))
    others = len(fits) - 1
    more = () if not others else (f"{others} more earlier campaigns would fit as well.",)
    return Successor(campaign_id=name, gap_h=best.gap_h, reasons=(*best.reasons(name), *more))
