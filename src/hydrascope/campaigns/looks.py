"""Many days, one error rate: each campaign's link is tested against a level that holds over the whole sequence of looks.

A campaign with a new id makes one test of LORD++ (`stats.multiplicity.AlphaInvesting`) and gets its level. Later looks
at the same campaign share that level: look k may use 1 / (k (k + 1)) of it, so that all looks together use no more
(the union bound; spending functions after Lan and DeMets, Biometrika 70, 1983). A look counts only when the campaign
has grown by half since the last one that did; in between the last result stands, and what has passed stays passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hydrascope.stats.multiplicity import AlphaInvesting

__all__ = ["Ledger", "Look", "Standing", "take_looks"]

GROWTH = 1.5
"""Times as many exchanges as at the last look that counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What a sequence of looks has spent and earned."""

    alpha: float
    """False discovery rate over the whole sequence."""
    tested: int = 0
    discoveries: tuple[int, ...] = ()
    """How many tests had been made when each discovery was known, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One campaign's tests so far."""

    level: float
    """What all looks at it together may use."""
    looks: int
    n_exchanges: int
    """At the last look that counted."""
    p_value: float
    """At that look."""
    passed: bool
    """Whether it was at most that look's share of the level, then or at an earlier look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One campaign today."""

    p_value: float
    n_exchanges: int
    tested: Standing | None
    """None for a campaign that was never tested."""


def take_looks(ledger: Ledger, looks: Sequence[Look]) -> tuple[Ledger, list[Standing]]:
    """Tests of one day: the ledger after them, and each campaign's tests.

    Campaigns of one day come from one log and depend on each other, so none of the day's levels knows the day's
    outcomes (asynchronous testing with conflict sets: Zrnic, Ramdas and Jordan, JMLR 22, 2021).

    Args:
        looks: in an order that does not depend on their p-values.
    """
    account = AlphaInvesting(ledger.alpha, tested=ledger.tested, discoveries=ledger.discoveries)
    levels = iter(account.levels(sum(look.tested is None for look in looks)))
    results = [_take(look, next(levels) if look.tested is None else look.tested.level) for look in looks]
    fresh = [r.passed and not (k.tested and k.tested.passed) for k, r in zip(looks, results, strict=True)]
    account.close(sum(look.tested is None for look in looks), sum(fresh))
    after = Ledger(alpha=ledger.alpha, tested=account.tested, discoveries=tuple(account.discoveries))
    return after, results


def _take(look: Look, level: float) -> Standing:
    before = look.tested
    if before is not None and (before.passed or look.n_exchanges < GROWTH * before.n_exchanges):
        return before
    k = 1 if before is None else before.looks + 1
    return Standing(
        level=level,
        looks=k,
        n_exchanges=look.n_exchanges,
        p_value=look.p_value,
        passed=look.p_value <= level / (k * (k + 1)),
    )
