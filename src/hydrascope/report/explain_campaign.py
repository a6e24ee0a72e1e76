"""Why a campaign was judged as it was."""

from __future__ import annotations

from collections.abc import Sequence

from hydrascope.report import prose, words
from hydrascope.report.answer import Answer, Line, Section, campaign_facts, hypotheses_section, kept
from hydrascope.report.lineage import lineage_sentences
from hydrascope.report.masking import clean, shown_template
from hydrascope.report.shape import CampaignEntry
from hydrascope.report.waterfall import build_waterfall

__all__ = ["explain_campaign"]

STANDBY_SHOWN = 5


def explain_campaign(campaign: CampaignEntry, *, reveal: bool) -> Answer:
    """Why a campaign was judged as it was."""
    sections = [
        Section(title="In short", lines=(Line(text=prose.summary(campaign)),)),
        Section(title="Over time", lines=tuple(Line(text=s) for s in lineage_sentences(campaign))),
        *(evidence_section(campaign, side) for side in ("link", "abuse")),
        hypotheses_section(campaign.hypotheses),
        innocent_section(campaign),
        templates_section(campaign, reveal=reveal),
        Section(title="What was taken", lines=(Line(text=prose.training_sentence(campaign)),)),
        weakest_section(campaign),
        standby_section(campaign),
        Section(title="Before acting, check", lines=tuple(Line(text=s) for s in prose.checks(campaign))),
    ]
    return Answer(
        kind="campaign",
        ids=(campaign.campaign_id,),
        headline=f"{clean(campaign.campaign_id)}: {prose.title_of(campaign)}. {prose.verdict_sentence(campaign)}",
        facts=campaign_facts(campaign),
        sections=kept(sections),
    )


def evidence_section(campaign: CampaignEntry, side: str) -> Section:
    """One side's evidence, family by family."""
    fall = build_waterfall(campaign.evidence, side)
    lines = [
        Line(
            label=words.label(row.family),
            bits=row.bits,
            text=clean(row.items[0].sentence)
            + (f" Together {words.bits(row.raw_bits)} before the cap." if row.is_capped else ""),
            detail=tuple(f"{words.bits(i.bits)} {clean(i.sentence)}" for i in row.items[1:]),
        )
        for row in fall.rows
    ]
    title = f"{side.upper()} {fall.question} {words.bits(fall.total)} bits"
    return Section(title=title, lines=tuple(lines))


def innocent_section(campaign: CampaignEntry) -> Section:
    """The best innocent explanation and why it fails or holds."""
    innocent = campaign.best_innocent
    if innocent is None:
        return Section(title="", lines=())
    detail = (
        *(f"+ {clean(words.upper(r))}" for r in innocent.reasons_for),
        *(f"− {clean(words.upper(r))}" for r in innocent.reasons_against),
    )
    listed = any(h.name == innocent.name for h in campaign.hypotheses)
    text = prose.innocent_sentence(innocent, campaign.verdict)
    return Section(
        title="Best innocent explanation", lines=(Line(text=text, detail=() if listed else detail),)
    )


def templates_section(campaign: CampaignEntry, *, reveal: bool) -> Section:
    """The heaviest templates with their slots in brackets."""
    heavy = sorted(campaign.templates, key=lambda t: (-(t.share or 0.0), t.template_id))[:3]
    lines = [
        Line(
            label=words.percent(t.share),
            text=f"of the traffic, from {words.plural(t.n_accounts, 'account')}: "
            f"{words.inline(t.capability or 'unknown')}, {words.inline(t.elicitation or 'unknown')}",
            detail=(
                "".join(part_text(p.text, p.slot, p.examples) for p in shown_template(t, reveal=reveal)),
            ),
        )
        for t in heavy
    ]
    return Section(title="Prompts that recur, slots in brackets", lines=tuple(lines))


def part_text(text: str, slot: bool, examples: Sequence[str]) -> str:
    """A template's part on a terminal."""
    return f"[{examples[0] if examples else '…'}]" if slot else text


def weakest_section(campaign: CampaignEntry) -> Section:
    """The member that fits least."""
    weakest = campaign.weakest_member
    if weakest is None:
        return Section(title="", lines=())
    line = Line(label=clean(weakest.account_id), bits=weakest.bits, text=clean(weakest.sentence))
    return Section(title="Weakest member", lines=(line,))


def standby_section(campaign: CampaignEntry) -> Section:
    """Silent accounts that hold its private values, the first few of them."""
    lines = [
        Line(label=clean(s.account_id), text=f"shares {words.join(words.inline(c) for c in s.shares)}")
        for s in campaign.standby[:STANDBY_SHOWN]
    ]
    left = len(campaign.standby) - len(lines)
    if left > 0:
        lines.append(Line(text=f"{words.count(left)} more are in campaigns.json."))
    return Section(title="Registered, silent, and on its private values", lines=tuple(lines))
