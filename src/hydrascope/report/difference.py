"""A comparison of two findings folders in sentences for an analyst, or as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from hydrascope.report import prose, words
from hydrascope.report.answer import Answer, Line, Section, kept
from hydrascope.report.compare import CampaignChange, Comparison, EvidenceChange, RunChange, Whereabouts
from hydrascope.report.lineage import lineage_sentences
from hydrascope.report.masking import clean
from hydrascope.report.shape import CampaignEntry

__all__ = ["describe_difference", "difference_as_dict"]

TITLES: Mapping[str, str] = {
    "changed": "Changed",
    "new": "New",
    "split": "Split off",
    "merged": "Merged into others",
    "withdrawn": "No longer reported",
}
MOST_NAMED = 6
RUN_LABELS: Mapping[str, str] = {
    "hydrascope": "Version of hydrascope",
    "first_seen": "First exchange",
    "last_seen": "Last exchange",
}


def describe_difference(comparison: Comparison) -> Answer:
    """The comparison as sections of sentences."""
    by_kind = {k: [c for c in comparison.campaigns if c.kind == k] for k in (*TITLES, "same")}
    sections = [
        Section(title="What was run differently", lines=tuple(map(run_line, comparison.run))),
        *(
            Section(title=title, lines=tuple(campaign_line(c, comparison.policy) for c in by_kind[kind]))
            for kind, title in TITLES.items()
        ),
    ]
    counts = [f"{len(by_kind[k])} {t.lower()}" for k, t in TITLES.items() if by_kind[k]]
    same = words.plural(len(by_kind["same"]), "campaign")
    headline = (
        f"{words.upper(words.join(counts))}; {same} as before." if counts else f"Nothing changed: {same}."
    )
    return Answer(kind="difference", ids=(), headline=headline, sections=kept(sections))


def run_line(change: RunChange) -> Line:
    """One difference between the manifests."""
    label = RUN_LABELS.get(change.what) or words.upper(change.what)
    if change.what.startswith("inputs "):
        names = [clean(n) for n in change.new]
        more = f" and {words.count(len(names) - MOST_NAMED)} more" if len(names) > MOST_NAMED else ""
        return Line(label=label, text=f"{words.count(len(names))}: {', '.join(names[:MOST_NAMED])}{more}")
    return Line(label=label, text=f"{value(change.old)} → {value(change.new)}")


def value(of: Any) -> str:
    """A manifest's value as a person reads it."""
    if of is None:
        return words.UNKNOWN
    return words.count(of) if isinstance(of, int) and not isinstance(of, bool) else clean(of)


def campaign_line(change: CampaignChange, policy: Mapping[str, Any]) -> Line:
    """One campaign, with what is to be said of it below."""
    entry = change.new or change.old
    assert entry is not None
    return Line(
        label=clean(change.campaign_id),
        text=prose.title_of(entry) + ".",
        detail=tuple(s for s in sentences(change, policy) if s),
    )


def sentences(change: CampaignChange, policy: Mapping[str, Any]) -> Iterator[str]:
    """What happened to a campaign, and why."""
    was, now = change.old, change.new
    if change.kind in ("new", "split") and now is not None:
        if change.kind == "split" and not (now.lineage and now.lineage.split_from):
            yield f"Part of {clean(change.old_id)}, which goes on."
        yield prose.verdict_sentence(now) + (" Enforceable." if now.enforceable else "")
        yield from lineage_sentences(now)
        yield whereabouts("Before, of its accounts", change.elsewhere)
    elif now is None and was is not None:
        if change.into:
            yield f"Most of its accounts are in {clean(change.into)} now."
        yield f"It was {words.inline(was.verdict)}, probability {words.chance(was.probability)}."
        yield whereabouts("Now, of its accounts", change.elsewhere)
    elif was is not None and now is not None:
        yield from changed_sentences(change, was, now, policy)
    if change.merged_from:
        yield f"It took in {words.join(map(clean, change.merged_from))}."
    for item in change.evidence if now is not None else ():
        yield evidence_sentence(item, fresh=was is None)


def changed_sentences(
    change: CampaignChange, was: CampaignEntry, now: CampaignEntry, policy: Mapping[str, Any]
) -> Iterator[str]:
    """Id, verdict, probability, enforcement, members."""
    if was.campaign_id != now.campaign_id:
        yield f"It was called {clean(was.campaign_id)}: the newer scan did not go on from the older findings."
    if was.verdict != now.verdict:
        yield (
            f"Verdict {words.inline(was.verdict)} → {words.inline(now.verdict)}, "
            f"probability {words.chance(was.probability)} → {words.chance(now.probability)}."
        )
    elif words.chance(was.probability) != words.chance(now.probability):
        yield f"Probability {words.chance(was.probability)} → {words.chance(now.probability)}."
    if was.enforceable != now.enforceable:
        yield "Enforceable now." if now.enforceable else not_enforceable(now, policy)
    rivals = [c.best_innocent.name if c.best_innocent else None for c in (was, now)]
    if rivals[0] != rivals[1] and all(rivals):
        yield (
            f"The best innocent explanation was “{words.lower(clean(words.hypothesis(rivals[0] or '')))}” and is "
            f"“{words.lower(clean(words.hypothesis(rivals[1] or '')))}”: ABUSE bits are held against another rival."
        )
    if change.joined or change.left:
        yield (
            f"{words.upper(words.plural(len(change.joined), 'account'))} joined{named(change.joined)}, "
            f"{words.count(len(change.left))} left{named(change.left)}."
        )
        yield whereabouts("Before, of those that joined", change.joined_from)
        yield whereabouts("Now, of those that left", change.left_to)


def not_enforceable(now: CampaignEntry, policy: Mapping[str, Any]) -> str:
    """Which condition of automatic action is not met any more."""
    found = [h for h in hurdles(now, policy) if h]
    return f"No longer enforceable{': ' + words.join(found) if found else ''}."


def hurdles(now: CampaignEntry, policy: Mapping[str, Any]) -> Iterator[str]:
    """Conditions that a campaign fails, as far as the folder tells."""
    if now.verdict != "distillation":
        yield f"the verdict is {words.inline(now.verdict)}"
    least = policy.get("probability")
    if least is not None and now.probability is not None and now.probability < least:
        yield f"its probability {words.chance(now.probability)} is under {words.percent(least)}"
    most = policy.get("q_value")
    if most is not None and now.q_value is not None and now.q_value > most:
        yield f"its q-value {now.q_value:.2g} is over {most:g}"
    members = policy.get("min_members")
    if members is not None and now.n_accounts is not None and now.n_accounts < members:
        yield f"it has fewer than {words.count(members)} accounts"
    if now.online is not None and now.online.passed is False:
        yield "it has not passed the level that holds over all looks"


def named(accounts: Sequence[str]) -> str:
    """A few ids in brackets."""
    if not accounts:
        return ""
    more = ", …" if len(accounts) > MOST_NAMED else ""
    return f" ({', '.join(map(clean, accounts[:MOST_NAMED]))}{more})"


def evidence_sentence(item: EvidenceChange, *, fresh: bool) -> str:
    """Bits before and after, of a new campaign those it has, and what was seen."""
    was, now = ("none" if b is None else words.bits(b) for b in (item.old_bits, item.new_bits))
    unit = "" if item.new_bits is None else " bits"
    weight = f"{now}{unit}" if fresh else f"{was}{'' if unit else ' bits'} → {now}{unit}"
    return f"{item.side.upper()} {words.inline(item.channel)}: {weight}. {clean(item.sentence)}"


def whereabouts(when: str, places: Whereabouts | None) -> str:
    """Where a campaign's accounts are in the other folder."""
    if places is None:
        return ""
    found = [f"{words.count(n)} in {clean(c)}" for c, n in list(places.campaigns.items())[:MOST_NAMED]]
    if places.n_alone:
        found.append(f"{words.count(places.n_alone)} in no campaign")
    if places.n_absent:
        found.append(f"{words.count(places.n_absent)} not in the log")
    return f"{when}: {words.join(found)}." if found else ""


def difference_as_dict(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON has it; campaigns by what is said of them, not in full."""
    return {
        "run": [asdict(c) for c in comparison.run],
        "campaigns": [
            {
                "kind": c.kind,
                "campaign_id": c.campaign_id,
                "old_id": c.old_id,
                "into": c.into,
                "merged_from": list(c.merged_from),
                "old": facts(c.old),
                "new": facts(c.new),
                "joined": list(c.joined),
                "left": list(c.left),
                "joined_from": None if c.joined_from is None else asdict(c.joined_from),
                "left_to": None if c.left_to is None else asdict(c.left_to),
                "evidence": [asdict(e) for e in c.evidence],
                "elsewhere": None if c.elsewhere is None else asdict(c.elsewhere),
                "sentences": [s for s in sentences(c, comparison.policy) if s],
            }
            for c in comparison.campaigns
        ],
    }


def facts(campaign: CampaignEntry | None) -> dict[str, Any] | None:
    """What is compared of a campaign."""
    if campaign is None:
        return None
    names = ("title", "verdict", "probability", "q_value", "enforceable", "n_accounts", "n_exchanges")
    return {name: getattr(campaign, name) for name in names}
