"""Members that send a group's public text and none of its own.

A campaign that drives a public agent, or replays the sessions of its users, has its text, client and settings in
common with every honest user of it, some of whom also share an exit or a habit with the group. What the honest ones
never send is the wording that the group alone uses.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hydrascope.campaigns.cluster import Candidate, keep_members
from hydrascope.campaigns.held import Held
from hydrascope.campaigns.membership import ClusterSettings, rarity
from hydrascope.campaigns.observations import Observations
from hydrascope.campaigns.profile import OPERATOR, Fit
from hydrascope.features.content import Matches

__all__ = ["OUTSIDE", "is_private", "without_bystanders"]

OUTSIDE = 0.25
"""A text is a group's own where users outside are at most this many for each user inside."""
_COMMON = 0.15
"""Least share of the members that must send one of its own texts for its want to say anything."""
_RARELY = 0.5
"""Chance that a member shows none of them, above which it is no news."""


def is_private(observations: Observations, members: np.ndarray, templates: np.ndarray) -> np.ndarray:
    """bool[t]: whether each template (int32[t]) has next to no users outside the group (int32[k] codes)."""
    n_inside = _users_inside(observations, members)[templates]
    return np.asarray(observations.template_holders[templates] - n_inside <= OUTSIDE * n_inside)


def without_bystanders(
    observations: Observations, matches: Matches, cores: Sequence[Candidate], settings: ClusterSettings
) -> list[Candidate]:
    """The cores without members that are held by a public text alone.

    Of a member with n sampled exchanges that shows no private text, while the members j send theirs in a share s_j of
    their own, the want is worth log2 of the mean of (1 - s_j)^n: outside, everybody lacks them. With that against it,
    and without text, client and settings, which come with the public text, its operator's traces must overcome the
    odds against any account of the log.
    """
    found = []
    for core in cores:
        gone = _bystanders(observations, matches, core.judged, settings)
        left = np.setdiff1d(core.members, gone, assume_unique=True).astype(np.int32)
        enough = len(core.judged.members) - len(gone) >= settings.min_members
        found.append(keep_members(observations, core, left, settings) if len(gone) and enough else core)
    return found


def _bystanders(
    observations: Observations, matches: Matches, fit: Fit, settings: ClusterSettings
) -> np.ndarray:
    """int32[]: the members that leave."""
    own = _private_texts(observations, fit.members)
    n_sampled = observations.n_sampled[fit.members]
    share = Held.of(matches, fit.members).share(own, n_sampled)
    chance = _chance_of_none(share, n_sampled)
    operator = fit.families[:, OPERATOR].sum(axis=1)
    least = rarity(observations, len(fit.members)) + settings.min_posterior_bits
    return fit.members[(share == 0) & (chance <= _RARELY) & (operator + np.log2(chance) < least)]


def _private_texts(observations: Observations, members: np.ndarray) -> np.ndarray:
    """int32[] templates that some of the members use, and next to nobody else."""
    n_inside = _users_inside(observations, members)
    common = np.flatnonzero((n_inside >= _COMMON * len(members)) & (n_inside >= 2)).astype(np.int32)
    return common[is_private(observations, members, common)]


def _chance_of_none(share: np.ndarray, n_sampled: np.ndarray) -> np.ndarray:
    """float64[k]: chance that a member with so many sampled exchanges shows none; at least what k members can tell."""
    k = len(share)
    lengths, which = np.unique(n_sampled, return_inverse=True)
    chance = np.exp(np.log1p(-np.minimum(share, 1.0 - 1e-9))[None, :] * lengths[:, None]).mean(axis=1)
    return np.maximum(chance, 0.5 / (k + 1.0))[which]


def _users_inside(observations: Observations, members: np.ndarray) -> np.ndarray:
    """int64[templates] members that use each."""
    inside = observations.template_share[members]
    return np.bincount(inside.indices, minlength=inside.shape[1])
