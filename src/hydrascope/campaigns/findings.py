"""Judged clusters as the contract's tables and as campaigns.json; values only, no files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from hydrascope.campaigns.explain import best_innocent, explain, title
from hydrascope.campaigns.judge import Judged
from hydrascope.campaigns.observations import Observations
from hydrascope.campaigns.profile import FAMILY_NAMES
from hydrascope.features.activity import HOUR_US
from hydrascope.features.surroundings import Happenings, TextSample
from hydrascope.schema import FINDINGS_ACCOUNTS, FINDINGS_CAMPAIGNS

__all__ = [
    "Finding",
    "PairLinks",
    "account_table",
    "campaign_document",
    "campaign_id",
    "campaign_table",
    "link_table",
]

_MAX_DRAWN_LINKS = 4_000


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
    """float64[k] distilled share of each member's traffic; 0 unless the verdict is distillation."""


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


def campaign_id(account_ids: Sequence[str]) -> str:
    """The same members always make the same id."""
    digest = hashlib.blake2b("\n".join(sorted(account_ids)).encode(), digest_size=6).hexdigest()
    return f"C-{digest}"


def campaign_table(observations: Observations, findings: Sequence[Finding]) -> pa.Table:
    """campaigns.parquet, in the findings' order."""
    rows = [_summary(observations, f) for f in findings]
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


def _summary(observations: Observations, finding: Finding) -> dict[str, Any]:
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


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1e6, UTC)


def _iso(at: int) -> str:
    return _time(at).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a campaign is drawn with, besides itself."""

    texts: TextSample
    links: PairLinks
    happenings: Happenings
    names: Mapping[str, Mapping[int, str]]
    """Channel to value hash to the text behind it."""
    models: Mapping[int, np.ndarray]
    """Account code to rows (hour, model hash, n)."""
    indicators: Callable[[np.ndarray], list[dict[str, object]]]
    """Members to the known indicators that they show."""
    parts: Callable[[Sequence[str]], Sequence[Any]]
    """Texts of one template to its constant parts and slots (`hydrascope.sketch.template_parts`)."""


def campaign_document(observations: Observations, finding: Finding, around: Surroundings) -> dict[str, Any]:
    """One entry of campaigns.json."""
    judged = finding.judged
    summary = _summary(observations, finding)
    summary |= {
        "first_seen": summary["first_seen"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "last_seen": summary["last_seen"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "capabilities": dict(summary["capabilities"]),
        "elicitations": {
            k: round(v, 4) for k, v in sorted(judged.content.elicitations.items()) if v >= 0.005
        },
    }
    innocent = best_innocent(judged)
    members = _members(observations, finding, around.happenings)
    return summary | {
        "evidence": [_rounded(asdict(e)) | {"accounts": []} for e in explain(observations, judged)],
        "hypotheses": [_rounded(asdict(h)) for h in judged.scored.hypotheses],
        "best_innocent": {k: v for k, v in _rounded(asdict(innocent)).items() if k != "bits"},
        "templates": _templates(observations, finding, around),
        "timeline": _timeline(observations, finding, around),
        "infrastructure": _infrastructure(observations, judged.members, around),
        "members": members,
        "weakest_member": _weakest(members),
        "graph": _graph(observations, judged.members, around.links),
        "harm": _harm(finding, summary),
        "indicators": around.indicators(judged.members),
    }


def _rounded(record: dict[str, Any]) -> dict[str, Any]:
    return {
        k: (float(f"{v:.4g}") if isinstance(v, float) else list(v) if isinstance(v, tuple) else v)
        for k, v in record.items()
    }


def _members(observations: Observations, finding: Finding, happenings: Happenings) -> list[dict[str, Any]]:
    population, fit = observations.population, finding.judged.candidate.fit
    rows = []
    for i, m in enumerate(finding.judged.members.tolist()):
        banned = int(happenings.banned_at[m])
        rows.append(
            {
                "account_id": population.account_id[m],
                "probability": round(float(finding.member_probability[i]), 4),
                "bits": round(float(fit.bits[i]), 2),
                "families": {
                    f: round(float(b), 2)
                    for f, b in zip(FAMILY_NAMES, fit.families[i], strict=True)
                    if abs(b) >= 0.005
                },
                "n_exchanges": int(population.n[m]),
                "distillation_share": round(float(finding.share[i]), 4),
                "first_seen": _iso(int(population.first_at[m])),
                "banned_at": _iso(banned) if banned >= 0 else None,
            }
        )
    return sorted(rows, key=lambda r: (-r["bits"], r["account_id"]))


def _weakest(members: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    last = members[-1]
    lacking = [f for f, b in last["families"].items() if b < 0] or ["nothing in particular"]
    sentence = (
        f"The weakest member fits the rest by {last['bits']:.1f} bits; against it: {', '.join(lacking)}."
    )
    return {"account_id": last["account_id"], "bits": last["bits"], "sentence": sentence}


def _templates(observations: Observations, finding: Finding, around: Surroundings) -> list[dict[str, Any]]:
    judged = finding.judged
    shown: list[dict[str, Any]] = []
    for t in judged.content.templates[:60].tolist():
        column = np.asarray(observations.template_share[judged.members][:, [t]].todense()).ravel()
        users = judged.members[column >= 0.03]
        if any(s["community"] == int(observations.community[t]) for s in shown) or not len(users):
            continue
        texts, ids = _texts_with(users, around.texts)
        sampled = observations.n_sampled[judged.members]
        share = float((column * sampled).sum() / max(sampled.sum(), 1))
        parts = around.parts(texts) if texts else []
        shown.append(
            {
                "template_id": f"T-{int(observations.templates.core[observations.templates.core_offsets[t]]) & 0xFFFFFFFFFF:010x}",
                "community": int(observations.community[t]),
                "share": round(share, 4),
                "n_accounts": len(users),
                "n_exchanges": int((column * observations.population.n[judged.members]).sum()),
                "capability": _top(judged.content.capabilities),
                "elicitation": _top(judged.content.elicitations),
                "parts": [
                    {"slot": True, "examples": list(p.examples)}
                    if p.slot
                    else {"slot": False, "text": p.text}
                    for p in parts
                ],
                "exchanges": ids[:10],
            }
        )
        if len(shown) == 5:
            break
    return [{k: v for k, v in s.items() if k != "community"} for s in shown]


def _texts_with(users: np.ndarray, texts: TextSample) -> tuple[list[str], list[str]]:
    rows = [r for m in users[:24].tolist() for r in range(int(texts.offsets[m]), int(texts.offsets[m + 1]))][
        :24
    ]
    return [texts.text[r] for r in rows], [texts.exchange_id[r] for r in rows]


def _top(shares: Mapping[str, float]) -> str | None:
    return max(sorted(shares), key=shares.__getitem__) if shares else None


def _timeline(observations: Observations, finding: Finding, around: Surroundings) -> dict[str, Any]:
    activity, members = observations.activity, finding.judged.members
    rows = np.concatenate([np.arange(activity.offsets[m], activity.offsets[m + 1]) for m in members.tolist()])
    hour, n, who = activity.hour[rows], activity.n[rows], activity.account[rows]
    start, stop = int(hour.min()), int(hour.max())
    width = 1 if stop - start < 24 * 8 else 24
    start -= (start + activity.start_hour) % width
    bins = (hour - start) // width
    n_bins = int((stop - start) // width) + 1
    alive = np.unique(np.stack([bins, who]), axis=1)
    banned = around.happenings.banned_at[members]
    return {
        "bin_s": 3600 * width,
        "start": _iso((activity.start_hour + start) * HOUR_US),
        "n_exchanges": np.bincount(bins, weights=n, minlength=n_bins).astype(int).tolist(),
        "accounts_active": np.bincount(alive[0], minlength=n_bins).tolist(),
        "models": _model_mix(members, around, start, width, n_bins),
        "bans": [
            {"at": _iso(int(b)), "account_id": observations.population.account_id[m]}
            for b, m in sorted(zip(banned.tolist(), members.tolist(), strict=True))
            if b >= 0
        ],
        "releases": [{"at": _iso(at), "subject": model} for at, model in around.happenings.releases],
    }


def _model_mix(
    members: np.ndarray, around: Surroundings, start: int, width: int, n_bins: int
) -> dict[str, list[int]]:
    mix: dict[str, np.ndarray] = {}
    names = around.names.get("model", {})
    for m in members.tolist():
        for hour, value, n in around.models.get(m, np.zeros((0, 3), np.int64)).tolist():
            series = mix.setdefault(names.get(value, "unknown"), np.zeros(n_bins, np.int64))
            series[min(max((hour - start) // width, 0), n_bins - 1)] += n
    return {k: mix[k].tolist() for k in sorted(mix)}


def _infrastructure(observations: Observations, members: np.ndarray, around: Surroundings) -> dict[str, Any]:
    channels = {
        "client_asn": "asn",
        "client_ip": "ip",
        "tls_fingerprint": "tls",
        "user_agent": "user_agent",
        "platform": "platform",
        "payment_fingerprint": "payment_fingerprint",
        "email_domain": "email_domain",
        "access_pathway": "access_pathway",
        "model": "model",
    }
    shown = {}
    for label, name in channels.items():
        channel = observations.channels.get(name)
        if channel is None:
            continue
        _, value, _ = channel.rows_of(members)
        codes, counts = np.unique(value, return_counts=True)
        order = np.lexsort((channel.names[codes], -counts))[:8]
        names = around.names.get(name, {})
        shown[label] = [
            {
                "value": names.get(int(channel.names[codes[i]]), str(int(channel.names[codes[i]]))),
                "n_accounts": int(counts[i]),
                "share": round(float(counts[i] / len(members)), 4),
            }
            for i in order.tolist()
        ]
    return shown


def _graph(observations: Observations, members: np.ndarray, links: PairLinks) -> dict[str, Any]:
    ids, n = observations.population.account_id, observations.population.n
    rows = links.inside(members, len(ids))[:_MAX_DRAWN_LINKS]
    return {
        "nodes": [{"account_id": ids[m], "n_exchanges": int(n[m])} for m in members.tolist()],
        "links": [
            {
                "account_a": ids[links.a[r]],
                "account_b": ids[links.b[r]],
                "bits": round(float(links.bits[r]), 2),
                "surprise": round(float(links.surprise[r]), 2),
                "families": {
                    f: round(float(v), 2)
                    for f, v in zip(links.families, links.family_bits[r], strict=True)
                    if v > 0
                },
                "sentences": list(links.sentences[r]),
            }
            for r in rows.tolist()
        ],
    }


def _harm(finding: Finding, summary: Mapping[str, Any]) -> dict[str, Any]:
    taken = summary["output_tokens"] * summary["distillation_share"]
    kind = (_top(finding.judged.content.capabilities) or "general").replace("_", " ")
    if finding.judged.verdict != "distillation":
        sentence = "Nothing here is counted as taken."
    else:
        sentence = f"About {taken:,.0f} output tokens of {kind} work, enough for {_training(taken)}."
    return {"score": round(float(taken), 1), "output_tokens": int(taken), "would_train": sentence}


def _training(tokens: float) -> str:
    """Orders of magnitude only: a thousand worked answers of a thousand tokens are a million."""
    if tokens >= 5e8:
        return "post-training a large student in full"
    if tokens >= 2e7:
        return "fine-tuning a mid-sized student on this kind of work"
    if tokens >= 1e6:
        return "a small fine-tuning set, about a thousand worked answers"
    return "a probe or a quality check, not yet a training set"
