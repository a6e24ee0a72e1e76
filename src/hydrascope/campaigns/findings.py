"""Judged clusters as the contract's tables; values only, no files. `document.py` has campaigns.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from hydrascope.campaigns.explain import title
from hydrascope.campaigns.judge import Judged
from hydrascope.campaigns.looks import Standing
from hydrascope.campaigns.observations import Observations
from hydrascope.campaigns.track import Lineage
from hydrascope.schema import FINDINGS_ACCOUNTS, FINDINGS_CAMPAIGNS
from hydrascope.stats.intervals import sampled_shares, stratified_share

__all__ = [
    "Finding",
    "PairLinks",
    "Standby",
    "account_table",
    "campaign_table",
    "iso",
    "link_table",
    "share_bounds",
    "summarise",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standby:
    """An account that has sent nothing and shares values that are private to a campaign."""

    account_id: str
    created_us: int | None
    """When it was registered, microseconds since 1970 UTC; None where the table does not say."""
    shares: tuple[str, ...]
    """The channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One campaign as it is reported."""

    campaign_id: str
    judged: Judged
    q_value: float
    enforceable: bool
    spared: np.ndarray
    """bool[k]: members that no automatic action may touch: allow-listed, or not surely members."""
    member_probability: np.ndarray
    """float64[k] probability that each member belongs to a distillation campaign."""
    share: np.ndarray
    """float64[k] distilled share of each member's traffic: 1 where nothing tells, 0 unless the verdict is distillation."""
    n_sampled: np.ndarray | None = None
    """int64[k] exchanges that each share was seen in; None where it rests on no sample."""
    lineage: Lineage | None = None
    """Where it comes from; None before it is followed."""
    tested: Standing | None = None
    """Its tests over a sequence of looks."""
    standby: tuple[Standby, ...] = ()
    """Accounts without an exchange that hold its private values; no members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairLinks:
    """Links between accounts, as codes, with what they rest on."""

    a: np.ndarray
    b: np.ndarray
    surprise: np.ndarray
    bits: np.ndarray
    families: tuple[str, ...]
    family_bits: np.ndarray
    """float32[m, families]."""
    sentences: Sequence[Sequence[str]]

    def inside(self, members: np.ndarray, n_accounts: int) -> np.ndarray:
        """Positions of the links with both ends in the group, strongest first."""
        held = np.zeros(n_accounts, bool)
        held[members] = True
        rows = np.flatnonzero(held[self.a] & held[self.b])
        return rows[np.lexsort((self.b[rows], self.a[rows], -self.bits[rows]))]


def campaign_table(observations: Observations, findings: Sequence[Finding]) -> pa.Table:
    """campaigns.parquet, in the findings' order."""
    rows = [summarise(observations, f) for f in findings]
    return pa.Table.from_pylist(rows, schema=FINDINGS_CAMPAIGNS)


def account_table(observations: Observations, findings: Sequence[Finding], base_rate: float) -> pa.Table:
    """accounts.parquet: every account of the log, in the order of their ids.

    Args:
        base_rate: probability of distillation for an account in no cluster.
    """
    n = len(observations.population)
    campaign: list[str | None] = [None] * n
    probability, bits = np.full(n, base_rate), np.zeros(n)
    enforceable, share = np.zeros(n, bool), np.zeros(n)
    for f in findings:
        for m in f.judged.members.tolist():
            campaign[m] = f.campaign_id
        members = f.judged.members
        probability[members], bits[members] = f.member_probability, f.judged.candidate.fit.bits
        enforceable[members], share[members] = f.enforceable & ~f.spared, f.share
    return pa.table(
        [
            pa.array(observations.population.account_id, pa.string()),
            pa.array(campaign, pa.string()),
            pa.array(np.round(probability, 6)),
            pa.array(np.round(bits, 3)),
            pa.array(enforceable),
            pa.array(np.round(share, 4)),
            pa.array(observations.population.n.astype(np.int64)),
        ],
        schema=FINDINGS_ACCOUNTS,
    )


def link_table(observations: Observations, links: PairLinks) -> pa.Table:
    """links.parquet."""
    ids = observations.population.account_id
    maps = [
        {f: round(float(v), 2) for f, v in zip(links.families, row, strict=True) if v > 0}
        for row in links.family_bits.tolist()
    ]
    return pa.table(
        {
            "account_a": pa.array([ids[i] for i in links.a.tolist()], pa.string()),
            "account_b": pa.array([ids[i] for i in links.b.tolist()], pa.string()),
            "surprise": pa.array(np.round(links.surprise, 3)),
            "bits": pa.array(np.round(links.bits, 2)),
            "families": pa.array([list(m.items()) for m in maps], pa.map_(pa.string(), pa.float64())),
            "sentences": pa.array([list(s) for s in links.sentences], pa.list_(pa.string())),
        }
    )


def summarise(observations: Observations, finding: Finding) -> dict[str, Any]:
    """One row of campaigns.parquet."""
    judged, population = finding.judged, observations.population
    members = judged.members
    share = float(np.average(finding.share, weights=population.n[members])) if len(members) else 0.0
    return {
        "campaign_id": finding.campaign_id,
        "verdict": judged.verdict,
        "probability": round(judged.probability, 6),
        "q_value": float(f"{finding.q_value:.3g}"),
        "enforceable": finding.enforceable,
        "n_accounts": len(members),
        "n_exchanges": int(population.n[members].sum()),
        "first_seen": _time(int(population.first_at[members].min())),
        "last_seen": _time(int(population.last_at[members].max())),
        "distillation_share": round(share, 4),
        "capabilities": [
            (k, round(v, 4)) for k, v in sorted(judged.content.capabilities.items()) if v >= 0.005
        ],
        "input_tokens": int(population.totals["input_tokens"][members].sum()),
        "output_tokens": int(population.totals["output_tokens"][members].sum()),
        "title": title(judged),
    }


def share_bounds(observations: Observations, finding: Finding) -> tuple[list[float], list[list[float]]]:
    """95 % intervals of the distilled share, of the campaign and of each member; empty where it rests on no sample.

    They tell what the sample leaves open, not whether the wording was rightly taken for distillation.
    """
    if finding.n_sampled is None:
        return [], [[] for _ in finding.share]
    total = observations.population.n[finding.judged.members]
    whole = stratified_share(finding.share, finding.n_sampled, total)
    each = sampled_shares(finding.share, finding.n_sampled, total)
    return [round(b, 4) for b in whole], np.round(each, 4).tolist()


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1e6, UTC)


def iso(at: int) -> str:
    """Microseconds since 1970 as text, to the second.

    >>> iso(0)
    '1970-01-01T00:00:00Z'
    """
    return _time(at).strftime("%Y-%m-%dT%H:%M:%SZ")
