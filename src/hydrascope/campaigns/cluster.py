"""Candidates to clusters: keep the accounts that fit, set apart those that only share the words.

A candidate comes from one of three sides: linked accounts, dense blocks of hub values, template communities.
Each is refined by leave-one-out weights. Wording, client and settings travel with a piece of software, so
they say that accounts use the same *thing*; identity, egress, life cycle and timing say that the same
*somebody* runs them. An account stays in the core of a group only if the second kind of evidence puts it
there; what is left is a group of its own, with the software in common and no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hydrascope.campaigns.attach import attach, find_strays
from hydrascope.campaigns.bystanders import without_bystanders
from hydrascope.campaigns.calibration import SMALL
from hydrascope.campaigns.distilled import Typical
from hydrascope.campaigns.handover import Handover
from hydrascope.campaigns.membership import ClusterSettings, rarity
from hydrascope.campaigns.merge import split, unite
from hydrascope.campaigns.observations import Observations
from hydrascope.campaigns.profile import OPERATOR, Fit, fit_members
from hydrascope.features.carried import LEAST_CARRIED
from hydrascope.features.content import Matches
from hydrascope.kernels.components import components

__all__ = [
    "Candidate",
    "answer_groups",
    "community_members",
    "form_cores",
    "keep_members",
    "refine",
    "remainders",
    "resolve",
    "sunken_cores",
]

_MOST = 0.8
"""Share of a core that a candidate holds for the core to have been picked from it."""


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
    heart: Fit | None = None
    """The group without the strays that were brought to it; None where there are none. It is judged, and strays share its fate."""
    wording: Typical | None = None
    """The group's own wording; None where it was not read."""
    stock: np.ndarray | None = None
    """int32[] templates of the stock of wordings that it was found by; None for other groups."""
    handovers: tuple[Handover, ...] = ()
    """Between the pools of accounts that it was united from."""

    @property
    def judged(self) -> Fit:
        """The part of the group that is judged."""
        return self.heart or self.fit


def keep_members(
    observations: Observations, candidate: Candidate, members: np.ndarray, settings: ClusterSettings
) -> Candidate:
    """The candidate with some of its members alone. Args: members: int32[k] codes, ascending."""
    heart = candidate.heart
    if heart is not None:
        left = np.intersect1d(heart.members, members).astype(np.int32)
        enough = settings.min_members <= len(left) < len(members)
        heart = fit_members(observations, left, seed=settings.seed) if enough else None
    fit = fit_members(observations, members, seed=settings.seed)
    return replace(candidate, members=members, fit=fit, heart=heart)


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


def answer_groups(observations: Observations, settings: ClusterSettings) -> list[np.ndarray]:
    """Accounts that exchange answers, in more prompts than chance makes and several with one of the others: int32 arrays."""
    carried = observations.carried
    if carried is None:
        return []
    n = len(observations.population)
    account = np.repeat(np.arange(n, dtype=np.int32), np.diff(carried.offsets))
    known = np.bincount(account, weights=carried.weight, minlength=n) >= carried.least
    often = (carried.weight >= LEAST_CARRIED) & known[account] & known[carried.partner]
    label = components(account[often], carried.partner[often], n)
    heads, sizes = np.unique(label, return_counts=True)
    chosen = heads[(sizes >= settings.min_members) & (sizes <= n // 2)]
    return [np.flatnonzero(label == h).astype(np.int32) for h in chosen.tolist()]


def refine(
    observations: Observations, members: np.ndarray, settings: ClusterSettings, *, n_candidates: int = 0
) -> Fit | None:
    """The core of a candidate: what is left when accounts that the others do not explain are dropped.

    Weights are leave-one-out, so a minority that hangs together keeps its weights while the rest sink.

    Args:
        members: int32[k] codes, ascending.
        n_candidates: accounts that they were left of, if more.
    """
    n_candidates = max(n_candidates, len(members))
    fit = fit_members(observations, members, seed=settings.seed)
    for _ in range(settings.rounds):
        stays = _fits(observations, fit, n_candidates, settings)
        if stays.sum() < settings.min_members:
            return None
        if stays.all():
            return fit
        fit = fit_members(observations, fit.members[stays], seed=settings.seed)
    return fit


def form_cores(
    observations: Observations,
    matches: Matches,
    candidates: Sequence[np.ndarray],
    links: tuple[np.ndarray, np.ndarray],
    settings: ClusterSettings,
) -> list[Candidate]:
    """Disjoint groups, each held together by an operator's traces.

    Candidates are refined, then compete: each account goes to the group that explains it best, a group's size
    counting as its prior. What a mixture of two operators explains, each of the two explains better, so
    mixtures empty; then groups are split where no operator's trace reaches a part of them, and united where the
    members of one belong to the other. Quiet users of a group's text are attached, bystanders leave, and strays are sought last.
    """
    candidates = _distinct(candidates)
    fits = _contest(observations, [refine(observations, m, settings) for m in candidates], settings)
    fits = [part for fit in fits for part in split(observations, fit, settings)]
    fits = attach(observations, unite(observations, fits, links, settings), settings)
    hearts = [without_bystanders(observations, matches, fit, settings) for fit in fits]
    gone = [np.setdiff1d(f.members, h.members) for f, h in zip(fits, hearts, strict=True)]
    pools = _pools(hearts, candidates, len(observations.population))
    strays = find_strays(observations, hearts, settings, never=np.concatenate([np.zeros(0, np.int32), *gone]))
    return [_core(observations, f, s, p, settings) for f, s, p in zip(hearts, strays, pools, strict=True)]


def sunken_cores(
    observations: Observations,
    communities: Sequence[np.ndarray],
    cores: Sequence[Candidate],
    links: tuple[np.ndarray, np.ndarray],
    settings: ClusterSettings,
) -> list[Candidate]:
    """Cores in what others left of a community, as long as there are any, of accounts that share cards, phones, devices or keys.

    Beside the larger of two operators with one text, and programs of their own, the smaller sinks. What hangs together by exits or hours
    alone among those left is mostly chance.
    """
    fits: list[Fit] = []
    looked_at = [core.members for core in cores]
    for _ in range(settings.rounds):
        left = _left(looked_at, communities, len(observations.population), settings.min_members)
        found = [refine(observations, m, settings, n_candidates=n) for m, n in left]
        more = _contest(observations, found, settings)
        if not more:
            break
        looked_at += [fit.members for fit in more]
        fits += [fit for fit in more if fit.family("identity").mean() >= settings.min_identity_bits]
    fits = unite(observations, fits, links, settings)
    pools = _pools(fits, communities, len(observations.population))
    return [
        Candidate(members=f.members, origin="core", fit=f, pool=p) for f, p in zip(fits, pools, strict=True)
    ]


def _contest(
    observations: Observations, refined: Sequence[Fit | None], settings: ClusterSettings
) -> list[Fit]:
    """Disjoint groups from overlapping ones, refined after each round in which accounts changed sides."""
    fits = [fit for fit in refined if fit is not None]
    for _ in range(settings.rounds):
        assigned = _compete(fits, len(observations.population), settings.min_members)
        if len(assigned) == len(fits) and all(
            len(a) == len(f.members) for a, f in zip(assigned, fits, strict=True)
        ):
            break
        found = (refine(observations, members, settings) for members in assigned)
        fits = [fit for fit in found if fit is not None]
    return fits


def _left(
    groups: Sequence[np.ndarray], communities: Sequence[np.ndarray], n_accounts: int, min_members: int
) -> list[tuple[np.ndarray, int]]:
    """Accounts of each community that no group took, where one took some, and how many accounts it had."""
    taken = np.zeros(n_accounts, bool)
    for members in groups:
        taken[members] = True
    left = {rest.tobytes(): (rest, len(m)) for m in communities if taken[m].any() for rest in [m[~taken[m]]]}
    return [(rest, n) for rest, n in left.values() if len(rest) >= min_members]


def _core(
    observations: Observations, fit: Fit, strays: np.ndarray, pool: int, settings: ClusterSettings
) -> Candidate:
    if not len(strays):
        return Candidate(members=fit.members, origin="core", fit=fit, pool=pool)
    members = np.union1d(fit.members, strays).astype(np.int32)
    whole = fit_members(observations, members, seed=settings.seed)
    return Candidate(members=members, origin="core", fit=whole, pool=pool, heart=fit)


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
    held = [f for f in fits if f.family("content").mean() >= settings.min_content_bits]
    return [
        Candidate(members=f.members, origin="remainder", fit=f, pool=len(whole.members))
        for whole in held
        for f in [_held_by_text(observations, whole, settings)]
    ]


def _held_by_text(observations: Observations, fit: Fit, settings: ClusterSettings) -> Fit:
    """The users for whose membership their text speaks, of a group that has nothing else in common.

    A text of many parts is used in earnest by whoever sends one of them now and then.
    """
    stays = fit.channels["template"] >= settings.min_text_bits
    if stays.all() or stays.sum() < settings.min_members:
        return fit
    return fit_members(observations, fit.members[stays], seed=settings.seed)


def _fits(observations: Observations, fit: Fit, n_candidates: int, settings: ClusterSettings) -> np.ndarray:
    """Whether the posterior of membership is for each account.

    Two priors to overcome: that of any account of the log belonging to a group of this size, with all evidence;
    and that of any candidate belonging to the core found among them, with evidence of an operator, since
    finding k accounts that agree among n candidates is n / k times easier than finding them alone. In a group that is most of
    the log, and no handful, the first prior is for the account, and the operator's evidence need not be more than it is against.
    """
    size = len(fit.members)
    odds = np.log2(max(n_candidates - size, 0) / size + 1.0)
    operator = fit.families[:, OPERATOR].sum(axis=1)
    against = rarity(observations, size)
    granted = min(against, 0.0) if size >= SMALL[1] else 0.0
    return (fit.bits >= against + settings.min_posterior_bits) & (
        operator >= settings.min_operator_bits + odds + granted
    )


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
