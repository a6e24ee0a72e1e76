"""An evaluation on a terminal."""

from __future__ import annotations

from io import StringIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from hydrascope.evaluate.alarms import AlarmCount
from hydrascope.evaluate.evaluation import Evaluation
from hydrascope.evaluate.intervals import Interval

__all__ = ["render_table", "table_text"]


def render_table(evaluation: Evaluation) -> RenderableType:
    """The whole evaluation, for a rich console."""
    parts = [
        headline(evaluation),
        campaign_table(evaluation),
        found_table(evaluation),
        alarm_table(evaluation),
        look_alike_table(evaluation),
        base_rate_table(evaluation),
        reliability_table(evaluation),
    ]
    return Group(*(part for part in parts if part is not None))


def table_text(evaluation: Evaluation, width: int = 110) -> str:
    """The same as plain text, `width` columns wide."""
    out = StringIO()
    Console(file=out, width=width, color_system=None, legacy_windows=False).print(render_table(evaluation))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def grid(title: str, *columns: str) -> Table:
    """A table whose first column is text and whose others are figures."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(columns):
        table.add_column(name, justify="left" if i == 0 else "right", overflow="fold", no_wrap=i == 0)
    return table


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage, or a dash."""
    return "-" if value is None else f"{100 * value:.{digits}f} %"


def number(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash."""
    return "-" if value is None else f"{value:.{digits}f}"


def bounds(interval: Interval | None) -> str:
    """A share with its bounds."""
    if interval is None:
        return "-"
    return f"{100 * interval.value:.1f} % [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def headline(e: Evaluation) -> Text:
    """The figures that fit two lines."""
    d, r = e.bcubed_distillation, e.ranking
    return Text(
        f"{e.n_accounts:,} accounts, {e.n_campaign_accounts:,} of {len(e.campaigns)} campaigns"
        + (f", {e.weeks:.1f} weeks" if e.weeks else "")
        + (f"; {e.n_absent:,} without a row in the findings" if e.n_absent else "")
        + (f"; {e.n_unlabelled:,} without truth left out" if e.n_unlabelled else "")
        + f"\ncampaign recall {percent(e.recall)} (enforceable {percent(e.enforceable_recall)}), purity "
        f"{percent(e.purity)}, B-cubed {number(d.precision)} / {number(d.recall)} "
        f"(any verdict {number(e.bcubed_any.precision)} / {number(e.bcubed_any.recall)}), "
        f"average precision {number(r.average_precision)}, Brier {number(e.calibration.brier, 4)}\n"
    )


def campaign_table(e: Evaluation) -> Table | None:
    """True campaigns, one a row; None where the truth has none."""
    if not e.campaigns:
        return None
    table = grid(
        "True campaigns",
        "campaign",
        "accounts",
        "recall",
        "enforceable",
        "in a cluster",
        "volume",
        "pieces",
        "best match",
    )
    for c in e.campaigns:
        match = f"{c.best_match} {percent(c.best_share, 0)} {c.best_verdict or ''}" if c.best_match else "-"
        table.add_row(
            c.campaign,
            f"{c.n_accounts:,}",
            percent(c.recall),
            percent(c.enforceable_recall),
            percent(c.clustered),
            percent(c.volume_recall),
            str(c.fragments),
            match,
        )
    return table


def found_table(e: Evaluation, most: int = 25) -> Table | None:
    """Found campaigns, distillation verdicts first, then by size; the largest `most` of them."""
    if not e.found:
        return None
    order = sorted(e.found, key=lambda f: (f.verdict != "distillation", -f.n_accounts, f.campaign_id))
    title = "Found campaigns" + (f" (the first {most} of {len(order)})" if len(order) > most else "")
    table = grid(title, "found", "verdict", "enforceable", "accounts", "purity", "honest", "mostly")
    for f in order[:most]:
        table.add_row(
            f.campaign_id,
            f.verdict,
            "yes" if f.enforceable else "no",
            f"{f.n_accounts:,}",
            percent(f.purity),
            f"{f.honest:,}",
            f.dominant,
            style="red" if f.false_alarm else None,
        )
    return table


def alarm_table(e: Evaluation) -> Table:
    """False alarms by gravity."""
    a = e.false_alarms
    table = grid(
        f"False alarms among {a.n_honest:,} honest accounts",
        "kind",
        "accounts",
        "per 10,000",
        "per week",
        "groups",
    )
    rows: list[tuple[str, AlarmCount, str]] = [
        ("in any distillation verdict", a.any_verdict, str(a.groups)),
        ("in an enforceable one", a.enforceable, str(a.enforceable_groups)),
        ("and marked enforceable", a.acted, ""),
    ]
    for name, alarm, groups in rows:
        table.add_row(name, f"{alarm.n:,}", rate(alarm.per_10k_accounts), number(alarm.per_week, 1), groups)
    return table


def rate(interval: Interval | None) -> str:
    """A rate with its bounds."""
    return "-" if interval is None else f"{interval.value:.1f} [{interval.low:.1f}, {interval.high:.1f}]"


def look_alike_table(e: Evaluation) -> Table | None:
    """Honest labels that are in a found campaign, worst first, then the others in one row each."""
    if not e.look_alikes:
        return None
    table = grid(
        "Honest look-alikes", "label", "accounts", "distillation", "enforceable", "acted on", "verdicts"
    )
    table.columns[-1].justify = "left"
    for x in sorted(e.look_alikes, key=lambda x: (-x.enforceable, -x.any_verdict, x.label)):
        verdicts = ", ".join(f"{name} {percent(share, 0)}" for name, share in x.verdicts.items())
        table.add_row(
            x.label,
            f"{x.n_accounts:,}",
            percent(x.any_verdict),
            percent(x.enforceable),
            percent(x.acted),
            verdicts,
            style="red" if x.enforceable else "yellow" if x.any_verdict else None,
        )
    return table


def base_rate_table(e: Evaluation) -> Table:
    """What share of flagged accounts would be guilty elsewhere."""
    table = grid(
        "Precision at other base rates (95 % bounds)", "campaign : honest", "any verdict", "enforceable"
    )
    for b in e.base_rates:
        table.add_row(f"1 : {b.honest_per_campaign_account:,}", bounds(b.any_verdict), bounds(b.enforceable))
    return table


def reliability_table(e: Evaluation) -> Table:
    """Stated probability against what was so."""
    table = grid("Reliability of accounts.probability", "stated", "accounts", "mean stated", "observed")
    for b in e.calibration.bins:
        table.add_row(f"{b.low:.1f}-{b.high:.1f}", f"{b.n:,}", number(b.stated), bounds(b.observed))
    return table
