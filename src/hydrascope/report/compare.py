"""Two findings folders side by side: which campaign became which, what changed in it, and what was run differently.

Campaigns with one id are one. Others are paired by the accounts that they share, as a scan with `--previous` would
(`hydrascope.campaigns.track`). Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from hydrascope.campaigns.succession import Portrait
from hydrascope.campaigns.track import Track, TrackSettings, follow_members, overlaps
from hydrascope.report.findings import Findings, read_account_ids, read_json
from hydrascope.report.shape import CampaignEntry, EvidenceEntry

__all__ = ["CampaignChange", "Comparison", "EvidenceChange", "RunChange", "Whereabouts", "compare"]

Kind = Literal["new", "split", "withdrawn", "merged", "changed", "same"]
LEAST_BITS = 0.5
"""A piece of evidence whose bits changed by less is not named."""
LEAST_PROBABILITY = 0.005
MOST_EVIDENCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChange:
    """One thing that the two manifests say differently."""

    what: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceChange:
    """One piece of evidence before and after; None where it was not there, or too light to be listed."""

    side: str
    family: str
    channel: str
    old_bits: float | None
    new_bits: float | None
    change: float
    sentence: str
    """The later one, or the earlier where it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where a campaign's accounts are in the other folder."""

    campaigns: Mapping[str, int]
    """Campaign to how many, most first."""
    n_alone: int
    """In the log and in no campaign."""
    n_absent: int
    """Not in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignChange:
    """What became of one campaign."""

    kind: Kind
    campaign_id: str
    old_id: str | None
    """The earlier campaign: itself, what it was split from; None where it is new."""
    into: str | None = None
    """The campaign that it merged into."""
    old: CampaignEntry | None
    new: CampaignEntry | None
    merged_from: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    evidence: tuple[EvidenceChange, ...] = ()
    """Those whose bits changed most, the largest change first."""
    elsewhere: Whereabouts | None = None
    """Of a new one's accounts before, of a withdrawn one's accounts now."""
    joined_from: Whereabouts | None = None
    left_to: Whereabouts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All that differs between two findings folders."""

    run: tuple[RunChange, ...]
    campaigns: tuple[CampaignChange, ...]
    """In the order of the new folder, then what is gone; those that did not change are there, too."""
    policy: Mapping[str, Any]
    """What automatic action asks for in the newer run."""


def compare(old: Findings, new: Findings) -> Comparison:
    """What changed from one folder to the other."""
    manifests = [read_manifest(f) for f in (old, new)]
    pairs = pair_campaigns(old.campaigns, new.campaigns)
    places = [Places.of(f) for f in (old, new)]
    changes = [_change(old.campaigns, new.campaigns, j, pairs, places) for j in range(len(new.campaigns))]
    continued = set(pairs.old_of)
    gone = [
        _gone(c, None if (j := pairs.into.get(i)) is None else new.campaigns[j].campaign_id, places[1])
        for i, c in enumerate(old.campaigns)
        if i not in continued
    ]
    settings = manifests[1].get("settings") or {}
    return Comparison(
        run=tuple(run_changes(*manifests)),
        campaigns=(*changes, *gone),
        policy=(settings.get("detect") or {}).get("enforcement") or {},
    )


def read_manifest(findings: Findings) -> Mapping[str, Any]:
    """The manifest; empty where there is none."""
    file = findings.path / "manifest.json"
    raw = read_json(file) if file.is_file() else {}
    return raw if isinstance(raw, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Which campaign became which, by position."""

    old_of: tuple[int | None, ...]
    """By new campaign."""
    parent_of: Mapping[int, int]
    """New campaigns that were split off to the old one that goes on elsewhere."""
    into: Mapping[int, int]
    """Old campaigns that merged to the new one that holds most of them."""


def pair_campaigns(old: Sequence[CampaignEntry], new: Sequence[CampaignEntry]) -> Pairs:
    """By id first, then by accounts."""
    at = {c.campaign_id: i for i, c in enumerate(old)}
    old_of: list[int | None] = [at.get(c.campaign_id) for c in new]
    taken = set(old_of)
    free = [i for i in range(len(old)) if i not in taken]
    fresh = [j for j, i in enumerate(old_of) if i is None]
    tracks = [Track(campaign_id=str(i), portrait=Portrait(members=members_of(old[i]))) for i in free]
    lineages = follow_members(tracks, [Portrait(members=members_of(new[j])) for j in fresh], as_of_us=0)
    for j, lineage in zip(fresh, lineages, strict=True):
        old_of[j] = int(lineage.campaign_id) if lineage.status == "continued" else None
    shared = overlaps([members_of(c) for c in old], [members_of(c) for c in new])
    return Pairs(
        old_of=tuple(old_of),
        parent_of=dict(_parents(old, new, old_of, shared)),
        into=dict(_absorbed(old, old_of, shared)),
    )


def members_of(campaign: CampaignEntry) -> tuple[str, ...]:
    """Ids of its accounts, sorted."""
    return tuple(sorted(m.account_id for m in campaign.members))


def _parents(
    old: Sequence[CampaignEntry],
    new: Sequence[CampaignEntry],
    old_of: Sequence[int | None],
    shared: Mapping[tuple[int, int], int],
) -> Iterator[tuple[int, int]]:
    rules = TrackSettings()
    for j, i in enumerate(old_of):
        held = {k: n for (k, jj), n in shared.items() if jj == j and k in old_of}
        if i is not None or not held:
            continue
        best = min(held, key=lambda k: (-held[k], k))
        smaller = min(len(old[best].members), len(new[j].members))
        if held[best] >= rules.least_shared and held[best] >= rules.least_overlap * smaller:
            yield j, best


def _absorbed(
    old: Sequence[CampaignEntry], old_of: Sequence[int | None], shared: Mapping[tuple[int, int], int]
) -> Iterator[tuple[int, int]]:
    for i, campaign in enumerate(old):
        held = {j: n for (k, j), n in shared.items() if k == i}
        if i in old_of or not held:
            continue
        best = min(held, key=lambda j: (-held[j], j))
        if held[best] >= TrackSettings().absorbed * len(campaign.members):
            yield i, best


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where every account of a folder is."""

    campaign_of: Mapping[str, str]
    accounts: frozenset[str]

    @classmethod
    def of(cls, findings: Findings) -> Places:
        """Of one folder; without accounts.parquet only members are known."""
        held = {m.account_id: c.campaign_id for c in findings.campaigns for m in c.members}
        return cls(campaign_of=held, accounts=frozenset(read_account_ids(findings)))

    def find(self, members: Iterable[str]) -> Whereabouts:
        """Where some accounts are."""
        counts: dict[str, int] = {}
        alone = absent = 0
        for m in members:
            if (name := self.campaign_of.get(m)) is not None:
                counts[name] = counts.get(name, 0) + 1
            elif m in self.accounts:
                alone += 1
            else:
                absent += 1
        ordered = dict(sorted(counts.items(), key=lambda kv: (-kv[1], kv[0])))
        return Whereabouts(campaigns=ordered, n_alone=alone, n_absent=absent)


def _change(
    old: Sequence[CampaignEntry],
    new: Sequence[CampaignEntry],
    j: int,
    pairs: Pairs,
    places: Sequence[Places],
) -> CampaignChange:
    i, now = pairs.old_of[j], new[j]
    merged = tuple(sorted(old[k].campaign_id for k, into in pairs.into.items() if into == j))
    if i is None:
        parent = pairs.parent_of.get(j)
        return CampaignChange(
            kind="new" if parent is None else "split",
            campaign_id=now.campaign_id,
            old_id=None if parent is None else old[parent].campaign_id,
            old=None,
            new=now,
            merged_from=merged,
            evidence=evidence_changes((), now.evidence),
            elsewhere=places[0].find(members_of(now)),
        )
    was, known, held = old[i], set(members_of(old[i])), set(members_of(now))
    change = CampaignChange(
        kind="changed",
        campaign_id=now.campaign_id,
        old_id=was.campaign_id,
        old=was,
        new=now,
        merged_from=merged,
        joined=tuple(sorted(held - known)),
        left=tuple(sorted(known - held)),
        joined_from=places[0].find(held - known) if held - known else None,
        left_to=places[1].find(known - held) if known - held else None,
        evidence=evidence_changes(was.evidence, now.evidence),
    )
    return change if _differs(change) else replace(change, kind="same")


def _differs(change: CampaignChange) -> bool:
    was, now = change.old, change.new
    if was is None or now is None or change.joined or change.left or change.merged_from or change.evidence:
        return True
    moved = abs((was.probability or 0.0) - (now.probability or 0.0)) >= LEAST_PROBABILITY
    return moved or (was.campaign_id, was.verdict, was.enforceable) != (
        now.campaign_id,
        now.verdict,
        now.enforceable,
    )


def evidence_changes(
    old: Iterable[EvidenceEntry], new: Iterable[EvidenceEntry]
) -> tuple[EvidenceChange, ...]:
    """Evidence whose bits changed by `LEAST_BITS` or more, the largest change first."""
    before = {(e.side, e.channel): e for e in old}
    after = {(e.side, e.channel): e for e in new}
    changes = []
    for key in sorted({*before, *after}):
        was, now = before.get(key), after.get(key)
        told = now or was
        change = (now.bits if now else 0.0) - (was.bits if was else 0.0)
        if told is not None and abs(change) >= LEAST_BITS:
            changes.append(
                EvidenceChange(
                    side=told.side,
                    family=told.family,
                    channel=told.channel,
                    old_bits=was.bits if was else None,
                    new_bits=now.bits if now else None,
                    change=round(change, 4),
                    sentence=told.sentence,
                )
            )
    changes.sort(key=lambda c: (-abs(c.change), c.side, c.channel))
    return tuple(changes[:MOST_EVIDENCE])


def _gone(old: CampaignEntry, into: str | None, now: Places) -> CampaignChange:
    return CampaignChange(
        kind="withdrawn" if into is None else "merged",
        campaign_id=old.campaign_id,
        old_id=old.campaign_id,
        into=into,
        old=old,
        new=None,
        elsewhere=now.find(members_of(old)),
    )


def run_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[RunChange]:
    """Version, engine, seed, settings, inputs and counts that differ."""
    for name in ("hydrascope", "engine", "seed"):
        if old.get(name) != new.get(name):
            yield RunChange(what=name, old=old.get(name), new=new.get(name))
    was, now = (dict(_flat(m.get("settings") or {})) for m in (old, new))
    for name in sorted({*was, *now}):
        if was.get(name) != now.get(name):
            yield RunChange(what=f"settings.{name}", old=was.get(name), new=now.get(name))
    yield from _input_changes(old, new)
    for name in ("exchanges", "accounts", "first_seen", "last_seen"):
        if old.get(name) != new.get(name) and (name in old or name in new):
            yield RunChange(what=name, old=old.get(name), new=new.get(name))
    rejected = [sum((m.get("rejects") or {}).values()) for m in (old, new)]
    if rejected[0] != rejected[1]:
        yield RunChange(what="rejects", old=rejected[0], new=rejected[1])


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _input_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[RunChange]:
    """Files by path; one that is named in both may have another size or count."""
    was, now = (
        {str(f.get("file")): (f.get("bytes"), f.get("exchanges")) for f in m.get("inputs") or ()}
        for m in (old, new)
    )
    for what, names in (
        ("inputs removed", sorted(set(was) - set(now))),
        ("inputs added", sorted(set(now) - set(was))),
        ("inputs changed", sorted(n for n in set(was) & set(now) if was[n] != now[n])),
    ):
        if names:
            yield RunChange(what=what, old=None, new=names)
