"""How much of each member's traffic is the campaign's: the exchanges that hold the group's own wording.

Other traffic of the same accounts is cover, the customers of a relay, or what a stolen key's owner sends. Ordinary
accounts hold a campaign's wording by chance in a share f of their exchanges, and so will cover; of a share h seen,
(h - f) / (1 - f) is left (Rogan and Gladen, Am. J. Epidemiology 107, 1978, with sensitivity one).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from hydrascope.features.wording import SampledShingles, Users, count_users, holds_wording, own_wording

__all__ = ["Read", "distilled_shares"]

Read = Callable[[np.ndarray], Iterator[SampledShingles]]
"""Codes of accounts, int32[], to their sampled exchanges."""

_LEARNED_FROM = 2_000
"""Most members that a group's wording is learned from."""
_COMPARED_WITH = 2_000
"""Most other accounts that tell what is usual."""


def distilled_shares(
    read: Read, groups: Sequence[np.ndarray], n_sampled: np.ndarray
) -> list[np.ndarray | None]:
    """Distilled share of each member, for each group; None where a group has no wording of its own.

    Members without a sampled exchange are given their group's mean.

    Args:
        read: reads sampled exchanges.
        groups: int32[k] codes of the members of each, nobody in two; none of them counts among the others.
        n_sampled: int64[n_accounts] sampled exchanges.
    """
    if not groups:
        return []
    accused = np.zeros(len(n_sampled), bool)
    accused[np.concatenate(list(groups))] = True
    others = list(read(_evenly(np.flatnonzero(~accused & (n_sampled > 0)), _COMPARED_WITH)))
    usual, learned = Users.none(), [Users.none() for _ in groups]
    for part in others:
        usual = usual.merge(count_users(part))
    for g, part in _pieces(read, [_evenly(m, _LEARNED_FROM) for m in groups], len(n_sampled)):
        learned[g] = learned[g].merge(count_users(part))
    wording = [own_wording(of_group, usual) for of_group in learned]
    n_held = np.zeros(len(n_sampled), np.int64)
    for g, part in _pieces(read, groups, len(n_sampled)):
        n_held += np.bincount(part.account[holds_wording(part, wording[g])], minlength=len(n_sampled))
    return [
        _corrected(n_held[members], n_sampled[members], _chance(others, own))
        for members, own in zip(groups, wording, strict=True)
    ]


def _evenly(accounts: np.ndarray, most: int) -> np.ndarray:
    """At most so many of them, evenly spaced: int32[]."""
    return accounts[:: max(1, -(-len(accounts) // most))].astype(np.int32)


def _pieces(
    read: Read, groups: Sequence[np.ndarray], n_accounts: int
) -> Iterator[tuple[int, SampledShingles]]:
    """The groups' sampled exchanges, in pieces that are of one group each, with its number."""
    group = np.full(n_accounts, -1)
    for g, members in enumerate(groups):
        group[members] = g
    for part in read(np.concatenate(list(groups))):
        of = group[part.account]
        for g in np.unique(of).tolist():
            yield g, part.take(of == g)


def _chance(others: Sequence[SampledShingles], wording: np.ndarray) -> float:
    """Share of other accounts' exchanges that hold the wording."""
    n = sum(map(len, others))
    return sum(int(holds_wording(part, wording).sum()) for part in others) / n if n else 0.0


def _corrected(n_held: np.ndarray, n: np.ndarray, chance: float) -> np.ndarray | None:
    """float64[k] shares without what chance gives; None where nothing is left."""
    seen = np.where(n > 0, n_held / np.maximum(n, 1), n_held.sum() / max(int(n.sum()), 1))
    share = np.maximum(seen - chance, 0.0) / max(1.0 - chance, 1e-9)
    return share if share.any() else None
