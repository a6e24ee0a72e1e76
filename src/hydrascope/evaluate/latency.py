"""Time and volume to detection of many detectors on many worlds, as JSON, Markdown and page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hydrascope.evaluate.charts import Series, draw_lines
from hydrascope.evaluate.page import figure, html_page, html_table
from hydrascope.evaluate.replay import Replay, replay_days
from hydrascope.evaluate.trials import Detector, MakeWorld

__all__ = ["Latency", "latency_json", "latency_markdown", "measure_latency", "render_latency"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """One detector replayed over one world."""

    world: str
    seed: int
    detector: str
    replay: Replay


def measure_latency(
    worlds: Sequence[str],
    seeds: Sequence[int],
    detectors: Mapping[str, Detector],
    make_world: MakeWorld,
    folder: Path,
    *,
    every_days: int = 1,
    enforceable: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Latency, ...]:
    """Replay every world with every detector; worlds are made in `folder` and removed."""
    found = []
    for name in worlds:
        for seed in seeds:
            place = folder / f"replay-{name.replace('/', '.')}-{seed}"
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            world = make_world(name, seed, place)
            for detector, detect in detectors.items():
                replay = replay_days(detect, world, every_days=every_days, enforceable=enforceable)
                found.append(Latency(world=name, seed=seed, detector=detector, replay=replay))
                tell(f"{name} seed {seed} {detector}: replayed")
            shutil.rmtree(place)
    return tuple(found)


def latency_json(found: Sequence[Latency]) -> str:
    """Every day of every replay."""
    return json.dumps({"version": 1, "replays": [asdict(x) for x in found]}, indent=1, default=iso) + "\n"


def iso(value: Any) -> str:
    """Times as ISO text."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


COLUMNS = [
    "world",
    "seed",
    "detector",
    "campaign",
    "hours to detection",
    "exchanges before",
    "share of volume",
]


def rows(found: Sequence[Latency]) -> list[list[str]]:
    """One row a campaign and detector."""
    return [
        [
            x.world,
            str(x.seed),
            x.detector,
            d.campaign,
            "never" if d.hours is None else f"{d.hours:.0f}",
            f"{d.n_exchanges:,}",
            f"{100 * d.share_of_volume:.0f} %",
        ]
        for x in found
        for d in x.replay.detections
    ]


def latency_markdown(found: Sequence[Latency]) -> str:
    """Time and volume to detection as a Markdown table."""
    lines = ["| " + " | ".join(r) + " |" for r in [COLUMNS, ["---"] * len(COLUMNS), *rows(found)]]
    return "\n".join(lines) + "\n"


def render_latency(found: Sequence[Latency]) -> str:
    """A page with the recall of each campaign over the days of the log."""
    plots = []
    for x in found:
        start = min((d.cut_at for d in x.replay.days), default=None)
        if start is None:
            continue
        series = [
            Series(
                name=c.campaign,
                points=[
                    (1 + (d.cut_at - start).total_seconds() / 86_400, d.recall)
                    for d in x.replay.days
                    if d.campaign == c.campaign
                ],
            )
            for c in x.replay.detections
        ]
        title = f"{x.detector} on {x.world}, seed {x.seed}"
        drawing = draw_lines(title, series, x_label="days of log", y_label="recall so far", y_range=(0, 1))
        plots.append(figure(drawing, title))
    lead = "Every scan knows only what came before it; recall is of the accounts seen so far."
    body = '<div class="pair">' + "".join(plots) + "</div>"
    return html_page("Time and volume to detection", lead, [html_table(COLUMNS, rows(found)), body])
