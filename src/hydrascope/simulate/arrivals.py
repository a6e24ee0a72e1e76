"""When exchanges happen: people in sessions, services, cron jobs, benchmark runs and one operator's queue.

Every process works a day at a time on all accounts at once, so that a day can be written by any worker.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from hydrascope.errors import ConfigError, nearest
from hydrascope.simulate.roster import Roster
from hydrascope.simulate.seeds import mix, salt, stream
from hydrascope.simulate.setting import DAY_US, Calendar

__all__ = ["Arrivals", "Moments", "arrive", "concat", "ranks"]

Ints = npt.NDArray[np.int64]
BATCH = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """How a flow's exchanges fall in time."""

    process: str = "human"
    """human, service, cron, run, or queue: the operator's own stream, given to accounts by a dispatcher."""
    per_day: float = 10.0
    """Mean exchanges per account (for a queue: per slot) and day of the flow's window."""
    spread: float = 1.0
    """Standard deviation of the log volumes of accounts."""
    active: float = 0.5
    """Share of days on which an account does anything."""
    steps: float = 4.0
    """Mean exchanges in a session; 1 for single calls."""
    think_s: float = 45.0
    """Median pause between the exchanges of a session."""
    think_sd: float = 1.2
    """Standard deviation of the log pauses."""
    weekend: float = 0.5
    """Volume of a weekend day against a weekday."""
    cv: float | None = None
    """Variation of inter-arrival times of services and queues; None: drawn per account as measured."""
    diurnal: float = 0.5
    """Depth of the daily cycle of services and queues, 0 flat to 1; of services the usual one, each has its own."""
    window: tuple[float, float] = (0.0, 1.0)
    """Part of the world's span in which the flow runs."""
    ramp_days: float = 0.0
    """Days after which a new account reaches two thirds of its volume."""
    silences_per_week: float = 0.0
    """Stops of an hour to six of the whole queue."""
    fires: int = 1
    """Batches a day of a cron job; of families whose sizes differ much, those of a middling one."""
    runs: int = 1
    """Passes of a benchmark run, per account."""
    calls: int = 1
    """Calls that each task of a run takes: above 1, an agent works on it, eight tasks at a time."""
    run_hours: float = 4.0
    at_release: bool = False
    """Runs start within a day of the first model release."""
    warm_up: bool = False
    """The flow runs between sign-up and first real use, not after it."""
    trend: float = 0.0
    """Log growth of the volume over the window."""
    follow_release: float = 0.0
    """Factor by which volume rises in the week after a release, minus one."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Exchanges in time, before they have any content; all arrays of one length."""

    at: Ints
    """Microseconds since 1970."""
    account: Ints
    """Row in the roster; -1 where a dispatcher has still to choose."""
    session: npt.NDArray[np.uint64]
    """Key of the session, unique in the world."""
    step: Ints
    """Place in the session, from 0."""
    order: Ints
    """Place in the account's or queue's work list."""
    status: Ints | None = None
    """HTTP status that the mechanics fixed, 0 where it is left to chance; None: all left to chance."""

    def keep(self, rows: npt.NDArray[Any]) -> Moments:
        """The chosen rows."""
        return Moments(
            self.at[rows],
            self.account[rows],
            self.session[rows],
            self.step[rows],
            self.order[rows],
            None if self.status is None else self.status[rows],
        )


def ranks(groups: Ints) -> Ints:
    """Place of each element within its run of equal neighbours."""
    first = np.r_[True, groups[1:] != groups[:-1]]
    start = np.flatnonzero(first)
    return np.arange(len(groups)) - np.repeat(start, np.diff(np.r_[start, len(groups)]))


def run_sums(values: npt.NDArray[np.float64], first: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Cumulative sums that start again, at zero, wherever `first` is true."""
    total = np.cumsum(values)
    start = np.flatnonzero(first)
    return total - np.repeat(total[start], np.diff(np.r_[start, len(values)]))


def span_of(flow: Arrivals, roster: Roster) -> tuple[Ints, Ints]:
    """When each account takes part in a flow."""
    return (roster.lives.created_us, roster.start_us) if flow.warm_up else (roster.start_us, roster.end_us)


def day_counts(
    flow: Arrivals, roster: Roster, day: int, calendar: Calendar, rng: np.random.Generator
) -> Ints:
    """How many exchanges each account has on a day."""
    start = calendar.start_us + day * DAY_US
    first, last = span_of(flow, roster)
    alive = (first < start + DAY_US) & (last > start)
    rate = flow.per_day * roster.volume(flow.spread) * day_factor(flow, day, calendar)
    if flow.ramp_days:
        rate = rate * (
            1 - np.exp(-np.maximum(start + DAY_US - roster.start_us, 0) / (flow.ramp_days * DAY_US))
        )
    share = np.clip(flow.active * roster.habit * size_factor(flow, roster, 0.3), 0.02, 1.0)
    on = rng.random(len(rate)) < share
    noise = rng.gamma(4.0, 0.25, len(rate))
    return np.asarray(rng.poisson(np.where(alive & on, rate / share * noise, 0.0)), dtype=np.int64)


def size_factor(flow: Arrivals, roster: Roster, slope: float) -> npt.NDArray[np.float64]:
    """What large programs do more of than small ones of their family: act daily, at all hours, in more batches.

    Measured on API clients: from the smallest sixth to the largest the depth of the daily cycle falls from 1.85 to
    0.44, and the share of ten-minute windows with traffic rises from 0.005 to 0.96.
    """
    own = flow.process in ("service", "cron") and flow.cv is None and flow.spread > 1
    return np.asarray(np.exp(slope * roster.volume_z) if own else np.ones(len(roster)))


def day_factor(flow: Arrivals, day: int, calendar: Calendar) -> float:
    """Volume of a day against the mean: window, week, holidays, growth, release."""
    low, high = flow.window[0] * calendar.days, flow.window[1] * calendar.days
    inside = max(0.0, min(high, day + 1) - max(low, day))
    quiet = flow.weekend if calendar.is_rest(day) else 1.0
    growth = np.exp(flow.trend * ((day - low) / max(high - low, 1.0) - 0.5))
    fresh = any(0 <= day - at < 7 for at, _ in calendar.releases)
    return float(inside * quiet * growth * (1 + flow.follow_release * fresh))


def expand(
    starts: npt.NDArray[np.float64],
    owner: Ints,
    sizes: Ints,
    flow: Arrivals,
    rng: np.random.Generator,
    key: int,
) -> Moments:
    """Sessions (start in s, owner, number of exchanges) become exchanges with pauses between them."""
    session = np.repeat(np.arange(len(starts)), sizes)
    pauses = np.exp(np.log(flow.think_s) + flow.think_sd * rng.standard_normal(len(session)))
    step = ranks(session)
    at = np.repeat(starts, sizes) + run_sums(pauses, step == 0)
    keys = mix(np.arange(len(starts)), key)
    who = np.repeat(owner, sizes)
    return Moments((at * 1e6).astype(np.int64), who, keys[session], step, np.zeros(len(at), dtype=np.int64))


def session_sizes(total: Ints, steps: float, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Splits each account's exchanges of a day into sessions: (account of session, size of session)."""
    account = np.repeat(np.arange(len(total)), total)
    if not len(account):
        return account, account
    cut = rng.random(len(account)) < 1.0 / max(steps, 1.0)
    first = cut | np.r_[True, account[1:] != account[:-1]]
    begin = np.flatnonzero(first)
    return account[begin], np.diff(np.r_[begin, len(account)])


def human(flow: Arrivals, roster: Roster, counts: Ints, rng: np.random.Generator, key: int) -> Moments:
    """Sessions around an account's own hours of the day, one in eleven at any hour."""
    who, sizes = session_sizes(counts, flow.steps, rng)
    hour = (
        roster.peak_hour[who]
        + rng.choice([-3.2, 0.0, 4.5], size=len(who))
        + 1.6 * rng.standard_normal(len(who))
    )
    hour = np.where(rng.random(len(who)) < 1 / 11, rng.uniform(0, 24, len(who)), hour)
    return expand((hour % 24) * 3600, who, sizes, flow, rng, key)


def renewal(counts: Ints, cv: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Ordered places in (0, 1) with gamma gaps of coefficient of variation `cv` per owner (its shape is cv^-2)."""
    owner = np.repeat(np.arange(len(counts)), counts + 1)
    gaps = rng.gamma(1.0 / np.maximum(cv[owner], 0.05) ** 2) + 1e-9
    total = np.bincount(owner, weights=gaps, minlength=len(counts))
    first = np.r_[True, owner[1:] != owner[:-1]]
    place = (run_sums(gaps, first) + np.repeat(gaps[first], counts + 1)) / total[owner]
    last = np.r_[owner[1:] != owner[:-1], True]
    return place[~last]


LEVELS = np.r_[0.0, np.geomspace(0.1, 40.0, 23)]
"""Concentrations for which the daily cycle is tabulated."""
GRID = np.linspace(0, 1, 577)


@lru_cache(maxsize=1)
def cycles() -> npt.NDArray[np.float64]:
    """For each of `LEVELS` the share of a day's traffic before each place of `GRID`, the top being at 0.

    The density is von Mises' (exp(k cos 2 pi x)), which can be as narrow as a nightly job; its depth, the first
    harmonic, is 2 I1(k) / I0(k). Measured on API clients: p10 0.17, p25 0.42, median 0.95, p75 1.7, p90 1.95.
    """
    density = np.exp(LEVELS[:, None] * (np.cos(2 * np.pi * GRID) - 1))
    total = np.cumsum((density[:, 1:] + density[:, :-1]) / 2, axis=1)
    return np.c_[np.zeros(len(LEVELS)), total / total[:, -1:]]


def concentration(depth: float) -> float:
    """The von Mises concentration of a cycle whose first harmonic is `depth` (below 2)."""
    known = 2 * special.ive(1, LEVELS) / special.ive(0, LEVELS)
    return float(np.interp(depth, known, LEVELS))


def warp(
    place: npt.NDArray[np.float64], level: npt.NDArray[np.float64], peak: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Seconds of the day for places in (0, 1) under a daily cycle of concentration `level` with its top at `peak` hours."""
    near = np.searchsorted((LEVELS[1:] + LEVELS[:-1]) / 2, level)
    x = np.empty(len(place))
    for row in np.unique(near):
        mine = near == row
        x[mine] = np.interp(place[mine], cycles()[row], GRID)
    return (x * 24 + peak) % 24 * 3600


def service(flow: Arrivals, roster: Roster, counts: Ints, rng: np.random.Generator, key: int) -> Moments:
    """Round the clock, bursty, with a daily cycle of the account's own depth."""
    who, sizes = session_sizes(counts, flow.steps, rng)
    calls = np.bincount(who, minlength=len(counts))
    cv = roster.burstiness if flow.cv is None else np.full(len(counts), flow.cv)
    level, peak = np.full(len(counts), concentration(flow.diurnal)), roster.peak_hour
    if flow.cv is None:
        level = level * roster.rhythm * size_factor(flow, roster, -0.95)
        # a third of the programs serve other hours than those of the people who wrote them
        elsewhere = roster.draw("elsewhere") * 3
        peak = np.where(elsewhere < 1, elsewhere * 24, peak)
    at = warp(renewal(calls, cv, rng), level[who], peak[who])
    return expand(at, who, sizes, flow, rng, key)


def cron(flow: Arrivals, roster: Roster, counts: Ints, rng: np.random.Generator, key: int) -> Moments:
    """Batches at fixed minutes, most of them on the hour."""
    often = np.clip(np.round(flow.fires * size_factor(flow, roster, 0.9)), 1, 24).astype(np.int64)
    fires = np.minimum(often, np.maximum(counts, 0))
    who = np.repeat(np.arange(len(counts)), fires)
    turn = ranks(who) if len(who) else who
    sizes = counts[who] // np.maximum(fires[who], 1) + (turn < counts[who] % np.maximum(fires[who], 1))
    hour = (np.floor(roster.peak_hour[who] + 12) + turn * 24.0 / np.maximum(fires[who], 1)) % 24
    at = hour * 3600 + roster.minute[who] * 60 + rng.exponential(2.5, len(who))
    return expand(at, who, sizes, flow, rng, key)


BY_ACCOUNT = {"human": human, "service": service, "cron": cron}
PROCESSES = (*BY_ACCOUNT, "queue", "run")


def queue(
    flow: Arrivals, roster: Roster, day: int, calendar: Calendar, rng: np.random.Generator, key: int
) -> Moments:
    """One stream of work for the whole group; the dispatcher gives it out afterwards."""
    slots = roster.slots_at(calendar.start_us + day * DAY_US + DAY_US // 2)
    mean = flow.per_day * slots * day_factor(flow, day, calendar) * float(rng.gamma(40.0, 1 / 40.0))
    total = np.array([rng.poisson(mean)])
    who, sizes = session_sizes(total, flow.steps, rng)
    cv = np.array([1.2 if flow.cv is None else flow.cv])
    level, peak = (np.full(len(who), x) for x in (concentration(flow.diurnal), roster.operator_hour))
    at = warp(renewal(np.array([len(who)]), cv, rng), level, peak)
    for begin, end in silences(flow, roster, day):
        at = np.where((at >= begin) & (at < end), (end + (at - begin) * 0.2) % 86400, at)
    moments = expand(np.sort(at), np.full(len(at), -1), sizes, flow, rng, key)
    moments = moments.keep(np.argsort(moments.at, kind="stable"))
    return Moments(moments.at, moments.account, moments.session, moments.step, np.arange(len(moments.at)))


def silences(flow: Arrivals, roster: Roster, day: int) -> list[tuple[float, float]]:
    """Stops of the queue on a day, in seconds of the day."""
    rng = stream(roster.key, "silence", day)
    count = rng.poisson(flow.silences_per_week / 7)
    begins = rng.uniform(0, 78_000, count)
    return [(b, min(b + rng.uniform(3600, 21_600), 86_399.0)) for b in begins]


def run(
    flow: Arrivals, roster: Roster, day: int, calendar: Calendar, rng: np.random.Generator, key: int
) -> Moments:
    """Passes over a list: short, steady, begun by somebody at a desk."""
    own = stream(roster.key, "runs")
    count = len(roster.start_us)
    size = np.maximum(flow.per_day * roster.volume(flow.spread) * calendar.days / flow.runs, 1).astype(
        np.int64
    )
    low, high = flow.window[0] * calendar.days, flow.window[1] * calendar.days
    begin = own.integers(int(low), max(int(high), int(low) + 1), (flow.runs, count)) + own.uniform(
        0.3, 0.8, (flow.runs, count)
    )
    if flow.at_release and calendar.releases:
        begin[0] = calendar.releases[0][0] + own.uniform(0.02, 0.9, count)
    parts = []
    for turn in range(flow.runs):
        who = np.repeat(np.arange(count), size)
        order = ranks(who) if len(who) else who
        at = begin[turn][who] + pace(order, flow.calls, turn) * flow.run_hours / 24 / size[who]
        rows = np.flatnonzero((at >= day) & (at < day + 1))
        task, step = order[rows] // flow.calls, order[rows] % flow.calls
        keys = mix(rows + turn * (1 << 30), key)
        if flow.calls > 1:  # a task that runs past midnight is still one session
            keys = mix(task + (who[rows] << 32), salt(roster.key, "task", turn))
        seconds = (at[rows] - day) * 86_400e6
        parts.append(Moments(seconds.astype(np.int64), who[rows], keys, step, task))
    return concat(parts)


def pace(order: Ints, calls: int, turn: int) -> npt.NDArray[np.float64]:
    """When each call of a pass comes, in mean gaps: a few requests at a time, or eight agents side by side."""
    jitter = mix(order, turn) % np.uint64(1000) / 2000.0
    if calls > 1:
        return np.asarray((order // (8 * calls) * calls + order % calls + jitter) * 8)
    # gaps are short inside a batch and long between batches
    return np.asarray(
        (order // BATCH + mix(order // BATCH, turn) % np.uint64(1000) / 1000.0) * BATCH + jitter
    )


def concat(parts: list[Moments]) -> Moments:
    """Several sets of moments as one."""
    fixed = [p.status for p in parts if p.status is not None]
    return Moments(
        np.concatenate([p.at for p in parts]),
        np.concatenate([p.account for p in parts]),
        np.concatenate([p.session for p in parts]),
        np.concatenate([p.step for p in parts]),
        np.concatenate([p.order for p in parts]),
        np.concatenate(fixed) if fixed and len(fixed) == len(parts) else None,
    )


def arrive(
    flow: Arrivals, roster: Roster, day: int, calendar: Calendar, rng: np.random.Generator, key: int
) -> Moments:
    """The exchanges of a flow on a day; those outside an account's life are dropped."""
    if flow.process == "queue":
        moments = queue(flow, roster, day, calendar, rng, key)
    elif flow.process == "run":
        moments = run(flow, roster, day, calendar, rng, key)
    else:
        counts = day_counts(flow, roster, day, calendar, rng)
        if flow.process not in BY_ACCOUNT:
            raise ConfigError(f"no such process '{flow.process}'", hint=nearest(flow.process, PROCESSES))
        moments = BY_ACCOUNT[flow.process](flow, roster, counts, rng, key)
    at = moments.at + calendar.start_us + day * DAY_US
    moments = replace(moments, at=at)
    who = np.maximum(moments.account, 0)
    first, last = span_of(flow, roster)
    inside = (moments.account < 0) | ((at >= first[who]) & (at < last[who]))
    return moments.keep(np.flatnonzero(inside & (at < calendar.end_us)))
