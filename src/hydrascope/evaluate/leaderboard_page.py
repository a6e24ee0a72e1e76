"""The leaderboard as one HTML page that works offline."""

from __future__ import annotations

from html import escape

from hydrascope.evaluate.charts import Bar, draw_bars
from hydrascope.evaluate.leaderboard import COLUMNS, Leaderboard, cell
from hydrascope.evaluate.page import figure, html_page, html_table

__all__ = ["render_leaderboard"]


def render_leaderboard(board: Leaderboard) -> str:
    """Standings, plots, and the two tables of names."""
    n = len(board.seeds)
    lead = f"{len(board.worlds)} worlds, {n} seeds, {len(board.standings)} detectors. After ± half of the 95 % interval over seeds."
    rows = [[s.detector, *(cell(s.figures[f], n) for f in COLUMNS)] for s in board.standings]
    note = (
        "<p>Worth is enforceable recall x precision of enforceable verdicts where there are 1,000 honest accounts "
        "to one of a campaign: what automation would catch, discounted by how often its alarm would hold.</p>"
    )
    return html_page(
        "Leaderboard",
        lead,
        [
            "<h2>Standings</h2>",
            note,
            html_table(["detector", *COLUMNS.values()], rows),
            '<div class="pair">',
            figure(bars(board, "worth", top=1.0), "Worth."),
            figure(bars(board, "enforceable_recall", top=1.0), "Recall in enforceable verdicts."),
            figure(alarm_bars(board), "Honest accounts in enforceable verdicts, per 10,000."),
            figure(bars(board, "average_precision", top=1.0), "Average precision of the account ranking."),
            "</div>",
            heat(
                "Recall by campaign",
                "Share of the campaign's accounts in any distillation verdict.",
                board,
                board.campaigns,
            ),
            heat(
                "Honest labels",
                "Share of the label's accounts in enforceable verdicts.",
                board,
                board.look_alikes,
                bad=True,
            ),
            heat("Worth by world", "Worlds with a campaign.", board, board.worlds_worth),
        ],
    )


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
    head = "".join(f"<th>{escape(d)}</th>" for d in names)
    hue = "--warn" if bad else "--bar"
    body = "".join(
        f"<tr><td>{escape(row)}</td>" + "".join(shaded(of.get(d), hue) for d in names) + "</tr>"
        for row, of in cells.items()
    )
    return (
        f"<h2>{escape(title)}</h2><p>{escape(note)}</p>"
        f'<div class="wide"><table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def shaded(share: float | None, hue: str) -> str:
    """One cell."""
    if share is None:
        return "<td>-</td>"
    weight = round(60 * min(1.0, max(0.0, share)))
    return f'<td style="background: color-mix(in srgb, var({hue}) {weight}%, transparent)">{share:.2f}</td>'
