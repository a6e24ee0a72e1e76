"""Arrival processes, in seconds from the start of the log: people, services, runs, timers and dispatchers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

import numpy as np
import numpy.typing as npt

__all__ = ["DAY", "DAYS", "END", "HOUR", "dispatcher", "diurnal", "human", "run", "service", "timer"]

DAY, HOUR = 86_400.0, 3_600.0
DAYS = 21
END = DAYS * DAY
WINDOW = 600.0

Times = list[float]
Array = npt.NDArray[np.float64]
PEAKS = ((10, 15), (9, 14, 21), (20, 22), (13, 19), (11,), (16, 23), (8, 12, 18))


def human(
    r: Random, n: float, hours: float, *, active: float | None = None, peaks: Sequence[float] | None = None, weekend: float | None = None,
    think: float | None = None, turns: float | None = None, start: float = 0.0, end: float = END,
) -> list[Times]:  # fmt: skip
    """A person's sessions, each a list of times.

    Args:
        r: the person's randomness.
        n: exchanges expected over the log.
        hours: hours from UTC.
        active: share of days with any use.
        peaks: favoured local hours.
        weekend: activity of a weekend day against a weekday.
        think: median pause between messages, in seconds.
        turns: mean messages of a session.
        start: nothing before.
        end: nothing from then on.
    """
    active = active or 0.1 + 0.55 * r.random() ** 1.3
    peaks = peaks or r.choice(PEAKS)
    weekend = r.choice((0.15, 0.5, 0.9, 1.3)) if weekend is None else weekend
    think = think or math.exp(3.6 + 1.1 * r.random())
    turns = turns or 1.5 + 5 * r.random()
    spread = 1.0 + 1.8 * r.random()
    days = [d for d in range(-1, DAYS + 1) if r.random() < active * (weekend if d % 7 >= 5 else 1.0)] or [
        int(r.random() * DAYS)
    ]
    out: list[Times] = []
    for day in days:
        left = max(1, int(max(1.0, n / len(days)) * r.lognormvariate(-0.3, 0.8) + r.random()))
        last: float | None = None
        while left > 0:
            size = min(left, 1 + int(r.expovariate(1 / turns)))
            left -= size
            t = day * DAY + (r.choice(peaks) + r.gauss(0, spread) - hours) * HOUR
            if last is not None and r.random() < 0.35:
                t = last + r.expovariate(1 / 5400)
            session = []
            for _ in range(size):
                t += think * r.lognormvariate(0, 0.9)
                if start <= t < end:
                    session.append(t)
            last = t
            if session:
                out.append(session)
    return out


def as_times(t: Array) -> Times:
    """Plain numbers."""
    return [float(x) for x in t]


def from_rates(
    g: np.random.Generator, rates: Array, n: float, width: float, start: float, end: float, first: float
) -> Times:
    """Poisson times of n expected, by rates of windows of `width` seconds from `first`."""
    total = rates.sum()
    if total <= 0:
        return []
    counts = g.poisson(rates / total * n)
    t = np.repeat(first + np.arange(len(rates)) * width, counts) + g.random(counts.sum()) * width
    return as_times(np.sort(t[(t >= start) & (t < end)]))


def service(
    g: np.random.Generator, n: float, *, start: float = 0.0, end: float = END, growth: float = 0.0
) -> Times:
    """A product's requests: a daily cycle of random depth at an hour of its own, busy and idle spells, and little bunches.

    Real clients of services differ most in how deep their day is and how bursty they are; both are drawn.
    """
    x = np.arange(int(END / WINDOW)) * WINDOW
    depth, peak, burst = g.beta(0.8, 1.2), g.uniform(0, 24), g.choice([0.3, 0.8, 2.0, 4.0])
    rates = np.exp(growth * x / END) * (1 + depth * np.cos((x / HOUR - peak) / 24 * 2 * math.pi))
    spell = int(g.integers(1, 36))
    rates *= np.repeat(g.gamma(1 / burst, burst, len(x) // spell + 1), spell)[: len(x)]
    if g.random() < 0.4:
        rates[(x // DAY).astype(int) % 7 >= 5] *= g.choice([0.05, 0.3, 0.6])
    rates[(x < start) | (x >= end)] = 0
    t = np.array(from_rates(g, rates, n, WINDOW, start, end, 0.0))
    bunched = g.random(len(t)) < 0.25
    t[bunched] = np.floor(t[bunched] / 45) * 45 + g.random(int(bunched.sum())) * 4
    return as_times(np.sort(t))


def diurnal(
    g: np.random.Generator, n: float, hours: float, depth: float, peak: float, weekend: float
) -> Times:
    """Many people's requests: a smooth daily and weekly cycle of local time."""
    local = np.arange(DAYS * 24) + hours
    rates = 1 + depth * np.cos((local % 24 - peak) / 24 * 2 * math.pi)
    rates = rates * np.where((local // 24).astype(int) % 7 >= 5, weekend, 1.0) * g.gamma(4, 0.25, len(local))
    return from_rates(g, rates, n, HOUR, 0.0, END, 0.0)


def run(g: np.random.Generator, n: int, start: float, rate: float) -> Times:
    """A run of n items at about `rate` a second, with the uneven gaps of answers of unlike length (CV about 2)."""
    gaps = g.lognormal(0.0, 1.25, n)
    return as_times(start + np.cumsum(gaps / gaps.mean() / rate)) if n else []


def timer(g: np.random.Generator, every: float, offset: float, jitter: float, skip: float = 0.02) -> Times:
    """A scheduled job; some runs are skipped."""
    t = np.arange(offset, END, every)
    t = t[g.random(len(t)) > skip]
    return as_times(t + np.abs(g.normal(0, jitter, len(t))))


def dispatcher(
    g: np.random.Generator,
    n: float,
    hours: float,
    rhythm: str,
    start: float = 0.0,
    end: float = END,
    outages: int = 2,
) -> Times:
    """An operator's queue: n requests by a rhythm (always, office, shifts, waves), with outages of some hours."""
    first = int(start // HOUR)
    h = np.arange(first, max(first + 1, math.ceil(end / HOUR)))
    local = (h + hours) % 24
    if rhythm == "office":
        rates = np.where((local >= 9) & (local < 22), 1.0, 0.06) * np.where(
            ((h + hours) // 24).astype(int) % 7 == 6, 0.4, 1.0
        )
    elif rhythm == "shifts":
        rates = np.where((local >= 8) & (local < 13), 1.0, np.where((local >= 14) & (local < 23), 1.2, 0.25))
    elif rhythm == "waves":
        rates = np.full(len(h), 0.05)
        i = 0
        while i < len(h):
            length = int(g.integers(5, 22))
            rates[i : i + length] = g.gamma(3, 0.4)
            i += length + int(g.integers(2, 18))
    else:
        rates = np.ones(len(h))
    rates = rates * g.gamma(3, 1 / 3, len(h))
    for _ in range(outages):
        i = int(g.integers(len(h)))
        rates[i : i + int(g.integers(2, 9))] = 0
    return from_rates(g, rates, n, HOUR, start, end, first * HOUR)
