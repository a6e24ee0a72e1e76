"""Candidates to clusters: keep the accounts that fit, set apart those that only share the words.

A candidate comes from one of three sides: linked accounts, dense blocks of hub values, template communities.
Each is refined by leave-one-out weights. Wording, client and settings travel with a piece of software, so
they say that accounts use the same *thing*; identity, egress, life cycle and timing say that the same
*somebody* runs them. An account stays in the core of a group only if the second kind of evidence puts it
there; what is left is a group of its own, with the software in common and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hydrascope.campaigns.observations import Observations
from hydrascope.campaigns.profile import FAMILY_NAMES, Fit, fit_members

__all__ = ["Candidate", "ClusterSettings", "community_members", "refine", "resolve"]

OPERATOR = [FAMILY_NAMES.index(f) for f in ("identity", "egress", "timing", "lifecycle")]
SOFTWARE = [FAMILY_NAMES.index(f) for f in ("client", "content", "configuration")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """When an account belongs."""

    min_members: int = 3
    min_bits: float = 6.0
    """Least leave-one-out weight over all families."""
    min_operator_bits: float = 1.5
    """Least weight of the families that speak of an operator rather than of software."""
    min_share: float = 0.03
    """Least share of an account's sampled exchanges for it to count among a template's users."""
    rounds: int = 6
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Accounts that may belong together, and why they were looked at."""

    members: np.ndarray
    """int32[k] codes, ascending."""
    origin: str
    """links, block, template, or remainder."""
    fit: Fit


def community_members(observations: Observations, settings: ClusterSettings) -> list[np.ndarray]:
    """Accounts of each template community that use it in earnest: int32 arrays of at least `min_members`."""
    share = observations.community_share.tocsc()
    groups = []
    for c in range(share.shape[1]):
        rows = slice(share.indptr[c], share.indptr[c + 1])
        users = share.indices[rows][share.data[rows] >= settings.min_share]
        if len(users) >= settings.min_members:
            groups.append(np.sort(users).astype(np.int32))
    return groups


def refine(
    observations: Observations, members: np.ndarray, origin: str, settings: ClusterSettings
) -> list[Candidate]:
    """The core of a candidate, and the remainder where it is a group too.

    The core is found by dropping, round by round, the accounts that the others do not explain; since weights
    are leave-one-out, a minority that hangs together keeps its weights while the rest sink.
    """
    fit = fit_members(observations, members, seed=settings.seed)
    core = fit
    for _ in range(settings.rounds):
        stays = _fits(core, settings)
        if stays.all() or stays.sum() < settings.min_members:
            break
        core = fit_members(observations, core.members[stays], seed=settings.seed)
    found = []
    if _fits(core, settings).sum() >= settings.min_members:
        if not _fits(core, settings).all():
            core = fit_members(observations, core.members[_fits(core, settings)], seed=settings.seed)
        found.append(Candidate(members=core.members, origin=origin, fit=core))
        rest = np.setdiff1d(members, core.members)
    else:
        rest = members
    if origin == "template" and len(rest) >= settings.min_members:
        rest_fit = fit if len(rest) == len(members) else fit_members(observations, rest, seed=settings.seed)
        found.append(Candidate(members=rest, origin="remainder", fit=rest_fit))
    return found


def _fits(fit: Fit, settings: ClusterSettings) -> np.ndarray:
    operator = fit.families[:, OPERATOR].sum(axis=1)
    return (fit.bits >= settings.min_bits) & (operator >= settings.min_operator_bits)


def merge_linked(
    groups: Sequence[np.ndarray], a: np.ndarray, b: np.ndarray, n_accounts: int
) -> list[np.ndarray]:
    """Unite groups that overlap by half of the smaller, or that many links join.

    Args:
        groups: int32 member arrays. a, b: the links, as account codes.
    """
    parent = list(range(len(groups)))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in _joined(groups, a, b, n_accounts):
        parent[find(max(i, j))] = find(min(i, j))
    united: dict[int, list[np.ndarray]] = {}
    for i, g in enumerate(groups):
        united.setdefault(find(i), []).append(g)
    return [np.unique(np.concatenate(parts)).astype(np.int32) for parts in united.values()]


def _joined(
    groups: Sequence[np.ndarray], a: np.ndarray, b: np.ndarray, n_accounts: int
) -> Iterable[tuple[int, int]]:
    size = np.array([len(g) for g in groups])
    owner: list[list[int]] = [[] for _ in range(n_accounts)]
    for i, g in enumerate(groups):
        for m in g.tolist():
            owner[m].append(i)
    overlap: dict[tuple[int, int], int] = {}
    for held in owner:
        for x in range(len(held)):
            for y in range(x + 1, len(held)):
                overlap[held[x], held[y]] = overlap.get((held[x], held[y]), 0) + 1
    for (i, j), n in overlap.items():
        if n >= 0.5 * min(size[i], size[j]):
            yield i, j
    crossing: dict[tuple[int, int], set[int]] = {}
    for u, v in zip(a.tolist(), b.tolist(), strict=True):
        for i in owner[u]:
            for j in owner[v]:
                if i != j:
                    crossing.setdefault((min(i, j), max(i, j)), set()).update((u, v))
    for (i, j), touched in crossing.items():
        if len(touched) >= max(4, 0.4 * min(size[i], size[j])):
            yield i, j


def resolve(
    ranked: Sequence[tuple[np.ndarray, float]], n_accounts: int, *, min_members: int, min_left: float = 0.5
) -> list[tuple[int, np.ndarray]]:
    """Give every account to the first group in the ranking that claims it.

    Returns:
        (position in `ranked`, members kept) for groups of which at least `min_left` and `min_members` remain.
    """
    taken = np.zeros(n_accounts, bool)
    kept = []
    for i, (members, _) in enumerate(ranked):
        free = members[~taken[members]]
        if len(free) >= max(min_members, min_left * len(members)):
            taken[free] = True
            kept.append((i, free))
    return kept
