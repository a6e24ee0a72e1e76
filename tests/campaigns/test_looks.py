"""Day after day, what is enforced by accident stays under the stated level."""

from __future__ import annotations

import numpy as np

from hydrascope.campaigns.looks import GROWTH, Ledger, Look, Standing, take_looks
from hydrascope.stats.multiplicity import benjamini_hochberg

ALPHA = 0.05


def null_days(rng: np.random.Generator, days: int) -> tuple[bool, bool]:
    """Whether anything passes on days of chance groups alone: by the online level, and by each day's q-value alone.

    Each day some new groups appear and old ones grow, each with a fresh p-value at every look: the worst case for
    whoever looks again and again.
    """
    ledger, known = Ledger(alpha=ALPHA), list[tuple[Standing, int]]()
    online = daily = False
    for _ in range(days):
        sizes = [int(n * rng.uniform(1.0, 2.0)) for _, n in known] + [100] * int(rng.poisson(2))
        p = rng.random(len(sizes))
        looks = [
            Look(p_value=float(v), n_exchanges=n, tested=known[i][0] if i < len(known) else None)
            for i, (v, n) in enumerate(zip(p, sizes, strict=True))
        ]
        ledger, tested = take_looks(ledger, looks)
        online |= any(t.passed for t in tested)
        daily |= bool((benjamini_hochberg(p) <= ALPHA).any())
        known = list(zip(tested, sizes, strict=True))[-12:]
    return online, daily


def test_over_many_null_days_false_enforcement_stays_under_the_stated_level() -> None:
    """With no campaign at all, at most one sequence in twenty enforces anything; q-values day by day do not hold that."""
    rng = np.random.default_rng(0)
    n = 600
    outcomes = np.array([null_days(rng, 60) for _ in range(n)])
    online, daily = outcomes.mean(axis=0)
    assert online <= ALPHA + 2 * np.sqrt(ALPHA * (1 - ALPHA) / n)
    assert daily > 0.5


def test_among_true_campaigns_the_false_ones_stay_rare_and_most_true_ones_are_found() -> None:
    """One new group in three is real: false discoveries stay under the level, and the real ones pass."""
    rng = np.random.default_rng(1)
    false, found, real = [], 0, 0
    for _ in range(100):
        ledger, wrong, right = Ledger(alpha=ALPHA), 0, 0
        for _ in range(60):
            true = rng.random(3) < 1 / 3
            p = np.where(true, 10 ** -rng.uniform(5, 12, 3), rng.random(3))
            ledger, tested = take_looks(
                ledger, [Look(p_value=float(v), n_exchanges=9, tested=None) for v in p]
            )
            passed = np.array([t.passed for t in tested])
            wrong, right = wrong + int((passed & ~true).sum()), right + int((passed & true).sum())
            real += int(true.sum())
        false.append(wrong / max(wrong + right, 1))
        found += right
    assert np.mean(false) <= ALPHA
    assert found > 0.95 * real


def test_a_known_campaign_does_not_spend_again() -> None:
    """What passed stays passed, what did not is looked at again only when it has grown, within its own level."""
    ledger, (first,) = take_looks(Ledger(alpha=ALPHA), [Look(p_value=0.5, n_exchanges=100, tested=None)])
    assert ledger.tested == 1
    ledger, (again,) = take_looks(ledger, [Look(p_value=1e-9, n_exchanges=110, tested=first)])
    assert again == first
    ledger, (grown,) = take_looks(ledger, [Look(p_value=1e-9, n_exchanges=int(100 * GROWTH), tested=first)])
    assert (grown.passed, grown.looks, grown.level) == (True, 2, first.level)
    assert (ledger.tested, ledger.discoveries) == (1, (1,))
    ledger, (later,) = take_looks(ledger, [Look(p_value=0.9, n_exchanges=10_000, tested=grown)])
    assert later == grown
    assert ledger.discoveries == (1,)


def test_looks_at_one_campaign_use_no_more_than_its_level() -> None:
    """The shares of all looks sum to less than one."""
    rng = np.random.default_rng(2)
    passed = 0
    n = 6_000
    for _ in range(n):
        tested = Standing(level=0.2, looks=0, n_exchanges=1, p_value=1.0, passed=False)
        for k in range(1, 9):
            _, (tested,) = take_looks(
                Ledger(alpha=ALPHA), [Look(p_value=float(rng.random()), n_exchanges=2**k, tested=tested)]
            )
        passed += tested.passed
    assert passed / n <= 0.2 + 2 * np.sqrt(0.16 / n)


def test_one_day_is_the_same_in_any_split_of_its_outcomes() -> None:
    """Levels of one day do not depend on what the others of that day found."""
    day = [Look(p_value=p, n_exchanges=1, tested=None) for p in (1e-9, 0.5, 1e-9)]
    quiet = [Look(p_value=0.9, n_exchanges=1, tested=None) for _ in day]
    levels = [[t.level for t in take_looks(Ledger(alpha=ALPHA), d)[1]] for d in (day, quiet)]
    assert levels[0] == levels[1]
