"""Which accounts a piece of evidence rests on: a bounded list, those that show most of it first."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hydrascope.campaigns.judge import Judged
from hydrascope.campaigns.observations import Observations
from hydrascope.features.surroundings import Happenings
from hydrascope.records import Evidence

__all__ = ["MOST_ACCOUNTS", "accounts_behind"]

MOST_ACCOUNTS = 20
"""Accounts named beside one piece of evidence."""
_COMPARED: Mapping[str, str] = {
    "one_card": "payment_fingerprint",
    "card_sharing": "payment_fingerprint",
    "device_sharing": "device_fingerprint",
    "egress_sharing": "ip",
    "one_site": "network",
    "signup_wait_rank": "signup_to_use",
    "signup_burst_bits": "created_at",
    "first_seen_burst_bits": "first_seen",
    "volume_evenness": "volume",
    "synchrony_bits": "synchrony",
    "carried": "answers",
}
"""Observable of the group to what its members were compared by."""


def accounts_behind(
    observations: Observations, judged: Judged, happenings: Happenings, evidence: Evidence
) -> tuple[str, ...]:
    """Ids of at most `MOST_ACCOUNTS` members.

    Members are ordered by how much of it they show themselves: their own bits in the channel (from the other end
    where it speaks against linking them), their share of the templates, their bans. What only the group as a whole
    shows rests on its largest accounts.
    """
    members = judged.members
    shown = _shown(observations, judged, happenings, evidence)
    if shown is None:
        shown = observations.population.n[members].astype(float)
    order = np.lexsort((members, -shown))
    chosen = order[shown[order] > 0][:MOST_ACCOUNTS]
    return tuple(observations.population.account_id[m] for m in members[chosen].tolist())


def _shown(
    observations: Observations, judged: Judged, happenings: Happenings, evidence: Evidence
) -> np.ndarray | None:
    """float64[k], how much of it each member shows; None where it is the group's alone."""
    members, bits = judged.members, judged.candidate.fit.channels
    if evidence.side == "link":
        own = bits.get(evidence.channel)
        return None if own is None else (own if evidence.bits > 0 else -own)
    if evidence.family in ("content", "purpose"):
        return judged.content.share if judged.content.share.any() else None
    if evidence.family == "bans":
        banned = happenings.banned_at[members]
        return (banned >= 0).astype(float) if (banned >= 0).any() else None
    own = bits.get(_COMPARED.get(evidence.channel, ""))
    return own if own is not None and (own > 0).any() else None
