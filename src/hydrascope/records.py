"""Every noun of the project, frozen. A correction is a new record.

Bulk data travels as Arrow tables (`hydrascope.schema`); these records are what people, reports and exports
see one at a time. Unknown is None, never NaN; times end in `_at` and are UTC-aware; quantities carry units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

__all__ = [
    "FAMILIES",
    "VERDICTS",
    "Account",
    "Action",
    "Campaign",
    "Cluster",
    "Evidence",
    "Exchange",
    "Hypothesis",
    "Indicator",
    "Link",
    "Member",
    "Verdict",
    "Withheld",
]

Verdict = Literal[
    "distillation",
    "reseller",
    "evaluation",
    "bulk_customer",
    "shared_application",
    "other_coordination",
    "inconclusive",
]
VERDICTS: tuple[Verdict, ...] = (
    "distillation",
    "reseller",
    "evaluation",
    "bulk_customer",
    "shared_application",
    "other_coordination",
    "inconclusive",
)

Withheld = Literal["related", "unlinked", "no_sign", "unsure"]
"""Why nobody is accused though distillation is the likeliest explanation.

An organization or a declaration relates the accounts; nothing ties them to one operator; nothing positive speaks of a campaign, or
only what every relay shows; the odds are below those that a group of this size needs.
"""

FAMILIES: Mapping[str, float] = {
    "identity": 24.0,
    "egress": 16.0,
    "client": 12.0,
    "content": 16.0,
    "configuration": 8.0,
    "timing": 10.0,
    "lifecycle": 8.0,
}
"""Evidence family to the most bits it may add to one account or pair (shared/design: "Linkage")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its response, as the contract names its fields."""

    exchange_id: str
    started_at: datetime
    account_id: str
    prompt: str | None = None
    """Last user turn, as sent; None where only a sketch may be kept."""
    sketch: str | None = None
    """What `hydrascope.sketch` writes in place of a prompt."""
    system: str | None = None
    completion: str | None = None
    model: str | None = None
    client_ip: str | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who pays or holds the key."""

    account_id: str
    created_at: datetime | None = None
    organization_id: str | None = None
    access_pathway: str | None = None
    declared: str | None = None
    """reseller, evaluator, ... as the operator knows it; None where nothing is declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A scored edge between two accounts, `account_a` < `account_b`."""

    account_a: str
    account_b: str
    surprise: float
    """Decades: -log10 of the chance that strangers share as much."""
    bits: float
    """Match weight after the family caps, log2."""
    families: Mapping[str, float]
    """Bits by evidence family, before summing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One reason to believe, or to disbelieve, with its weight."""

    side: Literal["link", "abuse"]
    """Which of the two questions it answers."""
    family: str
    channel: str
    bits: float
    """log2 likelihood ratio; positive speaks for a campaign, negative against."""
    sentence: str
    """Plain words, complete without the numbers around it."""
    p_value: float | None = None
    """Of the test behind it against its matched null, where it is a test."""
    exchanges: tuple[str, ...] = ()
    """Ids of exchanges that it rests on, a sample where there are many."""
    accounts: tuple[str, ...] = ()
    """Ids of accounts that it rests on, those that show most of it first, a sample where there are many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One explanation of a cluster, scored beside its rivals."""

    name: str
    verdict: Verdict
    bits: float
    """log2 of likelihood x prior, relative to the best rival."""
    probability: float
    reasons_for: tuple[str, ...] = ()
    reasons_against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A set of accounts that belong together; geometry only, no judgement."""

    cluster_id: str
    accounts: tuple[str, ...]
    """Sorted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One account's place in a campaign."""

    account_id: str
    probability: float
    bits: float
    """Leave-one-out match weight against the rest of the campaign."""
    families: Mapping[str, float]
    n_exchanges: int
    distillation_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A judged cluster."""

    campaign_id: str
    verdict: Verdict
    probability: float
    q_value: float
    enforceable: bool
    title: str
    members: tuple[Member, ...]
    n_exchanges: int
    first_seen_at: datetime
    last_seen_at: datetime
    distillation_share: float
    capabilities: Mapping[str, float]
    input_tokens: int
    output_tokens: int
    evidence: tuple[Evidence, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """What others can match."""

    kind: str
    value: str
    campaign_id: str
    n_accounts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What a policy does to a subject, and until when."""

    kind: Literal["watch", "limit", "verify", "block"]
    subject: str
    reason: str
    expires_at: datetime | None = None
    details: Mapping[str, str] = field(default_factory=dict)
