"""Why: a judged cluster as evidence for and against, in plain sentences with their bits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from hydrascope.campaigns.hypotheses import load_model
from hydrascope.campaigns.judge import Judged
from hydrascope.campaigns.observations import Observations
from hydrascope.records import Evidence, Hypothesis

__all__ = ["best_innocent", "explain", "sharing_of_pair", "title"]

_NOUNS = {
    "payment_fingerprint": "payment card",
    "phone_fingerprint": "phone number",
    "device_fingerprint": "device",
    "api_key": "API key",
    "ip": "address",
    "network": "network (/24 or /48)",
    "asn": "provider network (ASN)",
    "signup_ip": "sign-up address",
    "signup_network": "sign-up network",
    "user_agent": "client software",
    "tls": "TLS fingerprint",
    "tools": "set of tools",
    "system": "system prompt",
    "template": "template",
    "decoding": "decoding setting",
    "model": "model",
    "platform": "platform",
    "email_domain": "mail domain",
    "access_pathway": "access pathway",
    "plan": "plan",
}
_PURPOSES = {
    "reasoning_articulation": "Reasoning articulation",
    "inline_tag_forcing": "Reasoning forced into inline tags",
    "language_pinning": "Language-pinned reasoning",
    "translation_laundering": "Translation laundering",
    "rubric_grading": "Rubric grading",
    "preference_data": "Preference data",
    "censorship_safe_rewriting": "Censorship-safe rewriting",
    "rl_task_writing": "RL task writing",
    "data_cleaning": "Data cleaning",
    "agent_trajectory": "Agent trajectories",
}
_LEAST_BITS = 0.3


def explain(observations: Observations, judged: Judged) -> tuple[Evidence, ...]:
    """Evidence of both kinds, the weightiest first."""
    found = [*_link_evidence(observations, judged), *_handovers(judged), *_abuse_evidence(judged)]
    return tuple(sorted(found, key=lambda e: (e.side != "link", -abs(e.bits), e.channel)))


def best_innocent(judged: Judged) -> Hypothesis:
    """The likeliest explanation that accuses nobody of distillation."""
    return judged.scored.leading(guilty=False)


def title(judged: Judged) -> str:
    """A few words that tell campaigns apart."""
    n = len(judged.members)
    if judged.verdict != "distillation":
        return f"{judged.verdict.replace('_', ' ').capitalize()}: {n} accounts"
    purposes = {k: v for k, v in judged.content.elicitations.items() if k != "none" and v >= 0.25}
    if purposes:
        what = _PURPOSES.get(max(sorted(purposes), key=purposes.__getitem__), "Elicitation")
    else:
        kinds = judged.content.capabilities
        what = (
            max(sorted(kinds), key=kinds.__getitem__).replace("_", " ").capitalize()
            if kinds
            else "Extraction"
        )
    return f"{what} through {n:,} accounts"


def sharing_of_pair(channels: Sequence[str]) -> tuple[str, ...]:
    """What two linked accounts share, one sentence a channel.

    >>> sharing_of_pair(["ip", "ip", "payment_fingerprint"])
    ('They share 2 addresses.', 'They share a payment card.')
    """
    counts = Counter(channels)
    return tuple(
        f"They share {n} {_plural(noun)}."
        if n > 1
        else f"They share {'an' if noun[0] in 'aeiouA' else 'a'} {noun}."
        for noun, n in ((_NOUNS.get(c, c), n) for c, n in counts.items())
    )


def _plural(noun: str) -> str:
    """More than one: the ending goes to the word that is counted.

    >>> [_plural(n) for n in ("address", "set of tools", "network (/24 or /48)", "API key")]
    ['addresses', 'sets of tools', 'networks (/24 or /48)', 'API keys']
    """
    head, sep, rest = noun, "", ""
    for mark in (" of ", " ("):
        if mark in noun:
            head, sep, rest = noun.partition(mark)
    return f"{head}{'es' if head.endswith('s') else 's'}{sep}{rest}"


def _link_evidence(observations: Observations, judged: Judged) -> list[Evidence]:
    fit = judged.candidate.fit
    found = []
    for name, bits in fit.channels.items():
        mean = float(bits.mean())
        if abs(mean) < _LEAST_BITS:
            continue
        family = observations.channels[name].family if name in observations.channels else _FAMILY[name]
        found.append(
            Evidence(
                side="link",
                family=family,
                channel=name,
                bits=mean,
                sentence=_link_sentence(observations, judged, name, mean),
                p_value=judged.p_value if family in ("identity", "egress", "timing", "lifecycle") else None,
                exchanges=_exchanges_behind(judged, name, family == "content"),
            )
        )
    return found


_FAMILY = {
    "template": "content",
    "answers": "identity",
    "created_at": "lifecycle",
    "first_seen": "lifecycle",
    "signup_to_use": "lifecycle",
    "volume": "timing",
    "synchrony": "timing",
}


def _link_sentence(observations: Observations, judged: Judged, name: str, mean: float) -> str:
    members = judged.members
    if name in observations.channels:
        return _sharing_sentence(observations, members, name, mean)
    if name == "template":
        share = judged.content.median_share or 0.0
        return f"The median account spends {share:.0%} of its exchanges on texts that accounts outside hardly use."
    if name == "answers":
        return _carrying_sentence(judged.candidate.fit.channels[name])
    if name == "synchrony":
        return "Accounts are active and silent in the same hours, beyond the daily and weekly cycle that everybody keeps."
    values = observations.quantities[name].values[members]
    low, high = np.quantile(values[np.isfinite(values)], [0.25, 0.75])
    if name in ("created_at", "first_seen"):
        verb = "signed up" if name == "created_at" else "sent their first exchange"
        return f"Half of the accounts {verb} within {_duration(high - low)} of each other."
    if name == "signup_to_use":
        return f"Half of the accounts were first used between {_duration(10**low)} and {_duration(10**high)} after sign-up."
    return f"Half of the accounts send between {np.exp(low):,.0f} and {np.exp(high):,.0f} exchanges on an active day."


def _carrying_sentence(bits: np.ndarray) -> str:
    n = int((bits > 0).sum())
    return f"{n:,} of {len(bits):,} accounts exchange answers: what the model said to one stands, word for word, in prompts of another."


def _sharing_sentence(observations: Observations, members: np.ndarray, name: str, mean: float) -> str:
    channel = observations.channels[name]
    noun = _NOUNS.get(name, name)
    who, value, _ = channel.rows_of(members)
    counts = Counter(value.tolist())
    shared = {v for v, n in counts.items() if n > 1}
    sharing = len({int(w) for w, v in zip(who.tolist(), value.tolist(), strict=True) if v in shared})
    known = len(np.unique(who))
    if not shared:
        return f"None of the {known:,} accounts shares a {noun} with another."
    outside = int(sum(channel.popularity[v] - counts[v] for v in shared))
    spread = f"{len(shared):,} {noun if len(shared) == 1 else _plural(noun)}"
    others = "no other account uses" if outside == 0 else f"accounts outside use {outside:,} times"
    return (
        f"{sharing:,} of {known:,} accounts share {spread}, which {others}."
        if mean > 0
        else (f"Only {sharing:,} of {known:,} accounts share a {noun}; they use {len(counts):,} in all.")
    )


def _handovers(judged: Judged) -> list[Evidence]:
    return [
        Evidence(
            side="link",
            family="timing",
            channel="handover",
            bits=h.bits,
            sentence=h.sentence,
            exchanges=judged.content.exchanges[:5],
        )
        for h in judged.candidate.handovers
    ]


def _abuse_evidence(judged: Judged) -> list[Evidence]:
    weights = judged.scored.bits_between(judged.scored.leading(guilty=True), best_innocent(judged))
    found = []
    for observable in load_model().observables:
        bits = weights.get(observable.name, 0.0)
        if abs(bits) < _LEAST_BITS:
            continue
        sentence = observable.says.format(value=judged.scored.measured[observable.name])
        found.append(
            Evidence(
                side="abuse",
                family=observable.family,
                channel=observable.name,
                bits=bits,
                sentence=sentence[0].upper() + sentence[1:] + ".",
                exchanges=_exchanges_behind(
                    judged, observable.name, observable.family in ("narrowness", "items", "purpose")
                ),
            )
        )
    return found


def _exchanges_behind(judged: Judged, name: str, in_wording: bool) -> tuple[str, ...]:
    """Ids of a few exchanges that an analyst can look at for this evidence."""
    if name in ("answers", "carried"):
        return judged.content.carrying[:5]
    return judged.content.exchanges[:5] if in_wording else ()


def _duration(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours:.0f} hours" if hours < 72 else f"{hours / 24:.0f} days"
