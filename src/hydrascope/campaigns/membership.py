"""When an account belongs to a group, and how well accounts outside would fit it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hydrascope.campaigns.observations import Observations
from hydrascope.campaigns.profile import FAMILY_NAMES, OPERATOR, fit_members

__all__ = ["ClusterSettings", "are_strangers", "belong_to", "bits_against", "rarity"]

_MOST_REFERENCE = 400
"""Members of a group that outsiders are held against: rates are known well enough from these."""
_MOST_CALLS = 2_000
"""Outsiders that are asked one at a time."""
_MOST_ASKED = 12
"""Outsiders that stand for all of their group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """When an account belongs."""

    min_members: int = 3
    min_posterior_bits: float = 1.0
    """Least log2 posterior odds of membership, all families together."""
    max_against_bits: float = 1.0
    """Most that an operator's families may say against an account that is attached for its text."""
    strong_habit_bits: float = 4.0
    """Typical member's bits of timing and life cycle, from which a group plainly lives alike ..."""
    habit_share: float = 0.25
    """... and part of them that an account must show which is attached for its text."""
    public_users: float = 0.5
    """Users outside for each account of the group, from which a text is taken for a public one."""
    max_users: float = 2.0
    """Most users that a text may have, for each account of the group, to attach the others for it."""
    min_operator_bits: float = 2.5
    """Least weight of the families that speak of an operator rather than of software."""
    min_rest_bits: float = 4.0
    """Least weight of all families but the strongest, for an account that no candidate held."""
    min_identity_bits: float = 1.0
    """Of the mean member, for a group to be taken from what others left, or for a handful not to be free for a stock of wordings."""
    spare_bits: float = 2.0
    """Bits over the odds that shared cards, devices and addresses must give where such an account lives otherwise than the group."""
    min_share: float = 0.03
    """Least share of an account's sampled exchanges for it to count among a template's users."""
    min_content_bits: float = 4.0
    """Least mean weight of the shared text for a community without an operator to be a group at all."""
    min_text_bits: float = 0.4
    """That the text of such a community must say for each account in it."""
    rounds: int = 6
    seed: int = 0


def rarity(observations: Observations, size: int) -> float:
    """Bits against any one account of the log belonging to a group of this size: log2((n - k) / k)."""
    return float(np.log2(max(len(observations.population) - size, 1) / size))


def bits_against(
    observations: Observations, group: np.ndarray, outsiders: np.ndarray, *, seed: int, at_once: int = 1
) -> np.ndarray:
    """How well each outsider would fit the group by itself, without the support of the other outsiders.

    Beyond `_MOST_CALLS` outsiders several are asked at once, far apart in the order of codes.

    Args:
        group: int32[k] ascending codes of the group.
        outsiders: int32[m] codes, none of the group.
        at_once: how many may be asked together even if they are fewer.

    Returns:
        float64[m, 7] bits by family, in the order of `FAMILY_NAMES`.
    """
    reference = _spread(group, _MOST_REFERENCE)
    bits = np.zeros((len(outsiders), len(FAMILY_NAMES)))
    n_calls = min(-(-len(outsiders) // at_once), _MOST_CALLS)
    for i in range(n_calls):
        asked = outsiders[i::n_calls]
        members = np.sort(np.concatenate([reference, asked])).astype(np.int32)
        fit = fit_members(observations, members, seed=seed)
        bits[i::n_calls] = fit.families[np.searchsorted(members, asked)]
    return bits


def belong_to(
    observations: Observations, group: np.ndarray, others: np.ndarray, settings: ClusterSettings
) -> bool:
    """Whether the others' median account belongs to the group, an operator's traces among the evidence.

    Each is held against the group alone. Accounts that agree among themselves and use the group's software thus
    stay apart from it, however well both would be described as one.
    """
    bits = bits_against(observations, group, _spread(others, _MOST_ASKED), seed=settings.seed)
    operator = float(np.median(bits[:, OPERATOR].sum(axis=1)))
    least = rarity(observations, len(group)) + settings.min_posterior_bits
    return operator >= settings.min_operator_bits and float(np.median(bits.sum(axis=1))) >= least


def are_strangers(
    observations: Observations, some: np.ndarray, others: np.ndarray, settings: ClusterSettings, *, apart: str
) -> bool:
    """Whether all evidence but that of one family, by which they are known to be apart, is against either side belonging to the other.

    Args:
        some: int32[k] codes; others: int32[m] codes, none of them.
        apart: a family of `FAMILY_NAMES`.
    """
    told = [i for i, name in enumerate(FAMILY_NAMES) if name != apart]
    sides = ((some, others), (others, some))
    found = (bits_against(observations, a, _spread(b, _MOST_ASKED), seed=settings.seed) for a, b in sides)
    return all(float(np.median(bits[:, told].sum(axis=1))) < 0 for bits in found)


def _spread(accounts: np.ndarray, most: int) -> np.ndarray:
    """At most `most` accounts, evenly spread over the codes."""
    if len(accounts) <= most:
        return accounts
    return accounts[np.linspace(0, len(accounts) - 1, most).astype(np.int64)]
