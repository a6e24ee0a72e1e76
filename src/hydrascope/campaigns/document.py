"""A judged cluster as an entry of campaigns.json: evidence, rivals, templates, timeline, members; values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from hydrascope.campaigns.content import ContentSource
from hydrascope.campaigns.explain import best_innocent, explain
from hydrascope.campaigns.findings import Finding, PairLinks, iso, share_bounds, summarise
from hydrascope.campaigns.judge import strays
from hydrascope.campaigns.observations import Observations
from hydrascope.campaigns.profile import FAMILY_NAMES
from hydrascope.campaigns.recurring import leading, recurring_templates
from hydrascope.campaigns.witnesses import accounts_behind
from hydrascope.features.activity import HOUR_US
from hydrascope.features.surroundings import Happenings

__all__ = ["Surroundings", "campaign_document"]

_MAX_DRAWN_LINKS = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a campaign is drawn with, besides itself."""

    source: ContentSource
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
    summary = summarise(observations, finding)
    summary |= {
        "first_seen": summary["first_seen"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "last_seen": summary["last_seen"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "distillation_share_interval": share_bounds(observations, finding)[0],
        "capabilities": dict(summary["capabilities"]),
        "elicitations": {
            k: round(v, 4) for k, v in sorted(judged.content.elicitations.items()) if v >= 0.005
        },
    }
    innocent = best_innocent(judged)
    members = _members(observations, finding, around.happenings)
    return summary | {
        "withheld": list(judged.withheld),
        "lineage": asdict(finding.lineage) if finding.lineage else None,
        "online": _rounded(asdict(finding.tested)) if finding.tested else None,
        "evidence": _evidence(observations, finding, around),
        "observables": _rounded(dict(sorted(judged.scored.measured.items()))),
        "hypotheses": [_rounded(asdict(h)) for h in judged.scored.hypotheses],
        "best_innocent": {k: v for k, v in _rounded(asdict(innocent)).items() if k != "bits"},
        "templates": recurring_templates(observations, judged, around.source, around.parts),
        "timeline": _timeline(observations, finding, around),
        "infrastructure": _infrastructure(observations, judged.members, around),
        "members": members,
        "weakest_member": _weakest(members),
        "standby": [
            {
                "account_id": s.account_id,
                "created_at": None if s.created_us is None else iso(s.created_us),
                "shares": list(s.shares),
            }
            for s in finding.standby
        ],
        "graph": _graph(observations, judged.members, around.links),
        "harm": _harm(finding, summary),
        "indicators": around.indicators(judged.members),
    }


def _evidence(observations: Observations, finding: Finding, around: Surroundings) -> list[dict[str, Any]]:
    judged = finding.judged
    return [
        _rounded(asdict(replace(e, accounts=accounts_behind(observations, judged, around.happenings, e))))
        for e in explain(observations, judged)
    ]


def _rounded(record: dict[str, Any]) -> dict[str, Any]:
    return {
        k: (float(f"{v:.4g}") if isinstance(v, float) else list(v) if isinstance(v, tuple) else v)
        for k, v in record.items()
    }


def _members(observations: Observations, finding: Finding, happenings: Happenings) -> list[dict[str, Any]]:
    population, fit = observations.population, finding.judged.candidate.fit
    _, bounds = share_bounds(observations, finding)
    bits, stray = fit.bits.tolist(), strays(finding.judged).tolist()
    rows = []
    for i, m in enumerate(finding.judged.members.tolist()):
        banned = int(happenings.banned_at[m])
        rows.append(
            {
                "account_id": population.account_id[m],
                "probability": round(float(finding.member_probability[i]), 4),
                "bits": round(bits[i], 2),
                "stray": stray[i],
                "families": {
                    f: round(float(b), 2)
                    for f, b in zip(FAMILY_NAMES, fit.families[i], strict=True)
                    if abs(b) >= 0.005
                },
                "n_exchanges": int(population.n[m]),
                "distillation_share": round(float(finding.share[i]), 4),
                "distillation_share_interval": bounds[i],
                "first_seen": iso(int(population.first_at[m])),
                "banned_at": iso(banned) if banned >= 0 else None,
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
        "start": iso((activity.start_hour + start) * HOUR_US),
        "n_exchanges": np.bincount(bins, weights=n, minlength=n_bins).astype(int).tolist(),
        "accounts_active": np.bincount(alive[0], minlength=n_bins).tolist(),
        "models": _model_mix(members, around, start, width, n_bins),
        "bans": [
            {"at": iso(int(b)), "account_id": observations.population.account_id[m]}
            for b, m in sorted(zip(banned.tolist(), members.tolist(), strict=True))
            if b >= 0
        ],
        "releases": [{"at": iso(at), "subject": model} for at, model in around.happenings.releases],
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
    kind = (leading(finding.judged.content.capabilities) or "general").replace("_", " ")
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
