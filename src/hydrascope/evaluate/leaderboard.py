"""Trials as a leaderboard: means over worlds, intervals over seeds, and who failed on what by name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from hydrascope.evaluate.calibration import BASE_RATES, BaseRate, precision_at
from hydrascope.evaluate.intervals import Interval, mean_interval, share_interval
from hydrascope.evaluate.trials import BinScore, Trial, names_of

__all__ = [
    "FIGURES",
    "RELIABILITY",
    "TABLES",
    "Leaderboard",
    "Standing",
    "cell",
    "leaderboard_json",
    "leaderboard_markdown",
    "odds_heads",
    "odds_rows",
    "rank_trials",
    "reliability_rows",
    "standing_rows",
]

FIGURES = (
    "worth",
    "recall",
    "enforceable_recall",
    "volume_recall",
    "fragments",
    "purity",
    "bcubed_precision",
    "bcubed_recall",
    "average_precision",
    "brier",
    "any_per_10k",
    "enforceable_per_10k",
    "groups_per_week",
    "enforceable_groups_per_week",
    "share_error",
    "share_bias",
    "seconds",
)
"""Figures of a trial that a standing averages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One detector over all worlds and seeds."""

    detector: str
    n_trials: int
    n_seeds: int
    figures: dict[str, Interval | None]
    """Figure to its mean with 95 % bounds (Student's t over the seeds' means); None: never defined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """Standings, best worth first, and the tables behind them."""

    worlds: tuple[str, ...]
    seeds: tuple[int, ...]
    standings: tuple[Standing, ...]
    campaigns: dict[str, dict[str, float]]
    """Campaign to detector to mean recall in any distillation verdict."""
    look_alikes: dict[str, dict[str, float]]
    """Honest label to detector to the mean share of its accounts in enforceable verdicts."""
    accused: dict[str, dict[str, float]]
    """The same in any distillation verdict."""
    worlds_worth: dict[str, dict[str, float]]
    """World to detector to mean worth, where the world has a campaign."""
    base_rates: dict[str, tuple[BaseRate, ...]]
    """Detector to its precision at each base rate."""
    reliability: dict[str, tuple[BinScore, ...]]
    """Detector to stated probability against what was so, pooled over its trials."""


def rank_trials(trials: Sequence[Trial]) -> Leaderboard:
    """The leaderboard of the trials.

    A seed's figure is the plain mean over the worlds in which it is defined, so that every world counts alike; the
    interval is over seeds, which is the unit that is independent.
    """
    standings = [
        standing(name, [t for t in trials if t.detector == name]) for name in names_of(trials, "detector")
    ]
    return Leaderboard(
        worlds=tuple(names_of(trials, "world")),
        seeds=tuple(sorted({t.seed for t in trials})),
        standings=tuple(sorted(standings, key=order)),
        campaigns=table([(c.campaign, t.detector, c.recall) for t in trials for c in t.campaigns]),
        look_alikes=table([(x.label, t.detector, x.enforceable) for t in trials for x in t.look_alikes]),
        accused=table([(x.label, t.detector, x.any_verdict) for t in trials for x in t.look_alikes]),
        worlds_worth=table([(t.world, t.detector, t.worth) for t in trials if t.worth is not None]),
        base_rates={
            d: base_rates([t for t in trials if t.detector == d]) for d in names_of(trials, "detector")
        },
        reliability={
            d: pool_bins([t for t in trials if t.detector == d]) for d in names_of(trials, "detector")
        },
    )


def base_rates(trials: Sequence[Trial]) -> tuple[BaseRate, ...]:
    """Precision of a detector's verdicts where campaigns are rarer than in these worlds.

    The true-positive rate is the mean recall over worlds, with Student's t bounds over the seeds; the false-positive
    rate pools the honest accounts of every trial, with Clopper-Pearson bounds. The bounds of the precision pair the
    worst of both and the best of both.
    """
    seeds = sorted({t.seed for t in trials})
    return tuple(
        BaseRate(
            honest_per_campaign_account=odds,
            any_verdict=at_odds(trials, seeds, "recall", "any_per_10k", odds),
            enforceable=at_odds(trials, seeds, "enforceable_recall", "enforceable_per_10k", odds),
        )
        for odds in BASE_RATES
    )


def at_odds(
    trials: Sequence[Trial], seeds: Sequence[int], recall: str, alarms: str, odds: int
) -> Interval | None:
    """Precision at `odds` honest accounts to one; None where nothing would raise an alarm."""
    tpr = mean_interval(seed_means(trials, seeds, recall))
    honest = sum(t.n_honest for t in trials)
    wrong = sum(round(getattr(t, alarms) * t.n_honest / 1e4) for t in trials)
    fpr = share_interval(wrong, honest)
    value = precision_at(tpr.value, fpr.value, odds) if tpr and fpr else None
    if tpr is None or fpr is None or value is None:
        return None
    low = precision_at(max(tpr.low, 0.0), fpr.high, odds)
    high = precision_at(min(tpr.high, 1.0), fpr.low, odds)
    return Interval(value=value, low=low or 0.0, high=1.0 if high is None else high)


def pool_bins(trials: Sequence[Trial]) -> tuple[BinScore, ...]:
    """The bins of all trials together."""
    found: dict[float, list[BinScore]] = {}
    for t in trials:
        for b in t.bins:
            found.setdefault(b.low, []).append(b)
    return tuple(
        BinScore(
            low=low,
            n=(n := sum(b.n for b in bins)),
            stated=sum(b.stated * b.n for b in bins) / n,
            n_guilty=sum(b.n_guilty for b in bins),
        )
        for low, bins in sorted(found.items())
    )


def order(s: Standing) -> tuple[float, float, str]:
    """Best worth first, then fewest honest accounts in enforceable verdicts."""
    worth, wrong = s.figures["worth"], s.figures["enforceable_per_10k"]
    return (-worth.value if worth else 0.0, wrong.value if wrong else 0.0, s.detector)


def standing(name: str, trials: Sequence[Trial]) -> Standing:
    """One detector's figures."""
    seeds = sorted({t.seed for t in trials})
    return Standing(
        detector=name,
        n_trials=len(trials),
        n_seeds=len(seeds),
        figures={f: mean_interval(seed_means(trials, seeds, f)) for f in FIGURES},
    )


def seed_means(trials: Sequence[Trial], seeds: Sequence[int], figure: str) -> list[float]:
    """Mean over worlds for each seed in which the figure is defined."""
    means = []
    for seed in seeds:
        values = [v for t in trials if t.seed == seed and (v := getattr(t, figure)) is not None]
        if values:
            means.append(sum(values) / len(values))
    return means


def table(entries: Sequence[tuple[str, str, float]]) -> dict[str, dict[str, float]]:
    """Row to column to mean, rows sorted, columns in order of appearance."""
    cells: dict[str, dict[str, list[float]]] = {}
    for row, column, value in entries:
        cells.setdefault(row, {}).setdefault(column, []).append(value)
    return {row: {c: sum(v) / len(v) for c, v in cells[row].items()} for row in sorted(cells)}


def leaderboard_json(board: Leaderboard, trials: Sequence[Trial]) -> str:
    """The leaderboard and its trials as JSON."""
    plain = {"version": 1, **asdict(board), "trials": [asdict(t) for t in trials]}
    return json.dumps(plain, indent=1, allow_nan=False) + "\n"


TABLES: dict[str, dict[str, str]] = {
    "Standings": {
        "worth": "worth",
        "recall": "recall",
        "enforceable_recall": "enforceable recall",
        "volume_recall": "volume recall",
        "purity": "purity",
        "bcubed_precision": "B-cubed precision",
        "bcubed_recall": "B-cubed recall",
        "fragments": "pieces",
    },
    "False alarms": {
        "any_per_10k": "honest in any verdict / 10,000",
        "enforceable_per_10k": "honest enforced / 10,000",
        "groups_per_week": "honest groups / week",
        "enforceable_groups_per_week": "honest groups enforced / week",
    },
    "Probabilities, shares, cost": {
        "average_precision": "average precision",
        "brier": "Brier score",
        "share_error": "distilled-share error",
        "share_bias": "its bias",
        "seconds": "CPU s",
    },
}
"""Title to the figures of a table and their headings."""


def leaderboard_markdown(board: Leaderboard) -> str:
    """The leaderboard as a Markdown document."""
    n = len(board.seeds)
    lines = [
        f"{len(board.worlds)} worlds x {n} seeds ({', '.join(map(str, board.seeds))}); "
        + (
            "mean ± half the 95 % interval over seeds (Student's t)."
            if n > 1
            else "one seed, so no intervals."
        ),
        "",
        "worth = enforceable recall x precision of enforceable verdicts at 1,000 honest accounts to one.",
    ]
    for title, columns in TABLES.items():
        lines += [
            "",
            title,
            "",
            *markdown_table(["detector", *columns.values()], standing_rows(board, columns)),
        ]
    lines += ["", "Precision of enforceable verdicts at base rates (campaign : honest), with 95 % bounds", ""]
    lines += markdown_table(["detector", *odds_heads()], odds_rows(board))
    for title, cells in (
        ("Recall of each campaign (any distillation verdict)", board.campaigns),
        ("Share of each honest label's accounts in enforceable verdicts", board.look_alikes),
        ("Share of each honest label's accounts in any distillation verdict", board.accused),
    ):
        lines += ["", title, "", *matrix(board, cells)]
    for detector, bins in board.reliability.items():
        if len(bins) > 2:
            lines += ["", f"Reliability of {detector}'s account probability", ""]
            lines += markdown_table(RELIABILITY, reliability_rows(bins))
    return "\n".join(lines) + "\n"


RELIABILITY = ["stated", "accounts", "mean stated", "observed", "95 %"]


def reliability_rows(bins: Sequence[BinScore]) -> list[list[str]]:
    """One row a bin."""
    rows = []
    for b in bins:
        seen = share_interval(b.n_guilty, b.n)
        assert seen is not None
        bounds = f"{seen.low:.3f}-{seen.high:.3f}"
        rows.append(
            [f"{b.low:.1f}-{b.low + 0.1:.1f}", f"{b.n:,}", f"{b.stated:.4f}", f"{seen.value:.3f}", bounds]
        )
    return rows


def standing_rows(board: Leaderboard, columns: Iterable[str]) -> list[list[str]]:
    """One row a detector."""
    n = len(board.seeds)
    return [[s.detector, *(cell(s.figures[f], n) for f in columns)] for s in board.standings]


def odds_heads() -> list[str]:
    """Headings of the base rates."""
    return [f"1 : {odds:,}" for odds in BASE_RATES]


def odds_rows(board: Leaderboard) -> list[list[str]]:
    """One row a detector: precision of its enforceable verdicts at each base rate."""
    rows = []
    for s in board.standings:
        found = [b.enforceable for b in board.base_rates[s.detector]]
        rows.append(
            [
                s.detector,
                *(f"{plain(i.value)} [{plain(i.low)}, {plain(i.high)}]" if i else "-" for i in found),
            ]
        )
    return rows


def cell(interval: Interval | None, n_seeds: int) -> str:
    """A figure, with half the width of its interval where there are seeds to tell."""
    if interval is None:
        return "-"
    half = (interval.high - interval.low) / 2
    return plain(interval.value) + (f" ±{plain(half)}" if n_seeds > 1 and half > 0 else "")


def plain(value: float) -> str:
    """Three decimals below ten, one above, and a sign where something is too small to show."""
    if 0 < value < 0.0005:
        return "<0.001"
    return f"{value:.3f}" if value < 10 else f"{value:,.1f}"


def matrix(board: Leaderboard, cells: dict[str, dict[str, float]]) -> list[str]:
    """A table of rows by detectors."""
    names = [s.detector for s in board.standings]
    rows = [[row, *(f"{of[d]:.2f}" if d in of else "-" for d in names)] for row, of in cells.items()]
    return markdown_table(["", *names], rows)


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table, padded so that it reads as plain text too."""
    widths = [max(len(r[i]) for r in [columns, *rows]) for i in range(len(columns))]
    bar = ["-" * w for w in widths]
    return [
        "| " + " | ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) + " |"
        for r in [columns, bar, *rows]
    ]
