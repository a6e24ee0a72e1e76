"""The sampled exchanges of some accounts as bags of shingles, and which of them hold a group's own wording.

Templates (`linkage.templates`) are what recurs inside an account. A campaign that varies its wrapper, or that wraps only
the first turn of a long session, repeats itself too seldom inside any one account; over all its accounts it repeats itself
a lot. So once the members are known, their wording is read again from what recurs between them and hardly elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from hydrascope.engine.base import Engine
from hydrascope.features.population import Population
from hydrascope.features.sampled import SampledLists, Systems, read_lists, read_systems
from hydrascope.kernels.holdings import count_owners, join_lists, take_lists
from hydrascope.kernels.lookup import find
from hydrascope.kernels.ranges import ranges

__all__ = [
    "LEAST_HELD",
    "Postings",
    "SampledShingles",
    "Users",
    "count_users",
    "is_enough",
    "is_own",
    "own_wording",
    "read_openers",
    "read_sampled",
]

_PER_READ = 2_000
"""Accounts whose sampled exchanges are held at once: some 100 MB."""
_LEAST_USERS = 3
"""Members that must hold a shingle: two may have copied the same page."""
_LIFT = 10.0
"""... and times as many of the members as of other accounts."""
LEAST_HELD = 2
"""Such shingles that an exchange must hold ..."""
_LEAST_PART = 0.1
"""... and part of its shingles that they must be: a long prompt holds a few of anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledShingles:
    """n exchanges, each with the shingles of its prompt and of its system prompt; one of both is there twice."""

    account: np.ndarray
    """int32[n] codes."""
    xid: np.ndarray
    """int64[n]."""
    offsets: np.ndarray
    """int64[n+1]."""
    shingle: np.ndarray
    """int64[]."""

    def __len__(self) -> int:
        return len(self.account)

    def rows(self) -> np.ndarray:
        """int32[]: the exchange of each shingle."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.offsets))

    def take(self, chosen: np.ndarray) -> SampledShingles:
        """Some of the exchanges, in the order given. Args: chosen: int64[] positions."""
        offsets, shingle = take_lists(self.offsets, self.shingle, chosen)
        return SampledShingles(
            account=self.account[chosen], xid=self.xid[chosen], offsets=offsets, shingle=shingle
        )

    def first(self, most: int) -> SampledShingles:
        """At most so many exchanges of each account: those with the lowest hashed ids."""
        order = np.lexsort((self.xid, self.account))
        account = self.account[order]
        place = np.arange(len(order)) - np.searchsorted(account, account)
        return self.take(order[place < most])

    @staticmethod
    def concat(parts: Iterable[SampledShingles]) -> SampledShingles:
        """Of exchanges that are in one part each."""
        none = np.zeros(0, np.int64)
        account, xid, length, shingle = [none.astype(np.int32)], [none], [none], [none]
        for part in parts:
            account.append(part.account)
            xid.append(part.xid)
            length.append(np.diff(part.offsets))
            shingle.append(part.shingle)
        return SampledShingles(
            account=np.concatenate(account),
            xid=np.concatenate(xid),
            offsets=np.append(0, np.cumsum(np.concatenate(length))),
            shingle=np.concatenate(shingle),
        )

    def between(self, start: int, stop: int) -> SampledShingles:
        """Neighbouring exchanges, without a copy."""
        offsets = self.offsets[start : stop + 1]
        return SampledShingles(
            account=self.account[start:stop],
            xid=self.xid[start:stop],
            offsets=offsets - offsets[0],
            shingle=self.shingle[offsets[0] : offsets[-1]],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """How many of some accounts hold which shingle."""

    shingle: np.ndarray
    """int64[s], ascending."""
    n_users: np.ndarray
    """int64[s]."""
    n_accounts: int

    @staticmethod
    def union(parts: Sequence[Users]) -> Users:
        """Of accounts that are in one part each."""
        none = np.zeros(0, np.int64)
        shingle = np.concatenate([none, *(p.shingle for p in parts)])
        order = np.argsort(shingle)
        shingle = shingle[order]
        n_users = np.concatenate([none, *(p.n_users for p in parts)])[order]
        starts = np.flatnonzero(np.append(True, np.diff(shingle) != 0)[: len(shingle)])
        return Users(
            shingle=shingle[starts],
            n_users=np.add.reduceat(n_users, starts) if len(starts) else none,
            n_accounts=sum(p.n_accounts for p in parts),
        )


def read_sampled(engine: Engine, population: Population, accounts: np.ndarray) -> Iterator[SampledShingles]:
    """Sampled exchanges (the view `sampled`) of some accounts, a bounded number of accounts at a time.

    They are read in the order that they are stored in, so that however many reads it takes, each row is read once.

    Args:
        accounts: int32[] codes.
    """
    accounts = accounts[np.argsort(population.hashed[accounts])]
    systems = read_systems(engine)
    for start in range(0, len(accounts), _PER_READ):
        chosen = accounts[start : start + _PER_READ]
        low, high = population.hashed[chosen[[0, -1]]].tolist()
        engine.register("worded", pa.table({"code": chosen.astype(np.int32)}))
        found = read_lists(
            engine,
            f"sampled s JOIN worded w ON s.account = w.code WHERE s.hashed BETWEEN {low} AND {high}",
            systems,
        )
        if len(found.account):
            yield _with_systems(found, systems)


def _with_systems(found: SampledLists, systems: Systems) -> SampledShingles:
    """Add each exchange's system prompt's shingles to those of its prompt."""
    first, last = (np.where(found.system >= 0, systems.offsets[found.system + i], 0) for i in (0, 1))
    offsets, shingle = join_lists(found.offsets, found.shingle, first, last, systems.shingle)
    return SampledShingles(account=found.account, xid=found.xid, offsets=offsets, shingle=shingle)


def read_openers(engine: Engine, accounts: np.ndarray) -> np.ndarray:
    """Sampled exchanges of some accounts that open a conversation: int64[] hashed ids, ascending. One pass over the log.

    Args:
        accounts: int32[] codes.
    """
    if not len(accounts):
        return np.zeros(0, np.int64)
    engine.register("worded", pa.table({"code": accounts.astype(np.int32)}))
    found = engine.stream(
        "SELECT e.xid AS xid FROM exchanges e JOIN sampled s ON e.xid = s.xid JOIN worded w ON s.account = w.code "
        "WHERE e.turns <= 1"
    )
    return np.sort(np.concatenate([np.zeros(0, np.int64), *(batch["xid"].to_numpy() for batch in found)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Postings:
    """n exchanges by what they hold: made once, asked about many wordings, each at the cost of its own occurrences."""

    shingle: np.ndarray
    """int64[m], ascending."""
    row: np.ndarray
    """int32[m]: an exchange that holds it."""
    account: np.ndarray
    """int32[n] codes."""
    length: np.ndarray
    """int64[n] shingles of each exchange."""
    users: Users

    @staticmethod
    def of(parts: Iterable[SampledShingles]) -> Postings:
        """Of exchanges, the exchanges of an account all in one part."""
        none = np.zeros(0, np.int64)
        account, length, shingle = [none.astype(np.int32)], [none], [none]
        for part in parts:
            account.append(part.account)
            length.append(np.diff(part.offsets))
            shingle.append(part.shingle)
        lengths = np.concatenate(length)
        row = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        held = np.concatenate(shingle)
        order = np.argsort(held)
        return _postings(held[order], row[order], np.concatenate(account), lengths)

    def holding(self, wording: np.ndarray, *, least: int = LEAST_HELD) -> np.ndarray:
        """Positions of the exchanges that hold enough of some wording (int64[], ascending): int64[], ascending."""
        first, last = (np.searchsorted(self.shingle, wording, side) for side in ("left", "right"))
        row, held = np.unique(self.row[ranges(first, last - first)], return_counts=True)
        return row[is_enough(held, self.length[row], least=least)]

    def without(self, accounts: np.ndarray) -> Postings:
        """The exchanges of others. Args: accounts: bool[n_accounts]."""
        kept = ~accounts[self.account]
        number = np.cumsum(kept, dtype=np.int32) - 1
        mine = kept[self.row]
        return _postings(self.shingle[mine], number[self.row[mine]], self.account[kept], self.length[kept])


def _postings(shingle: np.ndarray, row: np.ndarray, account: np.ndarray, length: np.ndarray) -> Postings:
    users = _users(shingle, row, account)
    return Postings(shingle=shingle, row=row, account=account, length=length, users=users)


def _users(shingle: np.ndarray, row: np.ndarray, account: np.ndarray) -> Users:
    """Accounts that hold each shingle. Args: shingle: int64[m], ascending. row: int[m] into `account`."""
    names, code = np.unique(account, return_inverse=True)
    shingle, n_users = count_owners(shingle, code[row], len(names))
    return Users(shingle=shingle, n_users=n_users, n_accounts=len(names))


def is_enough(n_held: np.ndarray, length: np.ndarray, *, least: int = LEAST_HELD) -> np.ndarray:
    """bool[]: whether so many shingles of a wording, among so many of an exchange, are no chance. Args: least: of them."""
    return n_held >= np.maximum(least, _LEAST_PART * length)


def count_users(part: SampledShingles) -> Users:
    """Accounts of a part that hold each shingle."""
    order = np.argsort(part.shingle)
    return _users(part.shingle[order], part.rows()[order], part.account)


def own_wording(members: Users, others: Users, *, stray: float = 0.0) -> np.ndarray:
    """Shingles that the members hold far more often than others: int64[], ascending.

    Among others a half is added to the count, so that a shingle that nobody there holds is not infinitely rare:
    with few others to compare by, little is a group's own.

    Args:
        stray: share of the others that may be members themselves.
    """
    if not members.n_accounts or not others.n_accounts:
        return np.zeros(0, np.int64)
    place, known = find(others.shingle, members.shingle)
    outside = np.zeros(len(members.shingle), np.int64)
    outside[known] = others.n_users[place[known]]
    own = is_own(members.n_users, members.n_accounts, outside, others.n_accounts, stray=stray)
    return members.shingle[own]


def is_own(
    n_inside: np.ndarray, n_members: int, n_outside: np.ndarray, n_others: int, *, stray: float = 0.0
) -> np.ndarray:
    """bool[s]: the rule of `own_wording`. Args: n_inside, n_outside: int64[s] users of each shingle among either."""
    part = (1.0 - stray) / _LIFT + stray
    often = part * n_inside / n_members >= (n_outside + 0.5) / n_others
    return np.asarray(often & (n_inside >= _LEAST_USERS))
