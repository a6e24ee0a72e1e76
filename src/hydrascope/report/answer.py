"""An answer: sections of lines, each with its bits where it has any; printed for a person or written as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hydrascope.report import words
from hydrascope.report.masking import clean
from hydrascope.report.shape import CampaignEntry, HypothesisEntry

__all__ = ["Answer", "Line", "Section", "campaign_facts", "family_words", "hypotheses_section", "kept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One statement, with its weight and what it is about."""

    text: str
    bits: float | None = None
    label: str = ""
    detail: tuple[str, ...] = ()
    """Sentences below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A question and the lines that answer it."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Why the subject was judged as it was."""

    kind: str
    """account, pair or campaign."""
    ids: tuple[str, ...]
    headline: str
    facts: Mapping[str, object] = field(default_factory=dict)
    """campaign_id, verdict, probability, enforceable, bits: those that are known."""
    sections: tuple[Section, ...] = ()


def campaign_facts(campaign: CampaignEntry | None) -> dict[str, object]:
    """The campaign's verdict, for the answer's facts; empty for none."""
    if campaign is None:
        return {"campaign_id": None}
    return {
        "campaign_id": campaign.campaign_id,
        "verdict": campaign.verdict,
        "probability": campaign.probability,
        "enforceable": campaign.enforceable,
    }


def kept(sections: Iterable[Section]) -> tuple[Section, ...]:
    """The sections that say something."""
    return tuple(s for s in sections if s.lines)


def hypotheses_section(hypotheses: Iterable[HypothesisEntry]) -> Section:
    """The rivals side by side."""
    ranked = sorted(hypotheses, key=lambda h: -h.bits)
    lines = [
        Line(
            label=words.chance(h.probability),
            bits=h.bits - ranked[0].bits,
            text=clean(words.hypothesis(h.name)),
            detail=(
                *(f"+ {clean(words.upper(r))}" for r in h.reasons_for),
                *(f"− {clean(words.upper(r))}" for r in h.reasons_against),
            ),
        )
        for h in ranked
    ]
    return Section(title="Competing explanations", lines=tuple(lines))


def family_words(families: Mapping[str, float]) -> str:
    """Families with their bits in a line."""
    ordered = sorted(families.items(), key=lambda kv: (-kv[1], kv[0]))
    return ", ".join(f"{words.inline(f)} {words.bits(b)}" for f, b in ordered)
