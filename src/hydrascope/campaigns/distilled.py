"""How much of each member's traffic is the campaign's: the exchanges that hold the group's own wording.

Other traffic of the same accounts is cover, the customers of a relay, or what a stolen key's owner sends. Ordinary
accounts hold a campaign's wording by chance in a share f of their exchanges, and so will cover; of a share h seen,
(h - f) / (1 - f) is left (Rogan and Gladen, Am. J. Epidemiology 107, 1978, with sensitivity one).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hydrascope.features.wording import SampledShingles, Users, count_users, holds_wording, own_wording

__all__ = ["Ordinary", "Read", "distilled_shares", "read_ordinary", "typical_shares"]

Read = Callable[[np.ndarray], Iterator[SampledShingles]]
"""Codes of accounts, int32[], to their sampled exchanges."""

_LEARNED_FROM = 2_000
"""Most members that a group's wording is learned from."""
_COMPARED_WITH = 2_000
"""Most other accounts that tell what is usual."""
_ASKED = 100
"""Most members that tell what is typical of a group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordinary:
    """What some accounts send that nobody holds to be a group's."""

    parts: Sequence[SampledShingles]
    users: Users

    def without(self, accounts: np.ndarray) -> Ordinary:
        """The others among them. Args: accounts: bool[n_accounts]."""
        return _ordinary([part.take(~accounts[part.account]) for part in self.parts])


def read_ordinary(read: Read, accounts: np.ndarray) -> Ordinary:
    """Sampled exchanges of at most `_COMPARED_WITH` of some accounts (int[] codes)."""
    return _ordinary(list(read(_evenly(accounts, _COMPARED_WITH))))


def _ordinary(parts: Sequence[SampledShingles]) -> Ordinary:
    users = Users.none()
    for part in parts:
        users = users.merge(count_users(part))
    return Ordinary(parts=parts, users=users)


def distilled_shares(
    read: Read, groups: Sequence[np.ndarray], ordinary: Ordinary, n_sampled: np.ndarray
) -> list[np.ndarray | None]:
    """Distilled share of each member, for each group; None where a group has no wording of its own.

    Members without a sampled exchange are given their group's mean.

    Args:
        read: reads sampled exchanges.
        groups: int32[k] codes of the members of each, nobody in two.
        ordinary: other accounts, none of them in a group.
        n_sampled: int64[n_accounts] sampled exchanges.
    """
    if not groups:
        return []
    learned = [Users.none() for _ in groups]
    for g, part in _pieces(read, [_evenly(m, _LEARNED_FROM) for m in groups], len(n_sampled)):
        learned[g] = learned[g].merge(count_users(part))
    wording = [own_wording(of_group, ordinary.users) for of_group in learned]
    n_held = np.zeros(len(n_sampled), np.int64)
    for g, part in _pieces(read, groups, len(n_sampled)):
        n_held += np.bincount(part.account[holds_wording(part, wording[g])], minlength=len(n_sampled))
    return [
        _corrected(n_held[members], n_sampled[members], _chance(ordinary.parts, own))
        for members, own in zip(groups, wording, strict=True)
    ]


def typical_shares(
    read: Read, groups: Sequence[np.ndarray], ordinary: Ordinary, n_sampled: np.ndarray
) -> list[float | None]:
    """Share of the median member's exchanges that hold its group's own wording; None where nobody has a sample.

    As `distilled_shares`, from at most `_ASKED` members of each group: a median needs no more.
    """
    asked = [_evenly(m[n_sampled[m] > 0], _ASKED) for m in groups]
    known = [m for m in asked if len(m)]
    shares = iter(distilled_shares(read, known, ordinary, n_sampled))
    found = [next(shares) if len(m) else np.zeros(0) for m in asked]
    return [0.0 if s is None else float(np.median(s)) if len(s) else None for s in found]


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
