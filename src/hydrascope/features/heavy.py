"""What recurs inside an account: its heavy shingles, from a bounded sample of its exchanges.

A shingle is heavy in an account when several different sampled exchanges hold it: wrappers
and system prompts recur, items do not (shared/design: "Content").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hydrascope.engine.base import Engine
from hydrascope.features.sampled import Systems, read_lists, read_systems
from hydrascope.kernels.heavy import heavy_pairs, usual_shares
from hydrascope.kernels.repeats import repeated_values

__all__ = ["Heavy", "read_heavy", "usual_rate"]

_PER_PASS = 1_000_000
"""Exchanges whose shingles are held in memory at once, some 250 MB."""
_NONE = np.zeros(0, np.int64)
_EVERYWHERE = 0.25
"""Share of the accounts that hold a text, from which its usual rate is not taken at its word; see `usual_rate`."""
_MOST_USUAL = 0.01
"""Then no rate above this is called usual."""
_FEW = 3
"""An account with so few sampled exchanges cannot repeat itself: there, once can be enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heavy:
    """m (shingle, account) pairs, sorted by shingle, then account; only shingles heavy in >= 2 accounts."""

    shingle: np.ndarray
    """int64[m]."""
    account: np.ndarray
    """int32[m] codes."""
    n: np.ndarray
    """int32[m] sampled exchanges of the account that hold the shingle."""
    n_sampled: np.ndarray
    """int64[n_accounts] sampled exchanges."""
    passes: list[tuple[int, int]]
    """Ranges of hashed accounts, both ends included, with few enough sampled exchanges to be worked on at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    """The exchanges of some accounts, as the kernels want them."""

    lists: tuple[np.ndarray, ...]
    """Order with the lists of one account together, account of each list, offsets, shingles of the prompts."""
    wrappers: tuple[np.ndarray, ...]
    """Offsets by account, its system prompts, and how many of its exchanges have each."""


def read_heavy(engine: Engine, n_accounts: int) -> Heavy:
    """Shingles that are heavy in at least two accounts.

    Heavy means more often than the shingle's usual rate explains (its mean share over accounts, three standard
    deviations and one exchange on top): "write a function that" recurs in everybody's traffic and says nothing.
    An account with three sampled exchanges or fewer cannot repeat itself much: there, once can be enough.
    A shingle that stands in a prompt and in its system prompt is counted in both, up to the sample's size.
    Shares are summed as whole billionths: a sum of fractions would depend on the order that accounts come in.
    """
    sizes = engine.collect("SELECT account, hashed, count(*) AS n FROM sampled GROUP BY account, hashed")
    n_sampled = np.zeros(n_accounts, np.int64)
    n_sampled[sizes["account"].to_numpy()] = sizes["n"].to_numpy()
    read = _Passes(engine, _passes(sizes["hashed"].to_numpy(), sizes["n"].to_numpy()), n_accounts)
    candidates = np.union1d(_repeated(read, n_sampled <= _FEW), read.systems.shingle)
    usual = _usual(read, candidates, n_sampled)
    found = [
        heavy_pairs(part.lists, part.wrappers, read.of_system, candidates, n_sampled, usual, _FEW)
        for part in read
    ]
    empty = np.zeros(0, np.int32)
    account, place, n = (np.concatenate([empty, *(f[i] for f in found)]) for i in range(3))
    del found  # a large log has tens of millions
    n_users = np.bincount(place, minlength=len(candidates))
    kept = np.flatnonzero(n_users[place] >= 2)
    order = kept[np.lexsort((account[kept], place[kept]))]
    return Heavy(
        shingle=candidates[place[order]],
        account=account[order],
        n=n[order],
        n_sampled=n_sampled,
        passes=read.bounds,
    )


class _Passes:
    """The sample in parts that fit into memory; one that is all of it is kept from one iteration to the next.

    Args:
        bounds: ranges of hashed accounts, both ends included.
    """

    def __init__(self, engine: Engine, bounds: list[tuple[int, int]], n_accounts: int) -> None:
        self.bounds, self.systems = bounds, read_systems(engine)
        self.of_system = (self.systems.offsets, self.systems.shingle)
        self._engine, self._n_accounts = engine, n_accounts
        self._whole: _Pass | None = None

    def __iter__(self) -> Iterator[_Pass]:
        if len(self.bounds) == 1:
            whole = self._whole or self._read(*self.bounds[0])
            self._whole = whole
            yield whole
            return
        for low, high in self.bounds:
            yield self._read(low, high)

    def _read(self, low: int, high: int) -> _Pass:
        # In ranges, because a large log has hundreds of millions of such pairs.
        part = read_lists(self._engine, f"sampled s WHERE s.hashed BETWEEN {low} AND {high}", self.systems)
        order = np.argsort(part.account, kind="stable")
        return _Pass(
            lists=(order, part.account, part.offsets, part.shingle),
            wrappers=_wrappers(part.account, part.system, self.systems, self._n_accounts),
        )


def _wrappers(
    account: np.ndarray, system: np.ndarray, systems: Systems, n_accounts: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """System prompts of each account: int64[n_accounts+1] offsets, int64[w] systems, int64[w] exchanges with each."""
    known = system >= 0
    width = max(len(systems.name), 1)
    pairs, n = np.unique(account[known].astype(np.int64) * width + system[known], return_counts=True)
    return np.searchsorted(pairs // width, np.arange(n_accounts + 1)), pairs % width, n


def _repeated(read: _Passes, once: np.ndarray) -> np.ndarray:
    """int64[], ascending: shingles of prompts that recur inside two accounts or more.

    Most shingles of prompts occur once. Only those that recur, and those of system prompts, can be heavy, and only they
    are worth counting.

    Args:
        once: bool[n_accounts], those in which one exchange is enough.
    """
    found = [np.unique(repeated_values(*part.lists, once)[1], return_counts=True) for part in read]
    shingle, place = np.unique(np.concatenate([_NONE, *(names for names, _ in found)]), return_inverse=True)
    n_accounts = np.bincount(place, weights=np.concatenate([_NONE, *(n for _, n in found)]))
    return shingle[n_accounts >= 2]


def _usual(read: _Passes, candidates: np.ndarray, n_sampled: np.ndarray) -> np.ndarray:
    """float64[c]: mean share of exchanges over all accounts that hold each candidate; NaN where no two accounts hold it."""
    users, share = np.zeros(len(candidates), np.int64), np.zeros(len(candidates), np.int64)
    for part in read:
        usual_shares(part.lists, part.wrappers, read.of_system, candidates, n_sampled, users, share)
    return np.where(users >= 2, usual_rate(share / 1e9, users, len(n_sampled)), np.nan)


def usual_rate(total_share: np.ndarray, n_users: np.ndarray, n_accounts: int) -> np.ndarray:
    """Mean share of exchanges over all accounts that hold a text; at most `_MOST_USUAL` where a quarter of them hold it.

    Few phrases are in a quarter of all accounts' mouths by chance. What stands there may be one campaign, however
    usual that makes it.

    Args:
        total_share: float64[k], the sum over accounts. n_users: int64[k], accounts that hold it at all.
    """
    rate = total_share / n_accounts
    return np.where(n_users >= _EVERYWHERE * n_accounts, np.minimum(rate, _MOST_USUAL), rate)


def _passes(hashed: np.ndarray, n: np.ndarray) -> list[tuple[int, int]]:
    """Ranges of hashed accounts, both ends included, with about `_PER_PASS` sampled exchanges each.

    Parts hold their shingles in order of hashed accounts, so a pass reads little that it does not want.
    """
    order = np.argsort(hashed)
    before = np.cumsum(n[order]) - n[order]
    first = np.flatnonzero(np.diff(before // _PER_PASS, prepend=-1))
    last = np.append(first[1:], len(order)) - 1
    ends = hashed[order]
    return list(zip(ends[first].tolist(), ends[last].tolist(), strict=True)) if len(order) else []
