"""Geometry of the timeline: bins widened to what can be drawn, areas as SVG paths, marks as percentages.

Charts are drawn `WIDTH` units wide and stretched by the page; words are never inside the drawing, so they
keep their size on a phone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hydrascope.report import words
from hydrascope.report.masking import clean
from hydrascope.report.shape import Timeline

__all__ = ["Band", "Mark", "TimelineChart", "draw_timeline"]

WIDTH = 1000
HEIGHT = 200
MOST_BINS = 150
MOST_MODELS = 5
STEPS_S = (60, 300, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 28_800, 43_200)
DAY_S = 86_400
MOST_LANES = 4
LABEL_GAP = 6.0
"""Percent of the width that a release's letter takes on a phone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One model's volume, stacked on those before it."""

    name: str
    values: tuple[int, ...]
    path: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point in time on the axis."""

    at: float
    """Percent of the width."""
    text: str
    letter: str = ""
    lane: int = 0
    """Row of the label, so that near ones do not cover each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineChart:
    """Everything the timeline draws; all rows have one value a bin."""

    labels: tuple[str, ...]
    """When each bin begins."""
    step: str
    """Width of a bin in words."""
    volume: tuple[int, ...]
    bands: tuple[Band, ...]
    accounts: tuple[int, ...]
    accounts_path: str
    bans: tuple[int, ...]
    bans_path: str
    ticks: tuple[Mark, ...]
    releases: tuple[Mark, ...]

    @property
    def n_lanes(self) -> int:
        """Rows that the letters of releases take."""
        return max((m.lane + 1 for m in self.releases), default=0)

    @property
    def n_bans(self) -> int:
        """Bans inside the chart's span."""
        return sum(self.bans)


def draw_timeline(timeline: Timeline) -> TimelineChart | None:
    """The chart of a timeline, or None where it has no bins."""
    if timeline.start is None or not timeline.n_exchanges or timeline.bin_s <= 0:
        return None
    n = len(timeline.n_exchanges)
    factor = widening(n, timeline.bin_s)
    bin_s = timeline.bin_s * factor
    start = words.utc(timeline.start)
    volume = [sum(c) for c in chunks(timeline.n_exchanges, factor)]
    accounts = [max(c) for c in chunks(fit(timeline.accounts_active, n), factor)]
    bans = [0] * len(volume)
    for ban in timeline.bans:
        bans[clamp(position(ban.at, start, bin_s), len(bans))] += 1
    return TimelineChart(
        labels=tuple(bin_label(start + timedelta(seconds=bin_s * i), bin_s) for i in range(len(volume))),
        step=step_words(bin_s),
        volume=tuple(volume),
        bands=stack_models(timeline.models, volume, n, factor),
        accounts=tuple(accounts) if any(accounts) else (),
        accounts_path=step_area([0] * len(accounts), accounts, max(accounts)) if any(accounts) else "",
        bans=tuple(bans),
        bans_path=bars(bans) if any(bans) else "",
        ticks=ticks(start, bin_s * len(volume)),
        releases=release_marks(timeline, start, bin_s * len(volume)),
    )


def widening(n: int, bin_s: int) -> int:
    """How many bins to draw as one: the least that fits, whole days where bins are days."""
    wanted = n / MOST_BINS
    steps = [s // bin_s for s in (*STEPS_S, *(DAY_S * d for d in (1, 2, 4, 7, 14, 28))) if s % bin_s == 0]
    return next((s for s in sorted(set(steps)) if s >= wanted and s >= 1), max(1, -(-n // MOST_BINS)))


def chunks(values: Sequence[int], size: int) -> list[Sequence[int]]:
    """Runs of `size` values, the last perhaps shorter."""
    return [values[i : i + size] for i in range(0, len(values), size)]


def fit(values: Sequence[int], n: int) -> list[int]:
    """The values with zeros where a list is shorter than the volume's."""
    return [*values[:n], *([0] * (n - len(values)))]


def position(at: datetime, start: datetime, bin_s: int) -> int:
    """The bin in which a moment lies."""
    return int((words.utc(at) - start).total_seconds() // bin_s)


def clamp(i: int, n: int) -> int:
    """The nearest bin that is drawn."""
    return min(max(i, 0), n - 1)


def stack_models(
    models: Mapping[str, Sequence[int]], volume: Sequence[int], n: int, factor: int
) -> tuple[Band, ...]:
    """One band a model, the largest at the bottom, small ones and the unnamed rest together on top."""
    wide = {str(m): [sum(c) for c in chunks(fit(v, n), factor)] for m, v in models.items()}
    ordered = sorted((m for m in wide if sum(wide[m])), key=lambda m: (-sum(wide[m]), m))
    rows = {clean(m): wide[m] for m in ordered[:MOST_MODELS]}
    rest = [max(v - sum(row[i] for row in rows.values()), 0) for i, v in enumerate(volume)]
    if any(rest):
        rows["other" if rows else "all exchanges"] = rest
    top = max(volume) or 1
    low, bands = [0] * len(volume), []
    for name, row in rows.items():
        high = [a + b for a, b in zip(low, row, strict=True)]
        share = sum(row) / (sum(volume) or 1)
        bands.append(Band(name=name, values=tuple(row), path=step_area(low, high, top), share=share))
        low = high
    return tuple(bands)


def step_area(low: Sequence[int], high: Sequence[int], top: float) -> str:
    """A closed path between two step lines, `high` above `low`, scaled so that `top` fills the height."""
    n = len(high)
    width = WIDTH / n

    def y(value: float) -> str:
        return f"{HEIGHT * (1 - value / top):.0f}"

    def x(i: int) -> str:
        return f"{width * i:.0f}"

    over = "".join(f"V{y(high[i])}H{x(i + 1)}" for i in range(n))
    back = "".join(f"V{y(low[i])}H{x(i)}" for i in reversed(range(n)))
    return f"M0 {y(low[0])}{over}{back}Z"


def bars(values: Sequence[int]) -> str:
    """Thin bars, one for each bin that is not zero."""
    top, width = max(values), WIDTH / len(values)
    thick = max(width * 0.6, 3.0)
    return "".join(
        f"M{width * i + (width - thick) / 2:.0f} {HEIGHT}h{thick:.0f}v{-HEIGHT * v / top:.0f}h{-thick:.0f}Z"
        for i, v in enumerate(values)
        if v
    )


def ticks(start: datetime, span_s: int) -> tuple[Mark, ...]:
    """About six dates (or hours, under three days) along the axis."""
    step = next((s for s in TICKS_S if span_s / s <= 7), TICKS_S[-1])
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    offset = (start - midnight).total_seconds()
    first = -(-offset // step) * step
    marks = []
    while first - offset <= span_s:
        at = midnight + timedelta(seconds=first)
        percent = 100 * (first - offset) / span_s
        text = f"{at:%H:%M}" if step < DAY_S and at.hour + at.minute else f"{at.day} {at:%b}"
        marks.append(Mark(at=round(percent, 2), text=text))
        first += step
    return tuple(marks)


TICKS_S = (600, 1800, 3600, 7200, 14_400, 21_600, 43_200, *(DAY_S * d for d in (1, 2, 4, 7, 14, 28, 56, 112)))


def release_marks(timeline: Timeline, start: datetime, span_s: int) -> tuple[Mark, ...]:
    """Releases inside the span, lettered in order of time."""
    inside = []
    for release in sorted(timeline.releases, key=lambda r: (words.utc(r.at), r.subject)):
        percent = 100 * (words.utc(release.at) - start).total_seconds() / span_s
        if 0 <= percent <= 100:
            inside.append((percent, f"{clean(release.subject)} released {words.day(release.at)}"))
    lanes = lanes_of([at for at, _ in inside[:26]])
    return tuple(
        Mark(at=round(at, 2), text=text, letter=chr(ord("A") + i), lane=lanes[i])
        for i, (at, text) in enumerate(inside[:26])
    )


def lanes_of(places: Sequence[float]) -> list[int]:
    """The lowest row in which each label keeps `LABEL_GAP` from the one before it there.

    >>> lanes_of([10.0, 11.0, 12.0, 40.0])
    [0, 1, 2, 0]
    """
    ends: list[float] = []
    lanes = []
    for at in places:
        free = next(
            (k for k, end in enumerate(ends) if at - end >= LABEL_GAP), min(len(ends), MOST_LANES - 1)
        )
        ends[free : free + 1] = [at]
        lanes.append(free)
    return lanes


def bin_label(at: datetime, bin_s: int) -> str:
    """When a bin begins, as finely as its width needs."""
    return f"{at.day} {at:%b}" if bin_s % DAY_S == 0 else f"{at.day} {at:%b %H:%M}"


def step_words(bin_s: int) -> str:
    """The width of a bin in words."""
    for unit, size in (("day", DAY_S), ("hour", 3600), ("minute", 60)):
        if bin_s % size == 0:
            n = bin_s // size
            return unit if n == 1 else f"{n} {unit}s"
    return f"{bin_s} seconds"
