"""Campaigns in the midst of a group that is none: what a relay's customers have in common is the relay.

A relay ties all its accounts to each other, so one group holds them, and the work of one customer with many accounts is a small part of
what the group asks for. Its text tells it from the rest: nearly all its users are in the group, and are a part of it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from hydrascope.campaigns.cluster import Candidate, keep_members
from hydrascope.campaigns.content import ContentSource, asks_for
from hydrascope.campaigns.judge import Judged, campaign_signs
from hydrascope.campaigns.membership import ClusterSettings
from hydrascope.campaigns.observations import EARNEST, Observations
from hydrascope.campaigns.profile import fit_members

__all__ = ["inner_groups", "with_inner"]

LEAST_MEMBERS = 10
"""Fewer users of a text say too little."""
_MOST_OF_GROUP = 0.75
"""Share of the group from which its text is the group's own, which was asked already."""
_THEIRS = 0.8
"""Least share of a text's users that are in the group."""
_LEAST_DEMAND = 0.5
_MOST_TEXTS = 8
"""Most used communities of a group that are looked at."""


def with_inner(
    observations: Observations,
    source: ContentSource,
    judged: Sequence[Judged],
    rejudge: Callable[[Candidate], Judged],
    settings: ClusterSettings,
) -> list[Judged]:
    """The groups, with campaigns in the midst of those that are not accused, and accused ones without the customers of the relay that they are in.

    Args:
        rejudge: a candidate's verdict.
    """
    found: list[Judged] = []
    for group in judged:
        if group.candidate.origin != "core":
            found.append(group)
            continue
        inner = inner_groups(observations, source, group.members, settings)
        if group.verdict == "distillation":
            found += _parted(observations, group, inner, rejudge, settings)
        else:
            found += [group, *(j for j in map(rejudge, inner) if j.verdict == "distillation")]
    return found


def _parted(
    observations: Observations,
    accused: Judged,
    inner: Sequence[Candidate],
    rejudge: Callable[[Candidate], Judged],
    settings: ClusterSettings,
) -> list[Judged]:
    """Those who send what asks for training signal, and the others, if by themselves these are a relay's customers and those accused; else the group as it was.

    Others who were banned as oddly often share the senders' fate: proxies whose accounts carry little of the campaign each.
    """
    senders = np.unique(np.concatenate([accused.members[:0], *(c.members for c in inner)]))
    others = np.setdiff1d(accused.members, senders)
    if len(senders) < settings.min_members or len(others) < LEAST_MEMBERS:
        return [accused]
    unread = replace(accused.candidate, wording=None)
    parts = [rejudge(keep_members(observations, unread, m, settings)) for m in (senders, others)]
    banned = "ban_excess" in campaign_signs(parts[1].scored)
    return parts if not banned and [p.verdict for p in parts] == ["distillation", "reseller"] else [accused]


def inner_groups(
    observations: Observations, source: ContentSource, members: np.ndarray, settings: ClusterSettings
) -> list[Candidate]:
    """Users of each text that asks for training signal and that part of a group uses, hardly anybody else.

    They are judged as users of a text are that nothing else ties: what ties them is the group's.

    Args:
        members: int32[k] codes of the group, ascending.
    """
    if len(members) < LEAST_MEMBERS / _MOST_OF_GROUP:
        return []
    inside = observations.community_share[members]
    found = []
    for c in _own_communities(observations, members):
        users = members[inside[:, [c]].toarray().ravel() >= EARNEST]
        if asks_for(observations, source, users, c) >= _LEAST_DEMAND:
            fit = fit_members(observations, users, seed=settings.seed)
            found.append(Candidate(members=users, origin="remainder", fit=fit, pool=len(members)))
    return found


def _own_communities(observations: Observations, members: np.ndarray) -> list[int]:
    """Communities that a part of the members uses and hardly anybody else, most used first."""
    inside = observations.community_share[members]
    earnest = inside.data >= EARNEST
    community, users = np.unique(inside.indices[earnest], return_counts=True)
    part = (users >= LEAST_MEMBERS) & (users <= _MOST_OF_GROUP * len(members))
    own = part & (users >= _THEIRS * observations.n_users[community])
    ranked = np.argsort(-users[own], kind="stable")[:_MOST_TEXTS]
    return [int(c) for c in community[own][ranked]]
