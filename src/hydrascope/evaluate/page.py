"""An evaluation as one HTML page that works offline: tables and inline SVG, no script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from hydrascope.evaluate.charts import Bar, Series, draw_bars, draw_lines
from hydrascope.evaluate.evaluation import Evaluation
from hydrascope.evaluate.table import bounds, number, percent, rate

__all__ = ["html_page", "html_table", "render_page"]

STYLE = """
:root { color-scheme: light dark; --paper: #fcfcfa; --ink: #1d2430; --dim: #5b6472; --track: #e6e8ec;
  --bar: #2f6db3; --warn: #c4572d; --line: #d5d9e0; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171c; --ink: #e6e9ee; --dim: #98a2b3;
  --track: #262b33; --bar: #5b9be0; --warn: #e07a4f; --line: #333a45; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 24px 20px 64px; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 4px; } h2 { font-size: 1.1rem; margin: 36px 0 6px; }
p { margin: 4px 0 10px; max-width: 76ch; } .note { color: var(--dim); font-size: 0.9rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 10px; margin: 16px 0; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; }
.card b { display: block; font-size: 1.35rem; } .card span { color: var(--dim); font-size: 0.85rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 0.9rem; }
th { vertical-align: bottom; } th, td { text-align: right; padding: 4px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; } th { white-space: normal; }
th:first-child, td:first-child { text-align: left; } td.words { white-space: normal; min-width: 16em; }
tr.own td { font-weight: 650; } table.heat th, table.heat td { padding: 4px 6px; } table.heat th { max-width: 7em; }
table.rungs th, table.rungs td { padding: 4px 6px; white-space: normal; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 20px 0 4px; } details { margin: 6px 0; } summary { cursor: pointer; }
td.moved { color: var(--warn); font-weight: 600; }
tr.warn td { color: var(--warn); font-weight: 600; }
figure { margin: 8px 0; }
svg { max-width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.pair { display: flex; flex-wrap: wrap; gap: 16px; } .pair > figure { margin: 0; flex: 1 1 440px; }
figcaption { color: var(--dim); font-size: 0.9rem; }
"""


def html_page(title: str, lead: str, sections: Sequence[str]) -> str:
    """A page of sections under a title."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1><p>{escape(lead)}</p>{''.join(sections)}</body></html>\n"
    )


def html_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], warn: Sequence[bool] = (), own: str | None = None
) -> str:
    """A table; rows that `warn` marks stand out, and so do those whose first cell begins with `own`."""
    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    marks = list(warn) or [False] * len(rows)
    body = "".join(
        f"<tr{row_class(row, mark, own)}>{''.join(map(table_cell, row))}</tr>"
        for row, mark in zip(rows, marks, strict=True)
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def row_class(row: Sequence[str], warn: bool, own: str | None) -> str:
    """How a row stands out, if it does."""
    return " class=warn" if warn else " class=own" if own and row[0].startswith(own) else ""


def table_cell(words: str) -> str:
    """One cell; long words may wrap."""
    return f"<td{' class=words' if len(words) > 28 else ''}>{escape(words)}</td>"


def figure(drawing: str, caption: str) -> str:
    """A plot with its caption."""
    return f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>"


def render_page(e: Evaluation, title: str = "Evaluation") -> str:
    """The whole evaluation as HTML."""
    lead = f"{e.n_accounts:,} accounts, {e.n_campaign_accounts:,} of them in {len(e.campaigns)} campaigns" + (
        f", {e.weeks:.1f} weeks of log." if e.weeks else "."
    )
    return html_page(
        title,
        lead,
        [
            cards(e),
            campaign_section(e),
            alarm_section(e),
            look_alike_section(e),
            found_section(e),
            odds_section(e),
        ],
    )


def cards(e: Evaluation) -> str:
    """The figures to read first."""
    a, d = e.false_alarms, e.bcubed_distillation
    items = [
        (percent(e.recall), "campaign recall, mean over campaigns"),
        (percent(e.enforceable_recall), "in enforceable verdicts"),
        (percent(e.purity), "purity of distillation verdicts"),
        (f"{number(d.precision, 2)} / {number(d.recall, 2)}", "B-cubed precision / recall"),
        (f"{a.enforceable.n:,}", "honest accounts in enforceable verdicts"),
        (f"{a.enforceable_groups:,}", "honest groups in enforceable verdicts"),
        (number(e.calibration.brier, 4), "Brier score of the account probability"),
        (number(e.ranking.average_precision), "average precision of the ranking"),
    ]
    return (
        '<div class="cards">'
        + "".join(f'<div class="card"><b>{escape(v)}</b><span>{escape(k)}</span></div>' for v, k in items)
        + "</div>"
    )


def campaign_section(e: Evaluation) -> str:
    """True campaigns: bars and table."""
    if not e.campaigns:
        return "<h2>True campaigns</h2><p>This world has none: every verdict of distillation is a false alarm.</p>"
    bars = draw_bars(
        "Recall by campaign", [Bar(name=c.campaign, value=c.recall, warn=c.recall < 0.5) for c in e.campaigns]
    )
    rows = [
        [
            c.campaign, f"{c.n_accounts:,}", f"{c.n_exchanges:,}", percent(c.recall), percent(c.enforceable_recall),
            percent(c.clustered), percent(c.volume_recall), str(c.fragments),
            f"{c.best_match or '-'} ({percent(c.best_share, 0)}, {c.best_verdict or '-'})",
        ]
        for c in e.campaigns
    ]  # fmt: skip
    names = [
        "campaign",
        "accounts",
        "exchanges",
        "recall",
        "enforceable",
        "in a cluster",
        "volume",
        "pieces",
        "best match",
    ]
    caption = "Share of each campaign's accounts inside a distillation verdict; below one half stands out."
    return f"<h2>True campaigns</h2>{figure(bars, caption)}{html_table(names, rows)}{share_note(e)}"


def share_note(e: Evaluation) -> str:
    """The distilled-share error, where the truth knows the shares."""
    if e.share_error is None:
        return ""
    s = e.share_error
    rows = [[name, percent(a), percent(b)] for name, (a, b) in s.campaigns.items()]
    return (
        f"<p>Distilled share: mean absolute error {percent(s.mean_absolute)} per account, bias {percent(s.bias)}.</p>"
        + html_table(["campaign", "found share", "true share"], rows)
    )


def alarm_section(e: Evaluation) -> str:
    """False alarms by gravity."""
    a = e.false_alarms
    rows = [
        [name, f"{x.n:,}", rate(x.per_10k_accounts), number(x.per_week, 1), groups]
        for name, x, groups in (
            ("in any distillation verdict", a.any_verdict, f"{a.groups}"),
            ("in an enforceable one", a.enforceable, f"{a.enforceable_groups}"),
            ("and marked enforceable", a.acted, "-"),
        )
    ]
    names = ["honest accounts", "n", "per 10,000 [95 %]", "per week", "groups"]
    return f"<h2>False alarms among {a.n_honest:,} honest accounts</h2>" + html_table(names, rows)


def look_alike_section(e: Evaluation) -> str:
    """Every honest label by name."""
    order = sorted(e.look_alikes, key=lambda x: (-x.enforceable, -x.any_verdict, x.label))
    rows = [
        [
            x.label, f"{x.n_accounts:,}", percent(x.any_verdict), percent(x.enforceable), percent(x.acted),
            ", ".join(f"{k} {percent(v, 0)}" for k, v in x.verdicts.items()),
        ]
        for x in order
    ]  # fmt: skip
    names = ["label", "accounts", "distillation", "enforceable", "acted on", "verdicts"]
    return "<h2>Honest look-alikes</h2>" + html_table(names, rows, [x.enforceable > 0 for x in order])


def found_section(e: Evaluation) -> str:
    """Found campaigns, distillation verdicts first."""
    order = sorted(e.found, key=lambda f: (f.verdict != "distillation", -f.n_accounts, f.campaign_id))[:60]
    rows = [
        [
            f.campaign_id, f.verdict, "yes" if f.enforceable else "no", f"{f.n_accounts:,}", percent(f.purity),
            f"{f.honest:,}", f.dominant,
        ]
        for f in order
    ]  # fmt: skip
    names = ["found", "verdict", "enforceable", "accounts", "purity", "honest", "mostly"]
    note = '<p class="note">Purity is the share from one true campaign. A distillation verdict that is mostly honest stands out.</p>'
    return "<h2>Found campaigns</h2>" + note + html_table(names, rows, [f.false_alarm for f in order])


def odds_section(e: Evaluation) -> str:
    """Reliability diagram and precision at base rates, side by side."""
    bins = e.calibration.bins
    reliability = draw_lines(
        "Reliability of the account probability",
        [
            Series(name="stated = observed", points=[(0, 0), (1, 1)], dashed=True),
            Series(
                name="accounts",
                points=[(b.stated, b.observed.value) for b in bins],
                bands=[(b.observed.low, b.observed.high) for b in bins],
            ),
        ],
        x_label="stated probability",
        y_label="share in a true campaign",
        y_range=(0, 1),
    )
    precision = draw_lines(
        "Precision at base rates",
        [
            Series(
                name=name,
                points=[(odds, i.value) for odds, i in rows],
                bands=[(i.low, i.high) for _, i in rows],
            )
            for name, rows in (
                (
                    "any verdict",
                    [(b.honest_per_campaign_account, b.any_verdict) for b in e.base_rates if b.any_verdict],
                ),
                (
                    "enforceable",
                    [(b.honest_per_campaign_account, b.enforceable) for b in e.base_rates if b.enforceable],
                ),
            )
        ],
        x_label="honest accounts to one campaign account",
        y_label="precision",
        log_x=True,
        y_range=(0, 1),
    )
    rows = [
        [f"1 : {b.honest_per_campaign_account:,}", bounds(b.any_verdict), bounds(b.enforceable)]
        for b in e.base_rates
    ]
    return (
        "<h2>Calibration and base rates</h2><div class=pair>"
        + figure(reliability, "Whiskers are 95 % bounds; above the diagonal the detector understates.")
        + figure(precision, "What share of flagged accounts would be guilty where campaigns are rarer.")
        + "</div>"
        + html_table(["campaign : honest", "any verdict", "enforceable"], rows)
    )
