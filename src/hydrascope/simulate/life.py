"""Lives of accounts: bought or signed up, used, banned, replaced; and the slots of a pool they fill."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hydrascope.simulate.setting import DAY_US, HOUR_US, Calendar

__all__ = ["Life", "Lives", "live"]

Ints = npt.NDArray[np.int64]
FAR = np.int64(2**62)


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """How accounts of a group come and go."""

    age_days: float = 240.0
    """Mean age at the start of the world, for accounts that are older than it."""
    newcomers: float = 0.15
    """Share that sign up during the world."""
    first_use_h: float = 20.0
    """Median hours from sign-up to first use, of newcomers and of bought accounts."""
    first_use_sd: float = 1.6
    churn: float = 0.1
    """Share that stop for good during the world."""
    burst_day: float | None = None
    """Day on which all of the group sign up (a class, a purchase); negative: before the world."""
    burst_hours: float = 48.0
    """Spread of that day's sign-ups."""
    ban_days: float | None = None
    """Mean days of use until an account is banned; None: never."""
    replace_h: float = 3.0
    """Median hours until another account takes a banned one's slot; its sign-up is `first_use_h` before."""
    pool_ban: float | None = None
    """Part of the world after which the whole first pool is banned within hours."""
    second_pool: float = 0.0
    """Size of the second pool against the first."""
    failover_h: float = 3.0
    """Hours within which the second pool takes over."""
    stock_days: float = 0.0
    """Successors were bought up to this long before they were needed."""


@dataclass(frozen=True, slots=True)
class Lives:
    """One entry for each account that ever lived in the group."""

    slot: Ints
    created_us: Ints
    start_us: Ints
    end_us: Ints
    banned: npt.NDArray[np.bool_]
    succeeds: Ints
    """Row of the account whose slot it took, or -1."""


def live(life: Life, count: int, calendar: Calendar, rng: np.random.Generator) -> Lives:
    """The lives of `count` slots, successors and second pool included."""
    created, start = births(life, count, calendar, rng)
    end = np.full(count, FAR)
    gone = rng.random(count) < life.churn
    end[gone] = calendar.start_us + (rng.uniform(0.05, 1.0, gone.sum()) * calendar.days * DAY_US).astype(
        np.int64
    )
    end = np.maximum(end, start + HOUR_US)
    blank = np.zeros(count, dtype=bool)
    lives = Lives(np.arange(count), created, start, end, blank, np.full(count, -1))
    if life.pool_ban is not None:
        lives = swap_pools(life, lives, calendar, rng)
    return replace_banned(life, lives, calendar, rng) if life.ban_days else lives


def first_use(life: Life, count: int, rng: np.random.Generator) -> Ints:
    """Microseconds from sign-up to first use."""
    hours = np.exp(np.log(life.first_use_h) + life.first_use_sd * rng.standard_normal(count))
    return np.asarray(hours * HOUR_US, dtype=np.int64)


def births(life: Life, count: int, calendar: Calendar, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Sign-up and first use of the accounts that are not successors."""
    if life.burst_day is not None:
        offset = life.burst_day * DAY_US + rng.uniform(0, life.burst_hours, count) * HOUR_US
        created = (calendar.start_us + offset).astype(np.int64)
    else:
        fresh = rng.random(count) < life.newcomers
        age = np.where(
            fresh, -rng.uniform(0, calendar.days, count), rng.exponential(life.age_days, count) + 0.1
        )
        created = (calendar.start_us - age * DAY_US).astype(np.int64)
    return created, created + first_use(life, count, rng)


def swap_pools(life: Life, lives: Lives, calendar: Calendar, rng: np.random.Generator) -> Lives:
    """The first pool is banned within hours of one moment and a second one takes over."""
    count = len(lives.slot)
    moment = calendar.start_us + int((life.pool_ban or 0) * calendar.days * DAY_US)
    end = moment + (rng.exponential(1.2, count) * HOUR_US).astype(np.int64)
    size = max(1, round(count * life.second_pool)) if life.second_pool else 0
    start = moment + (rng.uniform(0.2, 1.0, size) * life.failover_h * HOUR_US).astype(np.int64)
    bought = (
        start - first_use(life, size, rng) - (rng.random(size) * life.stock_days * DAY_US).astype(np.int64)
    )
    return Lives(
        slot=np.r_[lives.slot, np.arange(size) + count],
        created_us=np.r_[lives.created_us, bought],
        start_us=np.r_[lives.start_us, start],
        end_us=np.r_[np.minimum(end, lives.end_us), np.full(size, FAR)],
        banned=np.r_[np.ones(count, dtype=bool), np.zeros(size, dtype=bool)],
        succeeds=np.r_[lives.succeeds, np.arange(size) % count],
    )


def replace_banned(life: Life, lives: Lives, calendar: Calendar, rng: np.random.Generator) -> Lives:
    """Bans at an even hazard; each banned account's slot goes to a successor."""
    slot, created, start, end = [lives.slot], [lives.created_us], [lives.start_us], []
    banned, succeeds = [], [lives.succeeds]
    begun, limit, rows, doomed, base = lives.start_us, lives.end_us, lives.slot, lives.banned, 0
    for _ in range(200):
        used_from = np.maximum(begun, calendar.start_us)
        ban = used_from + (rng.exponential(life.ban_days or 1.0, len(begun)) * DAY_US).astype(np.int64)
        hit = ban < np.minimum(limit, calendar.end_us)
        end.append(np.where(hit, ban, limit))
        banned.append(hit | doomed)
        if not hit.any():
            break
        wait = np.exp(np.log(life.replace_h) + 0.7 * rng.standard_normal(hit.sum())) * HOUR_US
        begun = ban[hit] + wait.astype(np.int64)
        bought = (
            begun
            - first_use(life, len(begun), rng)
            - (rng.random(len(begun)) * life.stock_days * DAY_US).astype(np.int64)
        )
        succeeds.append(base + np.flatnonzero(hit))
        base, limit, rows, doomed = base + len(hit), limit[hit], rows[hit], doomed[hit]
        slot.append(rows)
        created.append(bought)
        start.append(begun)
    joined = [np.concatenate(x[: len(end)]) for x in (slot, created, start, end, banned, succeeds)]
    alive = joined[2] < np.minimum(joined[3], calendar.end_us)
    renumber = np.where(alive, np.cumsum(alive) - 1, -1)
    parent = joined[5]
    joined[5] = np.where(parent >= 0, renumber[np.maximum(parent, 0)], -1)
    return Lives(*(x[alive] for x in joined))
