"""Trials as a leaderboard: means over worlds, intervals over seeds, and who failed on what by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from hydrascope.evaluate.intervals import Interval, mean_interval
from hydrascope.evaluate.trials import Trial, names_of

__all__ = ["FIGURES", "Leaderboard", "Standing", "leaderboard_json", "leaderboard_markdown", "rank_trials"]

FIGURES = (
    "worth",
    "recall",
    "enforceable_recall",
    "purity",
    "bcubed_precision",
    "bcubed_recall",
    "average_precision",
    "brier",
    "any_per_10k",
    "enforceable_per_10k",
    "enforceable_groups_per_week",
    "precision_1_1000",
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
    worlds_worth: dict[str, dict[str, float]]
    """World to detector to mean worth, where the world has a campaign."""


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
        worlds_worth=table([(t.world, t.detector, t.worth) for t in trials if t.worth is not None]),
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


COLUMNS = {
    "worth": "worth",
    "recall": "recall",
    "enforceable_recall": "enforceable recall",
    "purity": "purity",
    "bcubed_recall": "B-cubed recall",
    "average_precision": "average precision",
    "any_per_10k": "honest in any verdict / 10,000",
    "enforceable_per_10k": "honest enforced / 10,000",
    "precision_1_1000": "precision at 1:1,000",
    "seconds": "s",
}


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
        "",
        *markdown_table(
            ["detector", *COLUMNS.values()],
            [[s.detector, *(cell(s.figures[f], n) for f in COLUMNS)] for s in board.standings],
        ),
        "",
        "Recall of each campaign (any distillation verdict)",
        "",
        *matrix(board, board.campaigns),
        "",
        "Share of each honest label's accounts in enforceable verdicts",
        "",
        *matrix(board, board.look_alikes),
    ]
    return "\n".join(lines) + "\n"


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
