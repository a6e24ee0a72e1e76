"""One detection after another: stable ids, levels that hold over all looks, and what changed since the last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from hydrascope.campaigns.explain import title
from hydrascope.campaigns.findings import Finding, iso
from hydrascope.campaigns.looks import Ledger, Look, Standing, take_looks
from hydrascope.campaigns.portrait import portray, template_users
from hydrascope.campaigns.succession import Portrait
from hydrascope.campaigns.track import Lineage, Track, follow_members
from hydrascope.pipeline.detect import Detection
from hydrascope.pipeline.memory import Memory

__all__ = ["Followed", "follow"]

_KEPT = 2_000
"""Campaigns that are no longer reported and still remembered, the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A detection as part of a sequence of runs."""

    detection: Detection
    """With ids carried on, lineages, and enforcement held to the online level."""
    memory: Memory
    events: tuple[dict[str, Any], ...]
    """What happened to campaigns since the last run, for history.jsonl."""


def follow(detection: Detection, previous: Memory | None, *, alpha: float, sequence: bool) -> Followed:
    """Carry ids on and test each campaign at its level.

    Args:
        detection: today's, as if nothing had been before.
        previous: the memory of the last run; None for the first.
        alpha: false discovery rate over the sequence, where this run begins it.
        sequence: whether what is enforceable must pass the online level too: always but for a scan that stands alone.
    """
    before = previous or Memory()
    observations = detection.observations
    as_of = int(observations.population.last_at.max())
    users = template_users(observations, detection.around.source.matches)
    portraits = [portray(observations, f, detection.around.happenings, users) for f in detection.findings]
    lineages = follow_members(before.tracks, portraits, as_of_us=as_of)
    ledger, tested = _test(before, detection, lineages, portraits, alpha)
    findings = tuple(
        replace(
            f,
            campaign_id=k.campaign_id,
            lineage=k,
            tested=t,
            enforceable=f.enforceable and (t.passed or not sequence),
        )
        for f, k, t in zip(detection.findings, lineages, tested, strict=True)
    )
    tracks = _tracks(before, findings, portraits, lineages, as_of)
    accounts = set(observations.population.account_id)
    events = tuple(_events(before, tracks, lineages, portraits, accounts, as_of))
    online = {
        "alpha": ledger.alpha,
        "applied": sequence,
        "tests": ledger.tested,
        "discoveries": len(ledger.discoveries),
        "run": before.run + 1,
    }
    return Followed(
        detection=replace(
            detection, findings=findings, error_rates=detection.error_rates | {"online": online}
        ),
        memory=Memory(run=before.run + 1, as_of_us=as_of, ledger=ledger, tracks=tracks),
        events=events,
    )


def _test(
    before: Memory,
    detection: Detection,
    lineages: Sequence[Lineage],
    portraits: Sequence[Portrait],
    alpha: float,
) -> tuple[Ledger, list[Standing]]:
    """New campaigns are tested in the order in which they began, known ones looked at again."""
    findings, n = detection.findings, detection.observations.population.n
    known = {t.campaign_id: t.tested for t in before.tracks}
    order = sorted(range(len(findings)), key=lambda i: (portraits[i].began_us, lineages[i].campaign_id))
    looks = [
        Look(
            p_value=findings[i].judged.p_value,
            n_exchanges=int(n[findings[i].judged.members].sum()),
            tested=known.get(lineages[i].campaign_id),
        )
        for i in order
    ]
    ledger, results = take_looks(before.ledger or Ledger(alpha=alpha), looks)
    by_position = dict(zip(order, results, strict=True))
    return ledger, [by_position[i] for i in range(len(findings))]


def _tracks(
    before: Memory,
    findings: Sequence[Finding],
    portraits: Sequence[Portrait],
    lineages: Sequence[Lineage],
    as_of: int,
) -> tuple[Track, ...]:
    old = {t.campaign_id: t for t in before.tracks}
    now = [_track(*each, old, as_of) for each in zip(findings, portraits, lineages, strict=True)]
    into = {name: k.campaign_id for k in lineages for name in k.merged_from}
    reported = {t.campaign_id for t in now}
    gone = [_retire(t, into, as_of) for t in before.tracks if t.campaign_id not in reported]
    kept = sorted(gone, key=lambda t: (-t.changed_us, t.campaign_id))[:_KEPT]
    return tuple(sorted([*now, *kept], key=lambda t: t.campaign_id))


def _track(
    finding: Finding, portrait: Portrait, lineage: Lineage, old: Mapping[str, Track], as_of: int
) -> Track:
    earlier = old.get(lineage.campaign_id)
    if earlier is not None and not portrait.templates:
        portrait = replace(portrait, templates=earlier.portrait.templates)
    return Track(
        campaign_id=lineage.campaign_id,
        portrait=portrait,
        since_us=as_of if earlier is None else earlier.since_us,
        changed_us=earlier.changed_us if earlier is not None and earlier.status == "active" else as_of,
        verdict=finding.judged.verdict,
        probability=round(finding.judged.probability, 6),
        enforceable=finding.enforceable,
        title=title(finding.judged),
        tested=finding.tested,
    )


def _retire(track: Track, into: Mapping[str, str], as_of: int) -> Track:
    if track.status != "active":
        return track
    target = into.get(track.campaign_id)
    return replace(track, status="merged" if target else "withdrawn", into=target, changed_us=as_of)


def _events(
    before: Memory,
    tracks: Sequence[Track],
    lineages: Sequence[Lineage],
    portraits: Sequence[Portrait],
    accounts: set[str],
    as_of: int,
) -> Iterator[dict[str, Any]]:
    """What happened, in the order of ids; a campaign that only went on leaves no line."""
    stamp = {"run": before.run + 1, "as_of": iso(as_of)}
    old = {t.campaign_id: t for t in before.tracks}
    by_id = {k.campaign_id: k for k in lineages}
    where = {m: k.campaign_id for k, p in zip(lineages, portraits, strict=True) for m in p.members}
    for track in tracks:
        earlier, lineage = old.get(track.campaign_id), by_id.get(track.campaign_id)
        found = (
            _appeared(track, earlier, lineage)
            if lineage is not None
            else _gone(track, earlier, where, accounts)
        )
        for event in found:
            yield stamp | {"campaign_id": track.campaign_id} | event


def _appeared(track: Track, earlier: Track | None, lineage: Lineage) -> Iterator[dict[str, Any]]:
    if earlier is None:
        yield {
            "event": "created",
            "verdict": track.verdict,
            "enforceable": track.enforceable,
            "n_accounts": len(track.portrait.members),
            "split_from": lineage.split_from,
            "successor_of": msgspec.to_builtins(lineage.successor_of),
        }
    else:
        if lineage.status == "revived" or lineage.by == "template" or lineage.n_joined or lineage.n_left:
            yield {
                "event": lineage.status,
                "by": lineage.by,
                "n_accounts": len(track.portrait.members),
                "n_joined": lineage.n_joined,
                "n_left": lineage.n_left,
                "reasons": list(lineage.reasons),
            }
        for name in ("verdict", "enforceable"):
            was, now = getattr(earlier, name), getattr(track, name)
            if was != now:
                yield {"event": f"{name}_changed", "was": was, "now": now, "probability": track.probability}
    if lineage.merged_from:
        yield {"event": "merged", "merged_from": list(lineage.merged_from)}


def _gone(
    track: Track, earlier: Track | None, where: Mapping[str, str], accounts: set[str]
) -> Iterator[dict[str, Any]]:
    if earlier is None or earlier.status != "active":
        return
    members = track.portrait.members
    yield {
        "event": "merged_into" if track.status == "merged" else "withdrawn",
        "into": track.into,
        "n_accounts": len(members),
        "n_in_other_campaigns": sum(m in where for m in members),
        "n_not_in_the_log": sum(m not in accounts for m in members),
    }
