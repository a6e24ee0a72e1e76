"""How much of each member's traffic is the campaign's: the exchanges that hold the group's own wording.

Other traffic of the same accounts is cover, the customers of a relay, or what a stolen key's owner sends. Ordinary
accounts hold a campaign's wording by chance in a share f of their exchanges, and so will cover; of a share h seen,
(h - f) / (1 - f) is left (Rogan and Gladen, Am. J. Epidemiology 107, 1978, with sensitivity one).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hydrascope.features.wording import (
    LEAST_HELD,
    Postings,
    SampledShingles,
    Users,
    count_users,
    is_enough,
    own_wording,
)
from hydrascope.kernels.holdings import count_held
from hydrascope.kernels.lookup import find

__all__ = ["Read", "Typical", "distilled_shares", "read_ordinary", "typical_wording"]

Read = Callable[[np.ndarray], Iterator[SampledShingles]]
"""Codes of accounts, int32[], to their sampled exchanges."""

_LEARNED_FROM = 2_000
"""Most members that a group's wording is learned from."""
_COMPARED_WITH = 2_000
"""Most other accounts that tell what is usual."""
_ASKED = 60
"""Most members that tell what is typical of a group."""
_EXCHANGES = 32
"""Most exchanges of each of them, and of the accounts that they are compared with."""
_EVERY = 0.9
"""Share of the conversations that must open with the wording for all of their turns to be the campaign's."""
_LEAST_OPENERS = 20
_ROUNDS = 3
_MANY = 0.02
"""Share of the ordinary accounts that users of a wording must be to be left out."""
_TYPICAL_PART = 0.25
"""Of the own shingles that a typical exchange of the campaign holds, the part that an exchange must hold ..."""
_MOST_NEEDED = 4
"""... but no more than this many: some texts of a campaign are short."""
_LARGE = 0.1
"""Share of all others that half as many accounts as a group has must be for its wording to be read more than once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typical:
    """A group's own wording, and how much of its traffic holds it."""

    wording: np.ndarray
    """int64[] shingles, ascending."""
    share: float
    """Of the median member's exchanges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """Exchanges, and how many shingles of the wording each holds among how many."""

    account: np.ndarray
    xid: np.ndarray
    n_held: np.ndarray
    length: np.ndarray

    def judged(self, least: int) -> _Held:
        """Those that hold so many at least."""
        holds = is_enough(self.n_held, self.length, least=least)
        return _Held(account=self.account, xid=self.xid, holds=holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """Exchanges, and whether each holds the wording."""

    account: np.ndarray
    xid: np.ndarray
    holds: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """A group's own wording, and the ordinary exchanges beside which it is its own."""

    wording: np.ndarray
    rest: Postings
    least: int = LEAST_HELD
    """Its shingles that an exchange must hold."""

    def holding(self) -> np.ndarray:
        """Positions of the ordinary exchanges that hold it all the same: int64[], ascending."""
        return self.rest.holding(self.wording, least=self.least)

    def chance(self) -> float:
        """Their share."""
        return len(self.holding()) / max(len(self.rest.account), 1)


def read_ordinary(read: Read, accounts: np.ndarray) -> Postings:
    """Sampled exchanges of at most `_COMPARED_WITH` of some accounts (int[] codes), evenly chosen."""
    return Postings.of(read(_evenly(accounts, _COMPARED_WITH)))


def distilled_shares(
    read: Read,
    groups: Sequence[np.ndarray],
    ordinary: Postings,
    n_sampled: np.ndarray,
    opening: np.ndarray | None = None,
    *,
    sizes: Sequence[int] | None = None,
) -> list[np.ndarray | None]:
    """Distilled share of each member, for each group; None where a group has no wording of its own.

    Members without a sampled exchange are given their group's mean. Beside a group that is a good part of the log,
    ordinary accounts that hold its wording half as often as its members do are taken for members that were not
    attached: if they are many, they are left out and the wording is read again. Some of the members tell how often.

    Args:
        read: reads sampled exchanges.
        groups: int32[k] codes of the members of each, nobody in two.
        ordinary: accounts in none of them.
        n_sampled: int64[n_accounts] sampled exchanges.
        opening: int64[] ascending, the hashed ids of sampled exchanges that open a conversation, of groups that speak
            in long ones.
        sizes: members of each group, where `groups` holds some of them only.
    """
    return [share for _, share in _worded(read, groups, ordinary, n_sampled, opening, sizes)]


def _worded(
    read: Read,
    groups: Sequence[np.ndarray],
    ordinary: Postings,
    n_sampled: np.ndarray,
    opening: np.ndarray | None = None,
    sizes: Sequence[int] | None = None,
) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Own wording (int64[], ascending) and members' shares (float64[k], or None) of each group; see `distilled_shares`."""
    n_known = int((n_sampled > 0).sum())
    strays = [_stray(k, n_known) for k in sizes or map(len, groups)]
    pieces: list[list[Users]] = [[] for _ in groups]
    for g, part in _pieces(read, [_evenly(m, _LEARNED_FROM) for m in groups], len(n_sampled)):
        pieces[g].append(count_users(part))
    learned = [Users.union(parts) for parts in pieces]
    compared = [
        _Compared(wording=own_wording(mine, ordinary.users, stray=stray), rest=ordinary)
        for mine, stray in zip(learned, strays, strict=True)
    ]

    def shares_of(asked: Mapping[int, np.ndarray]) -> dict[int, np.ndarray | None]:
        counted = _count(read, asked, {g: compared[g].wording for g in asked}, len(n_sampled))
        shares: dict[int, np.ndarray | None] = {}
        for g, members in asked.items():
            compared[g] = replace(compared[g], least=_least_held(counted[g]))
            held, chance = [c.judged(compared[g].least) for c in counted[g]], compared[g].chance()
            shares[g] = _corrected(_with_turns(held, chance, opening), members, n_sampled, chance)
        return shares

    asked = {g: _evenly(groups[g], _LEARNED_FROM) for g, stray in enumerate(strays) if stray}
    for i in range(_ROUNDS - 1):
        fellows = {g: _fellows(compared[g], share, len(n_sampled)) for g, share in shares_of(asked).items()}
        for g, who in fellows.items():
            rest = compared[g].rest if who is None else compared[g].rest.without(who)
            compared[g] = _Compared(wording=own_wording(learned[g], rest.users), rest=rest)
        asked = {g: m for g, m in asked.items() if fellows[g] is not None or i == 0}
    shares = shares_of(dict(enumerate(groups)))
    return [(compared[g].wording, shares[g]) for g in range(len(groups))]


def _stray(n_members: int, n_known: int) -> float:
    """Share of all others that may be members, if half as many as were attached were not; 0 where it is small."""
    share = 0.5 * n_members / max(n_known - n_members, 1)
    return min(share, 1.0) if share >= _LARGE else 0.0


def _count(
    read: Read, groups: Mapping[int, np.ndarray], wording: Mapping[int, np.ndarray], n_accounts: int
) -> Mapping[int, list[_Counted]]:
    """How much of each group's wording its sampled exchanges hold."""
    counted: dict[int, list[_Counted]] = {g: [] for g in groups}
    names = list(groups)
    for i, part in _pieces(read, list(groups.values()), n_accounts):
        g = names[i]
        n_held = count_held(part.offsets, part.shingle, wording[g])
        counted[g].append(
            _Counted(account=part.account, xid=part.xid, n_held=n_held, length=np.diff(part.offsets))
        )
    return counted


def _least_held(pieces: Sequence[_Counted]) -> int:
    """Own shingles that an exchange must hold to be the campaign's, by how many its exchanges typically do.

    What only a relay's customers say is own wording as well, a few shingles at a time; a wrapper stands there whole.
    Typical is the median over shingles: half of all that are held stand in exchanges that hold more.
    """
    n = np.sort(np.concatenate([np.zeros(0, np.int64), *(piece.n_held for piece in pieces)]))
    n = n[n >= LEAST_HELD]
    if not len(n):
        return LEAST_HELD
    mass = np.cumsum(n)
    typical = int(n[np.searchsorted(mass, 0.5 * mass[-1])])
    return int(np.clip(round(_TYPICAL_PART * typical), LEAST_HELD, _MOST_NEEDED))


def _fellows(compared: _Compared, share: np.ndarray | None, n_accounts: int) -> np.ndarray | None:
    """bool[n_accounts]: the ordinary accounts that use the wording as members do; None where they are few."""
    if share is None:
        return None
    rest = compared.rest
    n_held = np.bincount(rest.account[compared.holding()], minlength=n_accounts)
    n = np.bincount(rest.account, minlength=n_accounts)
    found = (n_held >= 2) & (n_held >= 0.5 * float(share.mean()) * n)
    return found if found.sum() >= _MANY * rest.users.n_accounts else None


def _with_turns(pieces: Sequence[_Held], chance: float, opening: np.ndarray | None) -> Sequence[_Held]:
    """Count later turns as the campaign's where nearly every conversation opens with its wording.

    A wrapper stands in the first turn, what an agent's tools answer in the others. Where fewer conversations open
    with the wording, the later turns may belong to the rest, and only those that hold it count.
    """
    if opening is None or not len(opening):
        return pieces
    opens = [find(opening, piece.xid)[1] for piece in pieces]
    holds = np.concatenate([piece.holds[first] for piece, first in zip(pieces, opens, strict=True)])
    if len(holds) < _LEAST_OPENERS or holds.mean() - chance < _EVERY * (1.0 - chance):
        return pieces
    return [replace(p, holds=np.where(first, p.holds, 1.0)) for p, first in zip(pieces, opens, strict=True)]


def typical_wording(
    read: Read, groups: Sequence[np.ndarray], others: np.ndarray, n_sampled: np.ndarray
) -> list[Typical | None]:
    """Each group's own wording and the median member's share of it; None where nobody has a sample.

    As `distilled_shares`, from a few exchanges of a few members of each group: a median needs no more, and a log has
    thousands of groups.

    Args:
        others: int[] codes of accounts that are in no group.
    """

    def few(accounts: np.ndarray) -> Iterator[SampledShingles]:
        return (part.first(_EXCHANGES) for part in read(accounts))

    asked = [_evenly(m[n_sampled[m] > 0], _ASKED) for m in groups]
    known = [i for i, m in enumerate(asked) if len(m)]
    worded = _worded(
        few,
        [asked[i] for i in known],
        read_ordinary(few, others),
        np.minimum(n_sampled, _EXCHANGES),
        sizes=[len(groups[i]) for i in known],
    )
    found: list[Typical | None] = [None] * len(groups)
    for i, (wording, share) in zip(known, worded, strict=True):
        found[i] = Typical(wording=wording, share=0.0 if share is None else float(np.median(share)))
    return found


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
    if not groups:
        return
    for part in read(np.concatenate(list(groups))):
        of = group[part.account]
        order = np.argsort(of, kind="stable")
        part, of = part.take(order), of[order]
        starts = np.flatnonzero(np.diff(of, prepend=-1))
        for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(of)], strict=True):
            yield int(of[start]), part.between(start, stop)


def _corrected(
    pieces: Sequence[_Held], members: np.ndarray, n_sampled: np.ndarray, chance: float
) -> np.ndarray | None:
    """float64[k] shares without what chance gives; None where nothing is left."""
    n_held = np.zeros(len(n_sampled))
    for piece in pieces:
        n_held += np.bincount(piece.account, weights=piece.holds, minlength=len(n_sampled))
    k, n = n_held[members], n_sampled[members]
    seen = np.where(n > 0, k / np.maximum(n, 1), k.sum() / max(int(n.sum()), 1))
    share = np.maximum(seen - chance, 0.0) / max(1.0 - chance, 1e-9)
    return share if share.any() else None
