"""Members that send a group's public text and none of its own.

A campaign that drives a public agent, or replays the sessions of its users, has its text, client and settings in
common with every honest user of it, some of whom also share an exit or a habit with the group. What the honest ones
never send is the wording that the group alone uses.
"""

from __future__ import annotations

import numpy as np

from hydrascope.campaigns.held import Held
from hydrascope.campaigns.membership import ClusterSettings, rarity
from hydrascope.campaigns.observations import DECLARED, Observations, is_declared
from hydrascope.campaigns.profile import OPERATOR, Fit, fit_members
from hydrascope.features.content import Matches

__all__ = ["OUTSIDE", "is_private", "without_bystanders", "without_outsiders"]

OUTSIDE = 0.25
"""A text is a group's own where users outside are at most this many for each user inside."""
_COMMON = 0.15
"""Least share of the members that must send one of its own texts for its want to say anything."""
_RARELY = 0.5
"""Chance that a member shows none of them, above which it is no news ..."""
_HARDLY = 0.02
"""... and above which it does not count where no operator's traces are there to speak for an account."""
_LESS = 0.5
"""Part of what the median member sends of the group's own texts, below which a declared one is somebody else's."""


def is_private(observations: Observations, members: np.ndarray, templates: np.ndarray) -> np.ndarray:
    """bool[t]: whether each template (int32[t]) has next to no users outside the group (int32[k] codes)."""
    n_inside = _users_inside(observations, members)[templates]
    return np.asarray(observations.template_holders[templates] - n_inside <= OUTSIDE * n_inside)


def without_bystanders(
    observations: Observations, matches: Matches, fit: Fit, settings: ClusterSettings
) -> Fit:
    """An operator's group without members that are held by a public text alone.

    Of a member with n sampled exchanges that shows no private text, while the members j send theirs in a share s_j of
    their own, the want is worth log2 of the mean of (1 - s_j)^n: outside, everybody lacks them. With that against it,
    and without text, client and settings, which come with the public text, its operator's traces must overcome the
    odds against any account of the log.

    Who is declared among others that are not has an operator of its own, on record, whose exits the campaign may use: traces of one
    say nothing of it, and it leaves if it sends much less of the group's own texts than the median member.
    """
    share, n_sampled = _own_shares(observations, matches, fit, _common_texts(observations, fit.members))
    chance = _chance_of_none(share, n_sampled)
    operator = fit.families[:, OPERATOR].sum(axis=1)
    least = rarity(observations, len(fit.members)) + settings.min_posterior_bits
    leaves = (share == 0) & (chance <= _RARELY) & (operator + np.log2(chance) < least)
    leaves |= _somebody_elses(observations, fit.members, share, n_sampled)
    return _without(observations, fit, leaves, settings)


def _somebody_elses(
    observations: Observations, members: np.ndarray, share: np.ndarray, n_sampled: np.ndarray
) -> np.ndarray:
    """bool[k]: declared members that hardly send what the others send, where enough was seen of them to tell."""
    declared = is_declared(observations.population, members)
    if not declared.any() or declared.mean() >= DECLARED:
        return np.zeros(len(members), bool)
    usual = float(np.median(share[~declared]))
    return declared & (share < _LESS * usual) & (n_sampled * usual >= 1.0)


def without_outsiders(
    observations: Observations, matches: Matches, fit: Fit, stock: np.ndarray, settings: ClusterSettings
) -> Fit:
    """A group that only a stock of wordings holds, without members that show none of its private ones.

    No operator speaks for anybody here, so a member must have been all but sure to show some if it sent them as those do who show any.

    Args:
        stock: int32[] templates.
    """
    share, n_sampled = _own_shares(observations, matches, fit, stock)
    leaves = (share == 0) & (_chance_of_none(share[share > 0], n_sampled) <= _HARDLY)
    return _without(observations, fit, leaves, settings)


def _without(observations: Observations, fit: Fit, leaves: np.ndarray, settings: ClusterSettings) -> Fit:
    if not leaves.any() or (~leaves).sum() < settings.min_members:
        return fit
    return fit_members(observations, fit.members[~leaves], seed=settings.seed)


def _own_shares(
    observations: Observations, matches: Matches, fit: Fit, texts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """float64[k] share of each member's sampled exchanges that hold a private one of some templates (int32[]); int64[k] their number."""
    own = texts[is_private(observations, fit.members, texts)]
    n_sampled = observations.n_sampled[fit.members]
    return Held.of(matches, fit.members).share(own, n_sampled), n_sampled


def _common_texts(observations: Observations, members: np.ndarray) -> np.ndarray:
    """int32[] templates that some of the members use."""
    n_inside = _users_inside(observations, members)
    return np.flatnonzero((n_inside >= _COMMON * len(members)) & (n_inside >= 2)).astype(np.int32)


def _chance_of_none(share: np.ndarray, n_sampled: np.ndarray) -> np.ndarray:
    """float64[n]: chance that whoever sends them as k members do (float64[k]) shows none in so many exchanges (int64[n]); at least what k can tell."""
    lengths, which = np.unique(n_sampled, return_inverse=True)
    if not len(share):
        return np.ones(len(n_sampled))
    chance = np.exp(np.log1p(-np.minimum(share, 1.0 - 1e-9))[None, :] * lengths[:, None]).mean(axis=1)
    return np.maximum(chance, 0.5 / (len(share) + 1.0))[which]


def _users_inside(observations: Observations, members: np.ndarray) -> np.ndarray:
    """int64[templates] members that use each."""
    inside = observations.template_share[members]
    return np.bincount(inside.indices, minlength=inside.shape[1])
