"""The leaderboard as one HTML page that works offline."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from hydrascope.evaluate.charts import Bar, Series, draw_bars, draw_lines
from hydrascope.evaluate.latency import SUMMARY, Latency, latency_sections, summary_rows
from hydrascope.evaluate.leaderboard import (
    RELIABILITY,
    TABLES,
    Leaderboard,
    odds_heads,
    odds_rows,
    reliability_rows,
    standing_rows,
)
from hydrascope.evaluate.page import figure, html_page, html_table

__all__ = ["render_leaderboard"]

OWN_NAME = "hydrascope"


def render_leaderboard(board: Leaderboard, replays: Sequence[Latency] = ()) -> str:
    """Standings, plots, the tables of names, and time to detection where days were replayed."""
    n = len(board.seeds)
    intervals = "After ± half of the 95 % interval over seeds." if n > 1 else "One seed, so no intervals."
    lead = f"Worlds: {', '.join(board.worlds)}. Seeds: {', '.join(map(str, board.seeds))}. {intervals}"
    note = (
        "<p>Worth is enforceable recall x precision of enforceable verdicts where there are 1,000 honest accounts "
        "to one of a campaign: what automation would catch, discounted by how often its alarm would hold.</p>"
    )
    tables = [
        f"<h2>{escape(title)}</h2>{note if title == 'Standings' else ''}"
        + html_table(["detector", *columns.values()], standing_rows(board, columns), own=OWN_NAME)
        for title, columns in TABLES.items()
    ]
    return html_page(
        "Leaderboard",
        lead,
        [
            tables[0],
            '<div class="pair">',
            figure(bars(board, "worth", top=1.0), "Worth."),
            figure(bars(board, "enforceable_recall", top=1.0), "Recall in enforceable verdicts."),
            figure(alarm_bars(board), "Honest accounts in enforceable verdicts, per 10,000."),
            figure(bars(board, "average_precision", top=1.0), "Average precision of the account ranking."),
            "</div>",
            *tables[1:],
            odds_section(board),
            heat(
                "Recall by campaign",
                "Share of the campaign's accounts in any distillation verdict.",
                board,
                board.campaigns,
            ),
            heat(
                "Honest labels, enforced",
                "Share of the label's accounts in enforceable verdicts.",
                board,
                board.look_alikes,
                bad=True,
            ),
            heat(
                "Honest labels, in any distillation verdict",
                "Share of the label's accounts, verdicts that a person has to decide included.",
                board,
                board.accused,
                bad=True,
            ),
            heat("Worth by world", "Worlds with a campaign.", board, board.worlds_worth),
            reliability_section(board),
            *latency_section(replays),
        ],
    )


def odds_section(board: Leaderboard) -> str:
    """Precision where campaigns are rarer: table and plot."""
    series = [
        Series(
            name=s.detector,
            points=[
                (b.honest_per_campaign_account, b.enforceable.value)
                for b in board.base_rates[s.detector]
                if b.enforceable
            ],
        )
        for s in board.standings
    ]
    plot = draw_lines(
        "Precision at base rates",
        [s for s in series if s.points],
        x_label="honest accounts to one campaign account",
        y_label="precision, enforceable",
        log_x=True,
        y_range=(0, 1),
    )
    note = (
        "<p>Share of the accounts in enforceable verdicts that would be guilty where campaigns are rarer. In brackets 95 % "
        "bounds: recall over seeds, false alarms over all honest accounts tried; without a single false alarm the lower "
        "bound is what so many accounts can support.</p>"
    )
    return (
        "<h2>Precision at base rates</h2>"
        + note
        + html_table(["detector", *odds_heads()], odds_rows(board), own=OWN_NAME)
        + figure(plot, "Precision of enforceable verdicts.")
    )


def reliability_section(board: Leaderboard) -> str:
    """Stated probability against what was so, for detectors that state more than yes and no."""
    stating = {d: bins for d, bins in board.reliability.items() if len(bins) > 2}
    if not stating:
        return ""
    series = [Series(name="stated = observed", points=[(0, 0), (1, 1)], dashed=True)]
    series += [
        Series(name=d, points=[(b.stated, b.n_guilty / b.n) for b in bins]) for d, bins in stating.items()
    ]
    plot = draw_lines(
        "Reliability",
        series,
        x_label="stated probability",
        y_label="share in a true campaign",
        y_range=(0, 1),
    )
    first, bins = next(iter(stating.items()))
    return (
        "<h2>Reliability of the account probability</h2>"
        + f'<div class="pair">{figure(plot, "Pooled over worlds and seeds; above the diagonal a detector understates.")}'
        + f"<div><p>{escape(first)}</p>{html_table(RELIABILITY, reliability_rows(bins))}</div></div>"
    )


def latency_section(replays: Sequence[Latency]) -> list[str]:
    """Time and volume to detection, where days were replayed."""
    if not replays:
        return []
    note = (
        "<p>The log is cut after every few days and scanned afresh; a campaign is detected by the first scan in which "
        "half of its accounts so far are in distillation verdicts.</p>"
    )
    return [
        "<h2>Time and volume to detection</h2>",
        note,
        html_table(SUMMARY, summary_rows(replays), own=OWN_NAME),
        "<details><summary>Campaign by campaign</summary>",
        *latency_sections(replays),
        "</details>",
    ]


def bars(board: Leaderboard, name: str, top: float) -> str:
    """One figure as bars over detectors."""
    found = [(s.detector, i) for s in board.standings if (i := s.figures[name]) is not None]
    return draw_bars(name, [Bar.of(d, i) for d, i in found], top=top, as_percent=top == 1.0)


def alarm_bars(board: Leaderboard) -> str:
    """Honest accounts in enforceable verdicts."""
    found = [(s.detector, i) for s in board.standings if (i := s.figures["enforceable_per_10k"]) is not None]
    top = max([1.0, *(i.value for _, i in found)])
    marked = [Bar.of(d, i, warn=i.value > 0) for d, i in found]
    return draw_bars("honest accounts in enforceable verdicts", marked, top=top, as_percent=False)


def heat(
    title: str, note: str, board: Leaderboard, cells: dict[str, dict[str, float]], *, bad: bool = False
) -> str:
    """A table whose cells are shaded by their share."""
    names = [s.detector for s in board.standings]
    head = "".join(f"<th>{escape(d).replace('_', '_<wbr>').replace('-', '-<wbr>')}</th>" for d in names)
    hue = "--warn" if bad else "--bar"
    body = "".join(
        f"<tr><td>{escape(row)}</td>" + "".join(shaded(of.get(d), hue) for d in names) + "</tr>"
        for row, of in cells.items()
    )
    return (
        f"<h2>{escape(title)}</h2><p>{escape(note)}</p>"
        f'<div class="wide"><table class=heat><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def shaded(share: float | None, hue: str) -> str:
    """One cell."""
    if share is None:
        return "<td>-</td>"
    weight = round(60 * min(1.0, max(0.0, share)))
    return f'<td style="background: color-mix(in srgb, var({hue}) {weight}%, transparent)">{share:.2f}</td>'
