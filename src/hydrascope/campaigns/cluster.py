"""Candidates to clusters: keep the accounts that fit, set apart those that only share the words.

A candidate comes from one of three sides: linked accounts, dense blocks of hub values, template communities.
Each is refined by leave-one-out weights. Wording, client and settings travel with a piece of software, so
they say that accounts use the same *thing*; identity, egress, life cycle and timing say that the same
*somebody* runs them. An account stays in the core of a group only if the second kind of evidence puts it
there; what is left is a group of its own, with the software in common and no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hydrascope.campaigns.observations import Observations
from hydrascope.campaigns.profile import FAMILY_NAMES, Fit, fit_members

__all__ = [
    "Candidate",
    "ClusterSettings",
    "community_members",
    "form_cores",
    "refine",
    "remainders",
    "resolve",
]

OPERATOR = [FAMILY_NAMES.index(f) for f in ("identity", "egress", "timing", "lifecycle")]
_MOST = 0.8
"""Share of a core that a candidate holds for the core to have been picked from it."""
SOFTWARE = [FAMILY_NAMES.index(f) for f in ("client", "content", "configuration")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """When an account belongs."""

    min_members: int = 3
    min_posterior_bits: float = 1.0
    """Least log2 posterior odds of membership, all families together."""
    max_against_bits: float = 1.0
    """Most that an operator's families may say against an account that is attached for its text."""
    max_users: float = 2.0
    """Most users that a text may have, for each account of the group, to attach the others for it."""
    min_operator_bits: float = 2.5
    """Least weight of the families that speak of an operator rather than of software."""
    min_share: float = 0.03
    """Least share of an account's sampled exchanges for it to count among a template's users."""
    min_content_bits: float = 4.0
    """Least mean weight of the shared text for a community without an operator to be a group at all."""
    unite_slack: float = 0.5
    """Bits that a union may lose against the two groups apart, for each member of the smaller."""
    rounds: int = 6
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Accounts that may belong together, and why they were looked at."""

    members: np.ndarray
    """int32[k] codes, ascending."""
    origin: str
    """core or remainder."""
    fit: Fit
    pool: int
    """Accounts that it was picked from for being alike, its own among them."""


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


def refine(observations: Observations, members: np.ndarray, settings: ClusterSettings) -> Fit | None:
    """The core of a candidate: what is left when accounts that the others do not explain are dropped.

    Weights are leave-one-out, so a minority that hangs together keeps its weights while the rest sink.
    """
    fit = fit_members(observations, members, seed=settings.seed)
    for _ in range(settings.rounds):
        stays = _fits(observations, fit, len(members), settings)
        if stays.sum() < settings.min_members:
            return None
        if stays.all():
            return fit
        fit = fit_members(observations, fit.members[stays], seed=settings.seed)
    return fit


def form_cores(
    observations: Observations,
    candidates: Sequence[np.ndarray],
    links: tuple[np.ndarray, np.ndarray],
    settings: ClusterSettings,
) -> list[Candidate]:
    """Disjoint groups, each held together by an operator's traces.

    Candidates are refined, then compete: each account goes to the group that explains it best, a group's size
    counting as its prior. What a mixture of two operators explains, each of the two explains better, so
    mixtures empty; then groups are united where one description fits both as well as two did.
    """
    fits = [f for f in (refine(observations, m, settings) for m in _distinct(candidates)) if f is not None]
    for _ in range(settings.rounds):
        assigned = _compete(fits, len(observations.population), settings.min_members)
        if all(len(a) == len(f.members) for a, f in zip(assigned, fits, strict=False)) and len(
            assigned
        ) == len(fits):
            break
        fits = [f for f in (refine(observations, m, settings) for m in assigned) if f is not None]
    fits = attach(observations, unite(observations, fits, links, settings), settings)
    pools = _pools(fits, candidates, len(observations.population))
    return [
        Candidate(members=f.members, origin="core", fit=f, pool=p) for f, p in zip(fits, pools, strict=True)
    ]


def _pools(fits: Sequence[Fit], candidates: Sequence[np.ndarray], n_accounts: int) -> list[int]:
    """Size of the smallest candidate that holds most of each core; the core's own where none does."""
    owner = np.full(n_accounts, -1)
    for i, fit in enumerate(fits):
        owner[fit.members] = i
    sizes = np.array([len(f.members) for f in fits])
    smallest = np.full(len(fits), n_accounts)
    for members in candidates:
        inside = owner[members]
        held = np.bincount(inside[inside >= 0], minlength=len(fits)) >= _MOST * sizes
        smallest[held] = np.minimum(smallest[held], len(members))
    return [int(max(p, k) if p < n_accounts else k) for p, k in zip(smallest, sizes, strict=True)]


def _distinct(groups: Sequence[np.ndarray]) -> list[np.ndarray]:
    return list({g.tobytes(): g for g in groups if len(g)}.values())


def _compete(fits: Sequence[Fit], n_accounts: int, min_members: int) -> list[np.ndarray]:
    """Members won by each group: highest weight plus log2 of the group's size, ties to the earlier group."""
    best = np.full(n_accounts, -np.inf)
    owner = np.full(n_accounts, -1)
    for i, fit in enumerate(fits):
        score = fit.bits + np.log2(len(fit.members))
        wins = score > best[fit.members]
        best[fit.members[wins]] = score[wins]
        owner[fit.members[wins]] = i
    won = [np.flatnonzero(owner == i).astype(np.int32) for i in range(len(fits))]
    return [w for w in won if len(w) >= min_members]


def unite(
    observations: Observations,
    fits: Sequence[Fit],
    links: tuple[np.ndarray, np.ndarray],
    settings: ClusterSettings,
) -> list[Fit]:
    """Unite neighbouring groups whose union describes its members as well as the two did apart."""
    groups = dict(enumerate(fits))
    pairs = _neighbours(observations, fits, links)
    n = len(fits)
    while pairs:
        i, j = pairs.pop(0)
        if i not in groups or j not in groups:
            continue
        a, b = groups[i], groups[j]
        union = fit_members(observations, np.sort(np.concatenate([a.members, b.members])), seed=settings.seed)
        slack = settings.unite_slack * min(len(a.members), len(b.members))
        if _description(union) < _description(a) + _description(b) - slack:
            continue
        del groups[i], groups[j]
        groups[n] = union
        pairs.extend((k, n) for k in _touching(pairs, i, j))
        n += 1
    return list(groups.values())


def _description(fit: Fit) -> float:
    """Bits by which the group describes its members, its size being their prior."""
    return float(fit.bits.sum() + len(fit.members) * np.log2(len(fit.members)))


def _touching(pairs: Sequence[tuple[int, int]], i: int, j: int) -> list[int]:
    others = {x for p in pairs for x in p if {i, j} & set(p)} - {i, j}
    return sorted(others)


def _neighbours(
    observations: Observations, fits: Sequence[Fit], links: tuple[np.ndarray, np.ndarray]
) -> list[tuple[int, int]]:
    """Pairs of groups with a link between them or a leading template in common, in a fixed order."""
    owner = np.full(len(observations.population), -1)
    for i, fit in enumerate(fits):
        owner[fit.members] = i
    a, b = owner[links[0]], owner[links[1]]
    crossing = (a >= 0) & (b >= 0) & (a != b)
    found = {(int(min(x, y)), int(max(x, y))) for x, y in zip(a[crossing], b[crossing], strict=True)}
    leading: dict[int, list[int]] = {}
    for i, fit in enumerate(fits):
        used = np.asarray(observations.community_share[fit.members].sum(axis=0)).ravel()
        for c in np.argsort(-used, kind="stable")[:2].tolist():
            if used[c] > 0.1 * len(fit.members):
                leading.setdefault(c, []).append(i)
    for held in leading.values():
        found |= {(x, y) for x in held for y in held if x < y}
    return sorted(found)


def remainders(
    observations: Observations,
    communities: Sequence[np.ndarray],
    cores: Sequence[Candidate],
    settings: ClusterSettings,
) -> list[Candidate]:
    """What is left of each template community once the cores are taken out: software in common, and no more."""
    taken = np.zeros(len(observations.population), bool)
    for core in cores:
        taken[core.members] = True
    left = _distinct([m[~taken[m]] for m in communities])
    kept = [m for m in left if len(m) >= settings.min_members]
    fits = [fit_members(observations, m, seed=settings.seed) for m in kept]
    return [
        Candidate(members=f.members, origin="remainder", fit=f, pool=len(f.members))
        for f in fits
        if f.family("content").mean() >= settings.min_content_bits
    ]


def _fits(observations: Observations, fit: Fit, n_candidates: int, settings: ClusterSettings) -> np.ndarray:
    """Whether the posterior of membership is for each account.

    Two priors to overcome: that of any account of the log belonging to a group of this size, with all evidence;
    and that of any candidate belonging to the core found among them, with evidence of an operator, since
    finding k accounts that agree among n candidates is n / k times easier than finding them alone.
    """
    size = len(fit.members)
    rarity = np.log2(max(len(observations.population) - size, 1) / size)
    odds = np.log2(max(n_candidates - size, 0) / size + 1.0)
    operator = fit.families[:, OPERATOR].sum(axis=1)
    return (fit.bits >= rarity + settings.min_posterior_bits) & (
        operator >= settings.min_operator_bits + odds
    )


def attach(observations: Observations, fits: Sequence[Fit], settings: ClusterSettings) -> list[Fit]:
    """Add to each group the unclaimed users of its texts whom the whole evidence puts there.

    These are accounts too quiet to show an operator by themselves; nothing may speak against one, and a text
    that outsiders use as well is too weak to bring anybody in.
    """
    free = np.ones(len(observations.population), bool)
    for fit in fits:
        free[fit.members] = False
    grown = []
    for fit in fits:
        users = _unclaimed_users(observations, fit, free, settings)
        if 0 < len(users) <= 2 * len(fit.members):
            fit = _grow(observations, fit, users, settings)
            free[fit.members] = False
        grown.append(fit)
    return grown


def _grow(observations: Observations, core: Fit, users: np.ndarray, settings: ClusterSettings) -> Fit:
    """The core with the users that still fit once the others who do not are out again."""
    rarity = np.log2(max(len(observations.population) - len(core.members), 1) / len(core.members))
    while len(users):
        members = np.sort(np.concatenate([core.members, users])).astype(np.int32)
        union = fit_members(observations, members, seed=settings.seed)
        operator = union.families[:, OPERATOR].sum(axis=1)
        joins = (union.bits >= rarity + settings.min_posterior_bits) & (
            operator >= -settings.max_against_bits
        )
        stays = np.intersect1d(union.members[joins], users)
        if len(stays) == len(users):
            return union
        users = stays
    return core


def _unclaimed_users(
    observations: Observations, fit: Fit, free: np.ndarray, settings: ClusterSettings
) -> np.ndarray:
    share = observations.community_share
    used = np.asarray((share[fit.members] > 0).sum(axis=0)).ravel()
    leading = np.flatnonzero(
        (used >= 0.5 * len(fit.members)) & (observations.n_users <= settings.max_users * len(fit.members))
    )
    if not len(leading):
        return np.zeros(0, np.int32)
    users = np.unique(share[:, leading].tocoo().coords[0])
    return users[free[users]].astype(np.int32)


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
