"""The shape of `campaigns.json`, version 1, as records; docs/findings.md says what each field means.

Only `campaign_id` is needed: whatever else is absent or null reads as empty, and the report and the
explanations then say less. Field names are the file's own, so that its reader and its JSON agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from hydrascope.records import Verdict, Withheld

__all__ = [
    "Ban",
    "CampaignEntry",
    "EvidenceEntry",
    "Graph",
    "GraphLink",
    "GraphNode",
    "Harm",
    "HypothesisEntry",
    "LineageEntry",
    "MemberEntry",
    "OnlineEntry",
    "Release",
    "SharedValue",
    "StandbyEntry",
    "SuccessorEntry",
    "TemplateEntry",
    "TemplatePart",
    "Timeline",
    "Weakest",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceEntry:
    """One reason to believe, or to disbelieve, with its weight."""

    side: Literal["link", "abuse"] = "link"
    family: str = ""
    channel: str = ""
    bits: float = 0.0
    """log2 likelihood ratio: positive for, negative against."""
    sentence: str = ""
    p_value: float | None = None
    exchanges: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HypothesisEntry:
    """One explanation of a campaign, scored beside its rivals."""

    name: str = ""
    verdict: Verdict = "inconclusive"
    probability: float | None = None
    bits: float = 0.0
    reasons_for: tuple[str, ...] = ()
    reasons_against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatePart:
    """A stretch of fixed words, or a slot with examples of what filled it."""

    text: str = ""
    slot: bool = False
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateEntry:
    """A prompt that recurs, fixed words and slots."""

    template_id: str = ""
    share: float | None = None
    """Of the campaign's exchanges."""
    n_accounts: int = 0
    n_exchanges: int = 0
    capability: str | None = None
    elicitation: str | None = None
    parts: tuple[TemplatePart, ...] = ()
    exchanges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """An account of the campaign was banned."""

    at: datetime
    account_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A model was released while the campaign ran."""

    at: datetime
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Counts by time bin; every list has one entry a bin."""

    bin_s: int = 86_400
    start: datetime | None = None
    n_exchanges: tuple[int, ...] = ()
    accounts_active: tuple[int, ...] = ()
    models: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    bans: tuple[Ban, ...] = ()
    releases: tuple[Release, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedValue:
    """A value that accounts of the campaign share."""

    value: str | int | float = ""
    n_accounts: int = 0
    share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEntry:
    """One account's place in a campaign."""

    account_id: str
    probability: float | None = None
    bits: float = 0.0
    """Match weight against the rest of the campaign with this account left out."""
    stray: bool = False
    """Brought to the campaign for what it shares with it, and not judged with it."""
    families: Mapping[str, float] = field(default_factory=dict)
    n_exchanges: int = 0
    distillation_share: float | None = None
    distillation_share_interval: tuple[float, ...] = ()
    """Lower and upper bound at 95 %, of the sampling; empty where the share rests on no sample."""
    first_seen: datetime | None = None
    banned_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandbyEntry:
    """An account that has sent nothing and shares a campaign's private values."""

    account_id: str
    created_at: datetime | None = None
    shares: tuple[str, ...] = ()
    """Channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weakest:
    """The member that fits least."""

    account_id: str
    bits: float = 0.0
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphNode:
    """An account in the link graph."""

    account_id: str
    n_exchanges: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphLink:
    """A scored edge between two accounts."""

    account_a: str
    account_b: str
    bits: float = 0.0
    surprise: float | None = None
    families: Mapping[str, float] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The link graph of a campaign, or the part of it that was kept."""

    nodes: tuple[GraphNode, ...] = ()
    links: tuple[GraphLink, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """What was taken, and what it would train."""

    score: float | None = None
    output_tokens: int | None = None
    would_train: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessorEntry:
    """The campaign that this one takes over from."""

    campaign_id: str
    gap_h: float | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageEntry:
    """Where a campaign comes from, in a sequence of runs."""

    status: Literal["new", "continued", "revived"] = "new"
    by: Literal["members", "template"] | None = None
    n_kept: int = 0
    n_joined: int = 0
    n_left: int = 0
    merged_from: tuple[str, ...] = ()
    split_from: str | None = None
    successor_of: SuccessorEntry | None = None
    reasons: tuple[str, ...] = ()
    was_verdict: str | None = None
    was_enforceable: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineEntry:
    """A campaign's tests over a sequence of runs."""

    level: float | None = None
    looks: int = 0
    p_value: float | None = None
    passed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignEntry:
    """A judged cluster with everything that was kept about it."""

    campaign_id: str
    verdict: Verdict = "inconclusive"
    probability: float | None = None
    """Of the stated verdict."""
    q_value: float | None = None
    enforceable: bool = False
    title: str = ""
    n_accounts: int | None = None
    n_exchanges: int | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    distillation_share: float | None = None
    distillation_share_interval: tuple[float, ...] = ()
    capabilities: Mapping[str, float] = field(default_factory=dict)
    elicitations: Mapping[str, float] = field(default_factory=dict)
    input_tokens: int | None = None
    output_tokens: int | None = None
    withheld: tuple[Withheld, ...] = ()
    lineage: LineageEntry | None = None
    online: OnlineEntry | None = None
    evidence: tuple[EvidenceEntry, ...] = ()
    hypotheses: tuple[HypothesisEntry, ...] = ()
    best_innocent: HypothesisEntry | None = None
    templates: tuple[TemplateEntry, ...] = ()
    timeline: Timeline = field(default_factory=Timeline)
    infrastructure: Mapping[str, tuple[SharedValue, ...]] = field(default_factory=dict)
    members: tuple[MemberEntry, ...] = ()
    weakest_member: Weakest | None = None
    standby: tuple[StandbyEntry, ...] = ()
    graph: Graph = field(default_factory=Graph)
    harm: Harm = field(default_factory=Harm)
