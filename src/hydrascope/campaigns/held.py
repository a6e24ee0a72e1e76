"""What the sampled exchanges of a group's members hold, side by side in arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hydrascope.features.content import Matches
from hydrascope.kernels.ranges import ranges

__all__ = ["Held"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Which templates stand in which exchanges of k members: m rows by member, exchange, template."""

    n_members: int
    member: np.ndarray
    """int64[m] positions among the members."""
    xid: np.ndarray
    """int64[m]."""
    template: np.ndarray
    """int32[m]."""

    @staticmethod
    def of(matches: Matches, members: np.ndarray) -> Held:
        """Of some accounts. Args: members: int[k] codes."""
        starts = matches.offsets[members]
        sizes = matches.offsets[members + 1] - starts
        rows = ranges(starts, sizes)
        return Held(
            n_members=len(members),
            member=np.repeat(np.arange(len(members)), sizes),
            xid=matches.xid[rows],
            template=matches.template[rows],
        )

    def ranked(self, templates: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Exchanges that hold any of some templates: their members, ids, and the place of the first of those that each holds.

        Args:
            templates: int32[], distinct.
        """
        rows, place, starts = self._placed(templates)
        first = np.minimum.reduceat(place, starts) if len(starts) else place
        return self.member[rows[starts]], self.xid[rows[starts]], first

    def combinations(self, templates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Exchanges that hold any of some templates: their members, and a number for the set of those that each holds.

        Sets are told apart by the sum of a random number for each template (Zobrist, University of Wisconsin report 88, 1970).
        """
        rows, place, starts = self._placed(templates)
        if not len(starts):
            return self.member[:0], place
        key = np.random.default_rng(0).integers(1, 1 << 63, len(templates), np.uint64)
        sums = np.add.reduceat(key[place], starts)
        return self.member[rows[starts]], np.unique(sums, return_inverse=True)[1]

    def _placed(self, templates: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows that hold one of some templates, its place among them, and where the rows of each exchange start: int64[] all."""
        rank = np.full(int(max(self.template.max(initial=-1), templates.max(initial=-1))) + 1, len(templates))
        rank[templates] = np.arange(len(templates))
        place = rank[self.template]
        rows = np.flatnonzero(place < len(templates))
        member, xid = self.member[rows], self.xid[rows]
        new = np.append(True, (np.diff(xid) != 0) | (np.diff(member) != 0))[: len(rows)]
        return rows, place[rows], np.flatnonzero(new)

    def share(self, templates: np.ndarray, n_sampled: np.ndarray) -> np.ndarray:
        """float64[k] share of each member's sampled exchanges (int64[k]) that hold one of the templates."""
        member = self.ranked(templates)[0]
        return np.bincount(member, minlength=self.n_members) / np.maximum(n_sampled, 1)
