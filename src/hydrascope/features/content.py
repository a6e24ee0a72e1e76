"""Which sampled exchanges hold which template."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from hydrascope.engine.base import Engine
from hydrascope.features.sampled import Systems, read_lists, read_systems
from hydrascope.kernels.heavy import match_lists
from hydrascope.kernels.lookup import find
from hydrascope.kernels.ranges import ranges

__all__ = ["Matches", "match_cores", "read_times"]

_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """Which sampled exchanges of n accounts hold a template: m rows by account, exchange, template.

    A large log has more than a hundred million rows, so there is no column of accounts.
    """

    offsets: np.ndarray
    """int64[n+1]: where each account's rows begin."""
    xid: np.ndarray
    """int64[m]."""
    template: np.ndarray
    """int32[m]."""

    def account(self) -> np.ndarray:
        """int32[m] codes, made when asked for."""
        return np.repeat(np.arange(len(self.offsets) - 1, dtype=np.int32), np.diff(self.offsets))


def match_cores(
    engine: Engine,
    shingle: np.ndarray,
    template: np.ndarray,
    *,
    n_accounts: int,
    coverage: float,
    passes: list[tuple[int, int]],
) -> Matches:
    """Sampled exchanges that hold at least `coverage` of a template's core shingles.

    Args:
        shingle: int64[k], template: int32[k], the cores, flattened.
        coverage: share of the core that an exchange must hold, a shingle of both prompt and system prompt counting
            twice.
        passes: of `Heavy`.
    """
    sizes = np.bincount(template, minlength=int(template.max(initial=-1)) + 1)
    need = np.maximum(1, np.ceil(coverage * sizes)).astype(np.int64)
    systems = read_systems(engine)
    names, offsets, of_shingle = _templates_of(shingle, template)
    of_system = _held_by_systems(systems, names, offsets, of_shingle)
    found = []
    for low, high in passes:
        part = read_lists(engine, f"sampled s WHERE s.hashed BETWEEN {low} AND {high}", systems)
        row, held = match_lists(
            (part.offsets, part.shingle), part.system, of_system, names, (offsets, of_shingle), need
        )
        found.append(_ordered(part.account[row], part.xid[row], held))
    return _gathered(found, n_accounts)


def _templates_of(shingle: np.ndarray, template: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct shingles, ascending; int64[c+1] offsets; int32[] templates of which each is part."""
    order = np.lexsort((template, shingle))
    names, n = np.unique(shingle, return_counts=True)
    return names, np.append(0, np.cumsum(n)), template[order].astype(np.int32)


def _held_by_systems(
    systems: Systems, names: np.ndarray, offsets: np.ndarray, of_shingle: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each system prompt: offsets, templates of which it holds core shingles, and how many of them."""
    place, known = find(names, systems.shingle)
    place = place[known]
    system = np.repeat(np.arange(len(systems.name)), np.diff(systems.offsets))[known]
    n = offsets[place + 1] - offsets[place]
    width = max(int(of_shingle.max(initial=0)) + 1, 1)
    pairs, held = np.unique(
        np.repeat(system, n) * width + of_shingle[ranges(offsets[place], n)], return_counts=True
    )
    starts = np.searchsorted(pairs // width, np.arange(len(systems.name) + 1))
    return starts, (pairs % width).astype(np.int32), held


_Rows = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Accounts, exchanges, templates."""


def _ordered(account: np.ndarray, xid: np.ndarray, template: np.ndarray) -> _Rows:
    """By account, exchange, template; those of one exchange come together, ordered by template."""
    first = np.flatnonzero(np.append(True, (np.diff(xid) != 0) | (np.diff(account) != 0))[: len(xid)])
    order = np.lexsort((xid[first], account[first]))
    n = np.diff(np.append(first, len(xid)))[order]
    rows = ranges(first[order], n)
    return account[rows], xid[rows], template[rows]


def _gathered(parts: list[_Rows], n_accounts: int) -> Matches:
    """Ordered parts, nobody in two, as one; each part is let go once it is copied."""
    offsets = np.zeros(n_accounts + 1, np.int64)
    for account, _, _ in parts:
        offsets[1:] += np.bincount(account, minlength=n_accounts)
    offsets = np.cumsum(offsets)
    whole = Matches(
        offsets=offsets, xid=np.empty(offsets[-1], np.int64), template=np.empty(offsets[-1], np.int32)
    )
    while parts:
        account, xid, template = parts.pop()
        new = np.flatnonzero(np.diff(account, prepend=-1))
        place = ranges(offsets[account[new]], np.diff(np.append(new, len(account))))
        whole.xid[place], whole.template[place] = xid, template
    return whole


def read_times(engine: Engine, xid: np.ndarray) -> np.ndarray:
    """When some exchanges of the view `exchanges` began: int64[n], microseconds since 1970. Args: xid: int64[n]."""
    wanted, place = np.unique(xid, return_inverse=True)
    engine.register("timed", pa.table({"xid": wanted}))
    rows = engine.collect(
        "SELECT e.xid AS xid, e.at_us AS at_us FROM exchanges e JOIN timed t ON e.xid = t.xid"
    )
    at = np.zeros(len(wanted), np.int64)
    at[np.searchsorted(wanted, rows["xid"].to_numpy())] = rows["at_us"].to_numpy()
    return at[place]
