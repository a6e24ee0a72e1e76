"""The evasion frontier as JSON, Markdown and page: what a million undetected exchanges cost, defence by defence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any

from hydrascope.evaluate.attacker.search import Attempt, Search
from hydrascope.evaluate.attacker.tactics import LADDERS
from hydrascope.evaluate.charts import Bar, Series, draw_bars, draw_lines
from hydrascope.evaluate.page import figure, html_page, html_table

__all__ = ["frontier_json", "frontier_markdown", "pareto", "render_frontier"]


def pareto(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """Attempts that no other undercuts in both cost and share caught, cheapest first."""
    best: list[Attempt] = []
    for a in sorted(attempts, key=lambda a: (a.cost, a.caught, a.tactics.rungs)):
        if not best or a.caught < best[-1].caught:
            best.append(a)
    return tuple(best)


def frontier_json(searches: Sequence[Search]) -> str:
    """Every search with everything it tried."""
    plain = {
        "version": 1,
        "mechanics": {m: [r.name for r in ladder] for m, ladder in LADDERS.items()},
        "defences": [plain_search(s) for s in searches],
    }
    return json.dumps(plain, indent=1, allow_nan=False) + "\n"


def plain_search(search: Search) -> dict[str, Any]:
    """One search as plain data."""
    return {
        "defence": search.defence,
        "n_scans": search.n_scans,
        "cheapest": plain_attempt(search.cheapest) if search.cheapest else None,
        "start": plain_attempt(search.start),
        "sweep": {m: [plain_attempt(a) for a in found] for m, found in search.sweep.items()},
        "frontier": [plain_attempt(a) for a in pareto(search.attempts)],
        "attempts": [plain_attempt(a) for a in search.attempts],
    }


def plain_attempt(a: Attempt) -> dict[str, Any]:
    """One attempt as plain data."""
    return {
        "tactics": a.tactics.names,
        "passed": a.passed,
        "caught": a.caught,
        "enforced": a.enforced,
        "n_distilled": a.n_distilled,
        "n_undetected": a.n_undetected,
        "honest": a.honest,
        "cost": a.cost,
        "costs": a.costs,
        "cost_per_million": a.cost_per_million,
        "n_seeds": a.n_seeds,
    }


def dollars(value: float | None) -> str:
    """Whole dollars, or a dash."""
    return "-" if value is None else f"${value:,.0f}"


def summary_rows(searches: Sequence[Search]) -> list[list[str]]:
    """One row a defence."""
    rows = []
    for s in searches:
        if s.cheapest is None:
            least = min(a.caught for a in s.attempts)
            found = ["none found", f"{least:.2f} at least", "-"]
        else:
            found = [dollars(s.cheapest.cost_per_million), f"{s.cheapest.caught:.2f}", words(s.cheapest)]
        honest = f"{1e4 * max(a.honest for a in s.attempts):.1f}"
        rows.append([s.defence, *found, honest, str(s.n_scans)])
    return rows


SUMMARY = [
    "defence",
    "per undetected million",
    "caught",
    "cheapest tactics",
    "honest caught / 10,000",
    "scans",
]


def words(a: Attempt) -> str:
    """The tactics that differ from the plainest, in words."""
    dear = [f"{m}: {a.tactics.rung(m).name}" for m in LADDERS if a.tactics.place(m)]
    return "; ".join(dear) or "the plainest of everything"


def sweep_rows(search: Search) -> list[list[str]]:
    """One row a mechanic and rung."""
    return [
        [
            mechanic,
            rung.name,
            f"{a.caught:.2f}",
            f"{a.enforced:.2f}",
            "yes" if a.passed else "no",
            dollars(a.cost),
            dollars(a.cost_per_million if a.passed else None),
        ]
        for mechanic, found in search.sweep.items()
        for rung, a in zip(LADDERS[mechanic], found, strict=True)
    ]


SWEEP = ["mechanic", "rung", "caught", "enforced", "passes", "cost", "per undetected million"]


def frontier_markdown(searches: Sequence[Search]) -> str:
    """The frontier as a Markdown document."""
    lines = ["Cheapest tactics below the line", "", *lines_of(SUMMARY, summary_rows(searches))]
    for s in searches:
        about = "the cheapest tactics" if s.cheapest else "the tactics caught least (nothing passes)"
        lines += ["", f"{s.defence}: each mechanic about {about}", "", *lines_of(SWEEP, sweep_rows(s))]
    return "\n".join(lines) + "\n"


def lines_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return ["| " + " | ".join(r) + " |" for r in [columns, ["---"] * len(columns), *rows]]


def render_frontier(searches: Sequence[Search]) -> str:
    """The frontier as a page that works offline."""
    paid = [
        (s.defence, s.cheapest.cost_per_million)
        for s in searches
        if s.cheapest and s.cheapest.cost_per_million
    ]
    top = max((v for _, v in paid), default=1.0)
    bars = draw_bars("Cost of a million", [Bar(name=d, value=v) for d, v in paid], top=top, as_percent=False)
    series = [
        Series(name=s.defence, points=[(a.cost, a.caught) for a in pareto(s.attempts)]) for s in searches
    ]
    plot = draw_lines(
        "Evasion frontier", series, x_label="dollars for the window", y_label="share of accounts caught", log_x=True,
        y_range=(0, 1),
    )  # fmt: skip
    sections = [
        "<h2>Cheapest tactics below the line</h2>",
        html_table(SUMMARY, summary_rows(searches)),
        '<div class="pair">',
        figure(bars, "Dollars for a million undetected exchanges, where tactics that pass were found."),
        figure(plot, "For each defence: the least share of accounts caught that money can buy."),
        "</div>",
    ]
    for s in searches:
        rows = sweep_rows(s)
        sections += [
            f"<h2>{escape(s.defence)}: one mechanic at a time</h2>",
            html_table(SWEEP, rows, [r[4] == "no" for r in rows]),
        ]
    lead = "What a campaign must pay to stay out of distillation verdicts. Prices are assumptions of a cost file."
    return html_page("Evasion frontier", lead, sections)
