"""One operator's pools of accounts within one log: when the first is banned or left, the second takes up its words.

Wording alone ties no two groups, since operators buy the same prompts. Both must use a text that hardly anybody else
uses, and its use must go over from one to the other: one leaves off, and within hours the other begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from hydrascope.campaigns.observations import Observations

__all__ = ["Handover", "find_handover", "shared_texts"]

HOUR_US = 3_600_000_000
WINDOW_H = 24.0
"""Hours within which the later pool must begin."""
_REACH = 0.5
"""Least share of the accounts of each group that use the text."""
_OUTSIDE = 0.1
"""Most users outside the two groups, as a share of those inside."""
_LEAST_USES = 20
"""Exchanges of each group that must hold the text for its use to have a beginning and an end."""
_OVERLAP = 0.05
"""Most of either group's uses on the wrong side of the moment that parts them best: tests, stragglers. Twice as many where bans gave the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """The use of one text goes over from some accounts to others."""

    n_before: int
    """Accounts that used it first."""
    n_after: int
    n_banned: int
    """Accounts of the first that were banned until the second began."""
    ended_us: int
    """When the first left off, microseconds since 1970."""
    began_us: int
    """When the second began."""
    log_h: float
    """Hours from the first use of the text to the last."""

    @property
    def gap_h(self) -> float:
        """Hours between the two."""
        return (self.began_us - self.ended_us) / HOUR_US

    @property
    def bits(self) -> float:
        """Log2 of how seldom an unrelated pool, beginning at any hour, would come as close.

        An hour is the finest that is counted.

        >>> Handover(n_before=9, n_after=9, n_banned=9, ended_us=0, began_us=3 * HOUR_US, log_h=480.0).bits
        6.321928094887363
        """
        return float(np.log2(max(self.log_h / (2 * max(self.gap_h, 1.0)), 1.0)))

    @property
    def sentence(self) -> str:
        """For the analyst."""
        ended = (
            f"{self.n_banned} of them were banned" if self.n_banned >= self.n_before / 2 else "they left off"
        )
        later = "within the hour" if self.gap_h < 1 else f"{self.gap_h:.0f} hours later"
        return (
            f"{self.n_before} accounts used a text that hardly anybody else uses until {ended}; "
            f"{self.n_after} others took it up {later}."
        )


def shared_texts(observations: Observations, groups: Sequence[np.ndarray]) -> dict[tuple[int, int], int]:
    """Pairs of groups of which most accounts use one template, and hardly anybody else does, with the commonest such.

    Args:
        groups: int32[k] codes of the accounts of each.
    """
    users = observations.template_share.astype(bool)
    n_all = np.bincount(users.indices, minlength=users.shape[1])
    held: dict[int, list[tuple[int, int]]] = {}
    for i, members in enumerate(groups):
        inside = np.asarray(users[members].sum(axis=0)).ravel()
        for t in np.flatnonzero(inside >= _REACH * len(members)).tolist():
            held.setdefault(t, []).append((i, int(inside[t])))
    found: dict[tuple[int, int], tuple[float, int]] = {}
    for t, holders in sorted(held.items()):
        if n_all[t] > (1 + _OUTSIDE) * sum(sorted(n for _, n in holders)[-2:]):
            continue  # no two of them are most of its users
        for (i, a), (j, b) in combinations(holders, 2):
            reach = min(a / len(groups[i]), b / len(groups[j]))
            if n_all[t] - a - b <= _OUTSIDE * (a + b) and reach > found.get((i, j), (0.0, t))[0]:
                found[i, j] = (reach, t)
    return {pair: t for pair, (_, t) in sorted(found.items())}


def find_handover(
    one: np.ndarray, other: np.ndarray, accounts: tuple[int, int], banned_at: Mapping[int, np.ndarray]
) -> Handover | None:
    """How the use of a text goes over from one group to another; None where it does not.

    Args:
        one, other: int64[], ascending, times of each group's exchanges that hold the text, microseconds.
        accounts: how many accounts each group has.
        banned_at: for 0 and 1, when accounts of the group were banned; -1 where never.
    """
    if min(len(one), len(other)) < _LEAST_USES:
        return None
    first, (before, after) = (0, (one, other)) if np.median(one) <= np.median(other) else (1, (other, one))
    at = np.union1d(before, after)
    late = 1.0 - np.searchsorted(before, at, side="right") / len(before)
    early = np.searchsorted(after, at, side="right") / len(after)
    cut = int(np.argmin(late + early))
    ended = int(before[np.searchsorted(before, at[cut], side="right") - 1])
    rest = after[np.searchsorted(after, at[cut], side="right") :]
    if not len(rest) or rest[0] - ended > WINDOW_H * HOUR_US:
        return None
    began, bans = int(rest[0]), banned_at[first]
    n_banned = int(((bans >= 0) & (bans <= began)).sum())
    allowed = _OVERLAP * (2.0 if 2 * n_banned >= accounts[first] else 1.0)
    if max(late[cut], early[cut]) > allowed:
        return None
    return Handover(
        n_before=accounts[first],
        n_after=accounts[1 - first],
        n_banned=n_banned,
        ended_us=ended,
        began_us=began,
        log_h=float(max(one[-1], other[-1]) - min(one[0], other[0])) / HOUR_US,
    )
