"""Orders campaigns by harm x confidence, and parts them by what they were judged to be."""

from __future__ import annotations

import math
from collections.abc import Iterable

from hydrascope.report.shape import CampaignEntry

__all__ = ["GROUPS", "group_of", "harm_of", "priority", "rank", "taken_tokens"]

GROUPS = ("distillation", "undecided", "other")
"""Loudest first: distillation, what the evidence does not decide, what looked coordinated and is not."""


def group_of(campaign: CampaignEntry) -> str:
    """Which of `GROUPS` the campaign is shown in."""
    return {"distillation": "distillation", "inconclusive": "undecided"}.get(campaign.verdict, "other")


def taken_tokens(campaign: CampaignEntry) -> float | None:
    """Output tokens that would serve training: all of them times the distilled share, where it is known."""
    tokens = campaign.harm.output_tokens
    if tokens is not None:
        return float(tokens)
    if campaign.output_tokens is None:
        return None
    share = campaign.distillation_share
    return campaign.output_tokens * (1.0 if share is None else share)


def harm_of(campaign: CampaignEntry) -> float:
    """The stated harm, or log10 of the tokens taken (of the exchanges, without tokens) in its absence."""
    if campaign.harm.score is not None:
        return campaign.harm.score
    tokens = taken_tokens(campaign)
    return math.log10(1.0 + ((campaign.n_exchanges or 0) if tokens is None else tokens))


def priority(campaign: CampaignEntry) -> float:
    """Harm x confidence: what a person should look at first."""
    return harm_of(campaign) * (0.5 if campaign.probability is None else campaign.probability)


def rank(campaigns: Iterable[CampaignEntry]) -> list[CampaignEntry]:
    """By group, then by `priority`, largest first; ties by exchanges and id, so that the file's order does not matter."""
    return sorted(
        campaigns,
        key=lambda c: (GROUPS.index(group_of(c)), -priority(c), -(c.n_exchanges or 0), c.campaign_id),
    )
