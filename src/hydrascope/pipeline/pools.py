"""Groups of which one takes up where the other leaves off become one campaign."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hydrascope.campaigns.cluster import Candidate
from hydrascope.campaigns.distilled import Typical
from hydrascope.campaigns.handover import Handover, find_handover, shared_texts
from hydrascope.campaigns.held import Held
from hydrascope.campaigns.judge import Judged
from hydrascope.campaigns.observations import Observations
from hydrascope.campaigns.profile import fit_members
from hydrascope.engine.base import Engine
from hydrascope.features.content import Matches, read_times
from hydrascope.features.surroundings import Happenings

__all__ = ["unite_pools"]

LEAST_LIKELY = 0.45
"""Probability of distillation from which a group that is not accused may be an accused one's other pool: below even odds, where withheld ones stand."""


def unite_pools(
    engine: Engine,
    observations: Observations,
    matches: Matches,
    happenings: Happenings,
    judged: Sequence[Judged],
    rejudge: Callable[[Candidate], Judged],
    *,
    seed: int,
) -> list[Judged]:
    """The groups, those that hand over to each other as one where that is accused.

    One of each two is accused on its own account, and of the other a campaign is the likeliest explanation: the second pool may be a
    relay's as well, which nothing but its predecessor gives away.

    Args:
        rejudge: a candidate's verdict.
    """
    likely = [
        i
        for i, j in enumerate(judged)
        if j.candidate.origin == "core" and (_accused(j) or j.p_distillation >= LEAST_LIKELY)
    ]
    groups = [judged[i].members for i in likely]
    found = {
        pair: handover
        for pair, handover in _handovers(engine, observations, matches, happenings, groups).items()
        if any(_accused(judged[likely[k]]) for k in pair)
    }
    if not found:
        return list(judged)
    ends = np.array(list(found))
    graph = coo_array((np.ones(len(ends)), ends.T), shape=(len(groups), len(groups)))
    label = connected_components(graph, directed=False)[1]
    gone, united = set(), []
    for pool in np.unique(label[ends]).tolist():
        parts = np.flatnonzero(label == pool).tolist()
        ties = tuple(h for (a, _), h in sorted(found.items()) if label[a] == pool)
        whole = rejudge(_candidate(observations, [judged[likely[p]].candidate for p in parts], ties, seed))
        if _accused(whole):
            gone |= {likely[p] for p in parts}
            united.append(whole)
    return [*(j for i, j in enumerate(judged) if i not in gone), *united]


def _accused(judged: Judged) -> bool:
    return judged.verdict == "distillation"


def _candidate(
    observations: Observations, parts: Sequence[Candidate], ties: tuple[Handover, ...], seed: int
) -> Candidate:
    members = np.unique(np.concatenate([p.members for p in parts])).astype(np.int32)
    heart = np.unique(np.concatenate([p.judged.members for p in parts])).astype(np.int32)
    return replace(
        parts[0],
        members=members,
        heart=fit_members(observations, heart, seed=seed) if len(heart) < len(members) else None,
        fit=fit_members(observations, members, seed=seed),
        pool=max(len(members), *(p.pool for p in parts)),
        wording=_wording(parts),
        handovers=ties,
    )


def _wording(parts: Sequence[Candidate]) -> Typical | None:
    """Of all pools: what any of them words in its own way, and the mean of their shares."""
    known = [(p.wording, len(p.members)) for p in parts if p.wording is not None]
    if not known:
        return None
    return Typical(
        wording=np.unique(np.concatenate([w.wording for w, _ in known])),
        share=sum(w.share * n for w, n in known) / sum(n for _, n in known),
    )


def _handovers(
    engine: Engine,
    observations: Observations,
    matches: Matches,
    happenings: Happenings,
    groups: Sequence[np.ndarray],
) -> dict[tuple[int, int], Handover]:
    """Pairs of groups between which the use of a text goes over."""
    pairs = shared_texts(observations, groups)
    if not pairs:
        return {}
    uses = {(i, t): _uses(matches, groups[i], t) for pair, t in pairs.items() for i in pair}
    at = np.split(
        read_times(engine, np.concatenate(list(uses.values()))), np.cumsum([len(u) for u in uses.values()])
    )
    times = dict(zip(uses, map(np.sort, at), strict=False))
    found = {}
    for (i, j), template in pairs.items():
        one, other = times[i, template], times[j, template]
        bans = {n: happenings.banned_at[groups[k]] for n, k in enumerate((i, j))}
        handover = find_handover(one, other, (len(groups[i]), len(groups[j])), bans)
        if handover is not None:
            found[i, j] = handover
    return found


def _uses(matches: Matches, members: np.ndarray, template: int) -> np.ndarray:
    """int64[]: sampled exchanges of the members that hold a template."""
    held = Held.of(matches, members)
    return held.xid[held.template == template]
