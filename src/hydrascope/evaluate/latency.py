"""Time and volume to detection of many detectors on many worlds, as JSON, Markdown and page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from hydrascope.evaluate.charts import Series, draw_lines
from hydrascope.evaluate.page import figure, html_page, html_table
from hydrascope.evaluate.replay import Detection, Replay, ReplayDay, replay_days
from hydrascope.evaluate.trials import Detector, MakeWorld
from hydrascope.evaluate.world import World, read_world

__all__ = [
    "SUMMARY",
    "Latency",
    "latency_json",
    "latency_markdown",
    "latency_sections",
    "measure_latency",
    "render_latency",
    "summary_rows",
]


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
    every_days: float = 1,
    enforceable: bool = False,
    recipe: str = "",
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Latency, ...]:
    """Replay every world with every detector; worlds are made in `folder` and removed.

    What was replayed is kept in `folder/replays` under a name that changes with `recipe` (code, scale, settings),
    so that a stopped benchmark goes on.
    """
    (folder / "replays").mkdir(parents=True, exist_ok=True)
    found = []
    for name in worlds:
        for seed in seeds:
            place = folder / f"replay-{name.replace('/', '.')}-{seed}"
            for detector, detect in detectors.items():
                whole = f"{recipe}|{name}|{seed}|{detector}|{every_days}|{enforceable}"
                path = folder / "replays" / f"{sha256(whole.encode()).hexdigest()[:16]}.json"
                if not path.exists():
                    world = read_world(place) if place.exists() else fresh(make_world, name, seed, place)
                    replay = replay_days(detect, world, every_days=every_days, enforceable=enforceable)
                    latency = Latency(world=name, seed=seed, detector=detector, replay=replay)
                    path.write_text(json.dumps(asdict(latency), default=iso), encoding="utf-8")
                found.append(read_latency(path))
                tell(f"{name} seed {seed} {detector}: replayed")
            shutil.rmtree(place, ignore_errors=True)
    return tuple(found)


def fresh(make_world: MakeWorld, name: str, seed: int, place: Path) -> World:
    """The world, made anew beside its place and moved there when it is whole."""
    partial = place.with_name(f"{place.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    make_world(name, seed, partial)
    partial.replace(place)
    return read_world(place)


def read_latency(path: Path) -> Latency:
    """A replay as it was written."""
    plain = json.loads(path.read_text(encoding="utf-8"))
    replay = plain.pop("replay")
    days = tuple(ReplayDay(**{**d, "cut_at": datetime.fromisoformat(d["cut_at"])}) for d in replay["days"])
    found = tuple(read_detection(d) for d in replay["detections"])
    whole = Replay(level=replay["level"], enforceable=replay["enforceable"], days=days, detections=found)
    return Latency(**plain, replay=whole)


def read_detection(plain: dict[str, Any]) -> Detection:
    """A detection from plain values."""
    times = ("first_seen_at", "detected_at")
    at = {name: plain[name] and datetime.fromisoformat(plain[name]) for name in times}
    return Detection(**{**plain, **at})


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
    """Time and volume to detection as a Markdown table, and what the looks would have done to honest accounts."""
    lines = ["| " + " | ".join(r) + " |" for r in [COLUMNS, ["---"] * len(COLUMNS), *rows(found)]]
    return "\n".join([*lines, "", *map(harm, found)]) + "\n"


def harm(x: Latency) -> str:
    """At how many looks honest accounts were in an enforceable verdict.

    A campaign that is found early is worth nothing if customers are found with it.
    """
    looks = {d.cut_at: d.honest_enforceable for d in x.replay.days}
    hurt = [n for n in looks.values() if n]
    return (
        f"{x.detector} on {x.world}, seed {x.seed}: honest accounts in an enforceable verdict at {len(hurt)} of {len(looks)} looks"
        + (f", at most {max(hurt)}." if hurt else ".")
    )


def render_latency(found: Sequence[Latency]) -> str:
    """A page with the recall of each campaign over the days of the log."""
    lead = "Every scan knows only what came before it; recall is of the accounts seen so far."
    return html_page("Time and volume to detection", lead, latency_sections(found))


def latency_sections(found: Sequence[Latency], most_plots: int = 12) -> list[str]:
    """The table, and a plot for each of the first replays."""
    plots = [plot for x in found[:most_plots] if (plot := recall_plot(x))]
    told = "".join(f"<p>{escape(harm(x))}</p>" for x in found)
    return [html_table(COLUMNS, rows(found)), told, '<div class="pair">' + "".join(plots) + "</div>"]


def recall_plot(x: Latency) -> str:
    """Recall of each campaign so far, over the days of the log."""
    start = min((d.cut_at for d in x.replay.days), default=None)
    if start is None:
        return ""
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
    return figure(drawing, title)


def summary_rows(found: Sequence[Latency]) -> list[list[str]]:
    """One row a detector: campaigns seen in time, and the middle one's time and volume."""
    by_detector: dict[str, list[Detection]] = {}
    for x in found:
        by_detector.setdefault(x.detector, []).extend(x.replay.detections)
    table = []
    for detector, all_of in by_detector.items():
        hours = sorted(d.hours for d in all_of if d.hours is not None)
        volume = sorted(d.share_of_volume for d in all_of)
        table.append(
            [
                detector,
                f"{len(hours)} of {len(all_of)}",
                f"{hours[len(hours) // 2]:.0f}" if hours else "-",
                f"{100 * volume[len(volume) // 2]:.0f} %" if volume else "-",
            ]
        )
    return table


SUMMARY = ["detector", "campaigns detected", "median hours to it", "median share of volume sent before"]
