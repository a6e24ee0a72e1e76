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
    for a in sorted(attempts, key=lambda a: (a.cost, a.share, a.tactics.rungs)):
        if not best or a.share < best[-1].share:
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
        "attacker": search.attacker,
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
        "share": a.share,
        "span": a.span,
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


def attackers(searches: Sequence[Search]) -> dict[str, list[Search]]:
    """The searches of each attacker, in order of appearance."""
    found: dict[str, list[Search]] = {}
    for s in searches:
        found.setdefault(s.attacker, []).append(s)
    return found


def spread(a: Attempt) -> str:
    """The mean share that counts, and its lowest and highest over the seeds."""
    return f"{a.share:.2f}" + (f" ({a.span[0]:.2f}-{a.span[1]:.2f})" if a.n_seeds > 1 else "")


def summary_rows(searches: Sequence[Search]) -> list[list[str]]:
    """One row a defence."""
    rows = []
    for s in searches:
        if s.cheapest is None:
            least = min(a.share for a in s.attempts)
            found = ["none found", f"{least:.2f} at least", "-"]
        else:
            found = [dollars(s.cheapest.cost_per_million), spread(s.cheapest), words(s.cheapest)]
        honest = f"{1e4 * max(a.honest for a in s.attempts):.1f}"
        rows.append([s.defence, *found, honest, str(s.n_scans)])
    return rows


SUMMARY = [
    "defence",
    "per undetected million",
    "caught (seeds)",
    "cheapest tactics",
    "honest caught / 10,000",
    "scans",
]


def words(a: Attempt) -> str:
    """The tactics that differ from the plainest, in words."""
    dear = [f"{m}: {a.tactics.rung(m).name}" for m in LADDERS if a.tactics.place(m)]
    return "; ".join(dear) or "the plainest of everything"


def rung_rows(searches: Sequence[Search]) -> list[list[str]]:
    """One row a mechanic: the cheapest rung that passes against each defence, with all else as dear as may be."""
    return [
        [mechanic, *(needed(s, mechanic) for s in searches)]
        for mechanic in LADDERS
        if any(mechanic in s.alone for s in searches)
    ]


def needed(search: Search, mechanic: str) -> str:
    """The cheapest rung of one mechanic that passes with everything else at its start."""
    tried = search.alone.get(mechanic, ())
    passing = [a for a in tried if a.passed]
    if not passing:
        return "none passes" if tried else "-"
    best = min(passing, key=lambda a: (a.cost, a.tactics.rungs))
    return f"{best.tactics.rung(mechanic).name} ({dollars(best.costs[mechanic])})"


def moved(searches: Sequence[Search]) -> list[str]:
    """Mechanics whose needed rung differs between the first defence and some other."""
    rows = rung_rows(searches)
    return [r[0] for r in rows if any(cell != r[1] for cell in r[2:])]


def sweep_rows(search: Search) -> list[list[str]]:
    """One row a mechanic and rung."""
    return [
        [
            mechanic,
            rung.name,
            spread(a),
            f"{a.caught:.2f}",
            f"{a.enforced:.2f}",
            "yes" if a.passed else "no",
            dollars(a.cost),
            dollars(a.cost_per_million if a.passed else None),
        ]
        for mechanic, found in search.sweep.items()
        for rung, a in zip(LADDERS[mechanic], found, strict=True)
    ]


SWEEP = [
    "mechanic",
    "rung",
    "counted (seeds)",
    "caught",
    "enforced",
    "passes",
    "cost",
    "per undetected million",
]
ALONE = (
    "The cheapest rung of each mechanic that stays below the line while everything else stays as dear as this "
    "attacker can make it, with that mechanic's bill: what a channel forces an attacker to pay for."
)


def frontier_markdown(searches: Sequence[Search]) -> str:
    """The frontier as a Markdown document."""
    lines: list[str] = []
    for name, group in attackers(searches).items():
        lines += [f"Attacker: {name}", "", "Cheapest tactics below the line", ""]
        lines += [*lines_of(SUMMARY, summary_rows(group)), "", ALONE, ""]
        lines += lines_of(["mechanic", *(s.defence for s in group)], rung_rows(group))
        if len(group) > 1:
            lines += ["", f"Moves when a channel is off: {', '.join(moved(group)) or 'none'}."]
        for s in (s for s in group if s.sweep):
            about = "the cheapest tactics" if s.cheapest else "the tactics caught least (nothing passes)"
            lines += ["", f"{s.defence}: each mechanic about {about}", "", *lines_of(SWEEP, sweep_rows(s))]
        lines += [""]
    return "\n".join(lines)


def lines_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return ["| " + " | ".join(r) + " |" for r in [columns, ["---"] * len(columns), *rows]]


def render_frontier(searches: Sequence[Search]) -> str:
    """The frontier as a page that works offline."""
    sections = []
    for name, group in attackers(searches).items():
        sections += [f"<h2>Attacker: {escape(name)}</h2>", html_table(SUMMARY, summary_rows(group))]
        sections += ['<div class="pair">', *plots(group), "</div>"]
        sections += [f"<h3>Mechanic by mechanic</h3><p>{escape(ALONE)}</p>", rung_table(group)]
    swept = [s for s in searches if s.sweep]
    sections += ["<h2>One mechanic at a time about the result</h2>"] if swept else []
    for s in swept:
        rows = sweep_rows(s)
        table = html_table(SWEEP, rows, [r[5] == "no" for r in rows])
        summary = f"{escape(s.attacker)}, against {escape(s.defence)}"
        sections.append(f"<details><summary>{summary}</summary>{table}</details>")
    lead = "What a campaign must pay to stay out of distillation verdicts. Prices are assumptions of a cost file."
    return html_page("Evasion frontier", lead, sections)


def plots(searches: Sequence[Search]) -> list[str]:
    """What a million costs against each defence, and the least share caught that money can buy."""
    paid = [
        (s.defence, s.cheapest.cost_per_million)
        for s in searches
        if s.cheapest and s.cheapest.cost_per_million
    ]
    top = max((v for _, v in paid), default=1.0)
    bars = draw_bars("Cost of a million", [Bar(name=d, value=v) for d, v in paid], top=top, as_percent=False)
    series = [
        Series(name=s.defence, points=[(a.cost, a.share) for a in pareto(s.attempts)]) for s in searches
    ]
    plot = draw_lines(
        "Evasion frontier", series, x_label="dollars for the window", y_label="share of accounts that counts", log_x=True,
        y_range=(0, 1),
    )  # fmt: skip
    return [
        figure(bars, "Dollars for a million undetected exchanges, where tactics that pass were found."),
        figure(plot, "For each defence: the least share of accounts caught that money can buy."),
    ]


def rung_table(searches: Sequence[Search]) -> str:
    """Mechanics by defences; cells that differ from the first defence stand out."""
    head = "".join(f"<th>{escape(s.defence)}</th>" for s in searches)
    body = ""
    for mechanic, *cells in rung_rows(searches):
        marks = [" class=moved" if c != cells[0] else "" for c in cells]
        body += f"<tr><td>{escape(mechanic)}</td>"
        body += "".join(f"<td{m}>{escape(c)}</td>" for m, c in zip(marks, cells, strict=True)) + "</tr>"
    return f'<div class="wide"><table class=rungs><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
