"""How an operator's queue is given to the accounts of its pool."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hydrascope.errors import ConfigError, nearest
from hydrascope.simulate.arrivals import Moments, concat
from hydrascope.simulate.roster import Roster
from hydrascope.simulate.seeds import mix
from hydrascope.simulate.setting import HOUR_US

__all__ = ["Dispatch", "dispatch"]

Ints = npt.NDArray[np.int64]
FAILURES = np.array([429, 429, 429, 429, 402, 402, 529, 529])
FULL = np.array([429, 429, 429, 429, 429, 429, 529, 529])
RULES = ("even", "round_robin", "sticky", "priority", "random")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Who gets the next exchange."""

    rule: str = "even"
    """even (workers on one queue), round_robin, sticky, priority or random."""
    skew: float = 0.05
    """Standard deviation of the log shares of slots."""
    handover: float = 0.02
    """Chance per step that a sticky session moves to another account for good (a limit, a failed payment)."""
    attempts: bool = True
    """Whether what made a session move, or a slot overflow, is in the log: the attempt that failed before."""
    per_hour: float = 30.0
    """Exchanges an hour that a slot takes before the next one is used, under `priority`."""


def dispatch(config: Dispatch, moments: Moments, roster: Roster, rng: np.random.Generator) -> Moments:
    """Chooses an account for every exchange; what no living account can take is lost."""
    lives = roster.lives
    order = np.lexsort((lives.start_us, lives.slot))
    starts, slots = lives.start_us[order], lives.slot[order]
    who = np.full(len(moments.at), -1, dtype=np.int64)
    open_rows = np.arange(len(moments.at))
    for turn in range(4):
        if not len(open_rows):
            break
        rows = moments.keep(open_rows)
        slot = choose_slot(config if turn == 0 else Dispatch(rule="random", skew=0.0), rows, roster, rng)
        found = occupant(slot, rows.at, slots, starts)
        account = order[np.maximum(found, 0)]
        good = (found >= 0) & (lives.end_us[account] > rows.at)
        who[open_rows[good]] = account[good]
        open_rows = open_rows[~good]
    kept = np.flatnonzero(who >= 0)
    chosen = replace(moments.keep(kept), account=who[kept])
    if config.attempts and config.rule in ("sticky", "priority") and len(kept):
        chosen = with_failures(config, chosen, lives.end_us)
    return chosen


def with_failures(config: Dispatch, moments: Moments, end_us: Ints) -> Moments:
    """Adds the attempts after which a relay changed accounts: 402, 429 or 529, a moment before, on the old account.

    Under `sticky` a session has moved for good; under `priority` a slot is full, and the request goes to the next.
    """
    sticky = config.rule == "sticky"
    order = np.lexsort((moments.step, moments.session)) if sticky else np.arange(len(moments.at))
    unit = moments.session[order] if sticky else moments.at[order] // HOUR_US
    same = np.r_[False, unit[1:] == unit[:-1]]
    after = np.flatnonzero(same & np.r_[False, np.diff(moments.account[order]) != 0])
    new, old = order[after], moments.account[order[after - 1]]
    number = mix(moments.session[new] + moments.step[new].astype(np.uint64), 223)
    failed = replace(
        moments.keep(new),
        account=old,
        at=moments.at[new] - 400_000 - (number % np.uint64(3_000_000)).astype(np.int64),
        status=(FAILURES if sticky else FULL)[(number % np.uint64(8)).astype(np.int64)],
    )
    failed = failed.keep(np.flatnonzero(failed.at < end_us[old]))
    whole = concat([replace(moments, status=np.zeros(len(moments.at), dtype=np.int64)), failed])
    return whole.keep(np.argsort(whole.at, kind="stable"))


def occupant(slot: Ints, at: Ints, slots: Ints, starts: Ints) -> Ints:
    """Position of the last account that began in a slot before a moment, or -1 (entries sorted by slot, start)."""
    base = int(starts.min(initial=0))
    span = int(max(starts.max(initial=0), at.max(initial=0)) - base + 1)
    # seconds are fine enough to order a slot's accounts, and keep the joint key inside 64 bits
    scale = np.int64(1_000_000)
    width = np.int64(span // scale + 2)
    keys = slots * width + (starts - base) // scale
    place = np.searchsorted(keys, slot * width + np.maximum(at - base, 0) // scale, side="right") - 1
    return np.where((place >= 0) & (slots[np.maximum(place, 0)] == slot), place, -1)


def live_slots(roster: Roster, at_us: int) -> Ints:
    """Slots of the pool in use at a moment."""
    lives = roster.lives
    alive = (lives.start_us <= at_us) & (lives.end_us > at_us)
    found = np.unique(lives.slot[alive])
    return found if len(found) else np.unique(lives.slot)


def choose_slot(config: Dispatch, moments: Moments, roster: Roster, rng: np.random.Generator) -> Ints:
    """A slot for each exchange, by the pool as it is in that hour."""
    slot = np.empty(len(moments.at), dtype=np.int64)
    hours = moments.at // (6 * HOUR_US)
    for hour in np.unique(hours):
        rows = np.flatnonzero(hours == hour)
        slots = live_slots(roster, int(moments.at[rows[len(rows) // 2]]))
        slot[rows] = slots[place_in_pool(config, moments.keep(rows), len(slots), roster, rng)]
    return slot


def place_in_pool(
    config: Dispatch, moments: Moments, slots: int, roster: Roster, rng: np.random.Generator
) -> Ints:
    """Index below `slots` for each exchange."""
    count = len(moments.at)
    if config.rule == "round_robin":
        return moments.order % slots
    if config.rule == "sticky":
        moves = np.floor(moments.step * config.handover + mix(moments.session, 211) / 2.0**64).astype(
            np.uint64
        )
        return (mix(moments.session + moves, roster.key) % np.uint64(slots)).astype(np.int64)
    if config.rule == "priority":
        hour = moments.at // HOUR_US
        begin = np.searchsorted(hour, hour, side="left")
        return np.minimum(((np.arange(count) - begin) / config.per_hour).astype(np.int64), slots - 1)
    if config.rule not in RULES:
        raise ConfigError(f"no such rule of dispatch '{config.rule}'", hint=nearest(config.rule, RULES))
    weights = np.exp(
        config.skew * (mix(np.arange(slots), roster.key) % np.uint64(4001) / 1000.0 - 2.0) * 0.87
    )
    edges = np.cumsum(weights) / weights.sum()
    if config.rule == "even":
        # every cycle serves each worker once in random order, so that shares hardly vary
        cycle = (np.arange(count) + rng.integers(slots)) // slots
        place = np.argsort(np.argsort(cycle + rng.random(count) * 0.999, kind="stable")) + rng.integers(slots)
        draw = (place % slots + rng.random(count)) / slots
    else:
        draw = rng.random(count)
    return np.minimum(np.searchsorted(edges, draw, side="right"), slots - 1)
