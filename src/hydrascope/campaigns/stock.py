"""Accounts that draw on one stock of wordings, to groups: one for each operator, without those that only look like it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.stats import mannwhitneyu

from hydrascope.campaigns.bystanders import without_outsiders
from hydrascope.campaigns.calibration import SMALL
from hydrascope.campaigns.cluster import Candidate
from hydrascope.campaigns.membership import ClusterSettings, rarity
from hydrascope.campaigns.observations import Observations
from hydrascope.campaigns.profile import fit_members
from hydrascope.features.content import Matches

__all__ = ["by_program", "loosely_tied", "stock_group"]

_LEAST_PART = 8
"""Members with one program, fewer of which tell nothing of its share."""
_SAME = 1e-4
"""Chance below which two programs do not do the same work."""


def loosely_tied(candidates: Sequence[Candidate], settings: ClusterSettings) -> np.ndarray:
    """Accounts of handfuls that no identity ties (int64[], ascending): a stock of wordings may claim them.

    Among an operator's hundred accounts some always share an exit, a day of sign-up or an hour; they make a core of
    their own, too small to be accused, and would be lost to the rest.
    """
    handfuls = (c for c in candidates if c.origin == "core" and len(c.members) < SMALL[1])
    loose = (c.members for c in handfuls if c.fit.family("identity").mean() < settings.min_identity_bits)
    return np.unique(np.concatenate([np.zeros(0, np.int64), *loose]))


def by_program(observations: Observations, members: np.ndarray, share: np.ndarray) -> list[np.ndarray]:
    """Members apart by what drives them, where the programs mix the stock with other traffic in shares of their own.

    Two operators may have bought, or generated, the same list of phrases. One operator's programs deal out one queue, so
    that each of them holds as much of the stock as the others (rank sum test, Mann and Whitney, 1947); what differs
    is taken for another's. Programs are told apart by TLS fingerprint.

    Args:
        members: int32[k] codes, ascending.
        share: float64[k] of each member's sampled exchanges that hold the stock.
    """
    program = _program(observations, members)
    names, n = np.unique(program, return_counts=True)
    large = [name for name, k in zip(names.tolist(), n.tolist(), strict=True) if k >= _LEAST_PART]
    parts = sorted(([name] for name in large), key=lambda part: float(np.median(share[program == part[0]])))
    while len(parts) > 1:
        alike = [_alike(share, program, a, b) for a, b in pairwise(parts)]
        best = int(np.argmax(alike))
        if alike[best] < _SAME:
            break
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    if len(parts) < 2:
        return [members]
    middles = np.array([float(np.median(share[np.isin(program, part)])) for part in parts])
    part_of = np.abs(share[:, None] - middles[None, :]).argmin(axis=1)  # programs with few members
    for i, part in enumerate(parts):
        part_of[np.isin(program, part)] = i
    return [members[part_of == i] for i in range(len(parts))]


def _alike(share: np.ndarray, program: np.ndarray, one: list[int], other: list[int]) -> float:
    """Chance of shares that differ as much, if both programs did the same work."""
    return float(mannwhitneyu(share[np.isin(program, one)], share[np.isin(program, other)]).pvalue)


def _program(observations: Observations, members: np.ndarray) -> np.ndarray:
    """int64[k]: the TLS fingerprint that most of each member's exchanges show, -1 where none does."""
    program = np.full(len(members), -1, np.int64)
    channel = observations.channels.get("tls")
    if channel is not None:
        who, value, share = channel.rows_of(members)
        order = np.lexsort((-value, share))  # the largest share last, the lowest code last among equals
        program[who[order]] = value[order]
    return program


def stock_group(
    observations: Observations,
    matches: Matches,
    members: np.ndarray,
    stock: np.ndarray,
    settings: ClusterSettings,
) -> Candidate | None:
    """The members that the others explain, all evidence together, and who show its own wordings; None where too few are left.

    Args:
        members: int32[k] codes, ascending.
        stock: int32[] templates of the stock.
    """
    for _ in range(2 * settings.rounds):
        if len(members) < max(settings.min_members, 2):
            return None
        fit = fit_members(observations, members, seed=settings.seed)
        stays = fit.bits >= rarity(observations, len(members)) + settings.min_posterior_bits
        if stays.all():
            break
        members = members[stays]
    pool = len(fit.members)
    fit = without_outsiders(observations, matches, fit, stock, settings)
    return Candidate(members=fit.members, origin="remainder", fit=fit, pool=pool, stock=stock)
