"""What is counted of every account while history passes: a few numbers each."""

from __future__ import annotations

import numpy as np

from hydrascope.pipeline.hunt.history import Piece

__all__ = ["Totals"]

_COMPACT = 1 << 20
"""Partial rows that are held before they are summed up."""


_LATE, _EARLY = np.iinfo(np.int64).max, np.iinfo(np.int64).min


class Totals:
    """Records, first and last time by account; after `close`, in the order of ids."""

    def __init__(self) -> None:
        self._held: list[np.ndarray] = []
        self._n_held = 0
        self._names: dict[int, str] = {}
        self._codes: dict[int, int] = {}
        self.ids: tuple[str, ...] = ()
        self.n = self.first_us = self.last_us = np.zeros(0, np.int64)
        self.n_seen = np.zeros(0, np.int64)
        """Records in which a template could be seen: all of a log's, a state's sketched ones."""

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, piece: Piece) -> None:
        """Take in one piece."""
        ones = np.ones(len(piece.account), np.int64)
        seen = ones if piece.n_sampled is None else 0 * ones
        self._hold(_sum(np.stack([piece.account, ones, piece.at_us, piece.at_us, seen])))
        if piece.n_sampled:
            rows = [(a, 0, _LATE, _EARLY, n) for a, n in piece.n_sampled.items()]
            self._hold(np.array(rows, np.int64).T)
        self._names.update(piece.names)

    def _hold(self, rows: np.ndarray) -> None:
        self._held.append(rows)
        self._n_held += rows.shape[1]
        if self._n_held > _COMPACT + self._held[0].shape[1]:
            self._compact()

    def _compact(self) -> np.ndarray:
        whole = _sum(np.concatenate([np.zeros((5, 0), np.int64), *self._held], axis=1))
        self._held, self._n_held = [whole], whole.shape[1]
        return whole

    def close(self) -> None:
        """Nothing more comes: number the accounts by their ids."""
        account, n, first, last, seen = self._compact()
        names = [self._names.get(a, f"#{a & 0xFFFFFFFFFFFFFFFF:016x}") for a in account.tolist()]
        order = np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)
        self.ids = tuple(names[i] for i in order.tolist())
        self.n, self.first_us, self.last_us, self.n_seen = n[order], first[order], last[order], seen[order]
        self._codes = {a: i for i, a in enumerate(account[order].tolist())}

    def code(self, account: int) -> int:
        """Position of an account, by its hash."""
        return self._codes[account]

    def find(self, account: int) -> int | None:
        """The same; None for an account that the history does not hold."""
        return self._codes.get(account)


def _sum(rows: np.ndarray) -> np.ndarray:
    """Rows (account, records, first, last, seen), one an account."""
    account, place = np.unique(rows[0], return_inverse=True)
    summed = np.zeros((5, len(account)), np.int64)
    summed[0], summed[2], summed[3] = account, _LATE, _EARLY
    np.add.at(summed[1], place, rows[1])
    np.minimum.at(summed[2], place, rows[2])
    np.maximum.at(summed[3], place, rows[3])
    np.add.at(summed[4], place, rows[4])
    return summed
