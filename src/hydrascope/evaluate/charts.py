"""Plots as inline SVG: bars, lines with bands and the reliability diagram, without a library or a script.

Every plot has a `<title>` for readers who cannot see it. Colours come from CSS variables of the page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from hydrascope.evaluate.intervals import Interval

__all__ = ["Bar", "Series", "draw_bars", "draw_lines"]

PALETTE = (
    "#2f6db3",
    "#c4572d",
    "#3c8d5a",
    "#8a5fb0",
    "#b08a1f",
    "#4a9aa8",
    "#a8446f",
    "#6b7280",
    "#7a9a2f",
    "#d08070",
)
PLOT_W, PLOT_H = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 30, 16, 44


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One horizontal bar, with its bounds where they are known."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    warn: bool = False

    @classmethod
    def of(cls, name: str, interval: Interval, *, warn: bool = False) -> Bar:
        """A bar of an interval."""
        return cls(name=name, value=interval.value, low=interval.low, high=interval.high, warn=warn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line."""

    name: str
    points: Sequence[tuple[float, float]]
    bands: Sequence[tuple[float, float]] = ()
    """(low, high) at each point, drawn as whiskers; empty for none."""
    dashed: bool = False


def draw_bars(title: str, bars: Sequence[Bar], *, top: float = 1.0, as_percent: bool = True) -> str:
    """Horizontal bars from 0 to `top`, one a row."""
    name_w, row_h, width = 14 + 7 * min(34, max([len(b.name) for b in bars], default=0)), 22, 300
    parts = []
    for i, bar in enumerate(bars):
        y = 6 + i * row_h
        w = width * clip(bar.value / top)
        label = f"{100 * bar.value:.1f} %" if as_percent else figure(bar.value)
        parts += [
            text(name_w - 8, y + 12, shorten(bar.name, 34), "end"),
            f'<rect x="{name_w}" y="{y}" width="{width}" height="15" fill="var(--track)"/>',
            f'<rect x="{name_w}" y="{y}" width="{w:.1f}" height="15" fill="var({"--warn" if bar.warn else "--bar"})"/>',
            whisker(bar, name_w, y + 7.5, width, top),
            text(name_w + width + 8, y + 12, label, "start"),
        ]
    height = 12 + row_h * max(1, len(bars))
    return svg(title, name_w + width + 80, height, parts)


def whisker(bar: Bar, x: float, y: float, width: float, top: float) -> str:
    """The bounds of a bar as a thin line."""
    if bar.low is None or bar.high is None:
        return ""
    a, b = x + width * clip(bar.low / top), x + width * clip(bar.high / top)
    return f'<line x1="{a:.1f}" y1="{y}" x2="{b:.1f}" y2="{y}" stroke="var(--ink)" stroke-width="1.5"/>'


def draw_lines(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    log_x: bool = False,
    log_y: bool = False,
    y_range: tuple[float, float] | None = None,
) -> str:
    """Lines over a plane with ticks and a legend below; points that a log axis cannot show are left out."""
    kept = [
        (s, [i for i, p in enumerate(s.points) if (p[0] > 0 or not log_x) and (p[1] > 0 or not log_y)])
        for s in series
    ]
    xs = [s.points[i][0] for s, rows in kept for i in rows]
    ys = [s.points[i][1] for s, rows in kept for i in rows]
    if not xs:
        return svg(title, PLOT_W, 60, [text(20, 34, "nothing to draw", "start")])
    x_axis = Axis.fit(xs, LEFT, PLOT_W - RIGHT, log=log_x)
    y_axis = Axis.fit([*ys, *(y_range or ())], PLOT_H - BOTTOM, TOP, log=log_y)
    parts = [*frame(x_axis, y_axis, x_label, y_label)]
    for n, (s, rows) in enumerate(kept):
        parts += line(s, rows, x_axis.place, y_axis.place, PALETTE[n % len(PALETTE)])
    legend_rows = math.ceil(len(series) / 2)
    parts += [x for n, s in enumerate(series) for x in legend(n, s.name)]
    return svg(title, PLOT_W, PLOT_H + 8 + 18 * legend_rows, parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A scale from data to pixels."""

    low: float
    high: float
    start: float
    end: float
    log: bool

    @classmethod
    def fit(cls, values: Sequence[float], start: float, end: float, *, log: bool) -> Axis:
        """An axis that shows all values; a single value gets room on both sides."""
        low, high = min(values), max(values)
        if log:
            low, high = 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high))
            high = high if high > low else low * 10
        elif low == high:
            low, high = low - 0.5, high + 0.5
        return cls(low=low, high=high, start=start, end=end, log=log)

    def place(self, value: float) -> float:
        """Pixel of a value."""
        a, b, v = (math.log10(x) if self.log else x for x in (self.low, self.high, value))
        return self.start + (self.end - self.start) * clip((v - a) / (b - a))

    def ticks(self) -> list[float]:
        """Decades on a log axis, five even steps otherwise."""
        if self.log:
            a, b = round(math.log10(self.low)), round(math.log10(self.high))
            return [10.0**k for k in range(a, b + 1)]
        return [self.low + (self.high - self.low) * k / 4 for k in range(5)]


def frame(x_axis: Axis, y_axis: Axis, x_label: str, y_label: str) -> list[str]:
    """Grid, ticks and names of both axes."""
    parts = []
    for v in x_axis.ticks():
        x = x_axis.place(v)
        parts.append(
            f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{PLOT_H - BOTTOM}" stroke="var(--track)"/>'
        )
        parts.append(text(x, PLOT_H - BOTTOM + 16, figure(v), "middle"))
    for v in y_axis.ticks():
        y = y_axis.place(v)
        parts.append(
            f'<line x1="{LEFT}" y1="{y:.1f}" x2="{PLOT_W - RIGHT}" y2="{y:.1f}" stroke="var(--track)"/>'
        )
        parts.append(text(LEFT - 6, y + 4, figure(v), "end"))
    middle = (TOP + PLOT_H - BOTTOM) / 2
    parts.append(text((LEFT + PLOT_W - RIGHT) / 2, PLOT_H - 10, x_label, "middle"))
    parts.append(f'<g transform="rotate(-90 14 {middle})">{text(14, middle, y_label, "middle")}</g>')
    return parts


def line(
    s: Series, rows: Sequence[int], x: Callable[[float], float], y: Callable[[float], float], colour: str
) -> list[str]:
    """One line with its points and whiskers."""
    path = " ".join(f"{x(s.points[i][0]):.1f},{y(s.points[i][1]):.1f}" for i in rows)
    dash = ' stroke-dasharray="4 4"' if s.dashed else ""
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>']
    if s.dashed:
        return parts
    for i in rows:
        px, py = x(s.points[i][0]), y(s.points[i][1])
        parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>')
        if s.bands:
            low, high = (y(max(v, 1e-12)) for v in s.bands[i])
            parts.append(
                f'<line x1="{px:.1f}" y1="{low:.1f}" x2="{px:.1f}" y2="{high:.1f}" stroke="{colour}"/>'
            )
    return parts


def legend(n: int, name: str) -> list[str]:
    """One entry of the legend, two in a row."""
    x, y = LEFT + (n % 2) * 250, PLOT_H + 6 + 18 * (n // 2)
    box = f'<rect x="{x}" y="{y - 8}" width="12" height="8" fill="{PALETTE[n % len(PALETTE)]}"/>'
    return [box, text(x + 18, y, shorten(name, 36), "start")]


def svg(title: str, width: float, height: float, parts: Sequence[str]) -> str:
    """A figure of `parts`."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def text(x: float, y: float, words: str, anchor: str) -> str:
    """One line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def shorten(words: str, most: int) -> str:
    """Words cut to `most` characters, with an ellipsis where something was cut."""
    return words if len(words) <= most else words[: most - 1] + "…"


def clip(value: float) -> float:
    """A value held in [0, 1]."""
    return min(1.0, max(0.0, value))


def figure(value: float) -> str:
    """A tick's label."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}" if value == 0 else f"{value:.3g}"
