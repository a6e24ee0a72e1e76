"""`hydrascope benchmark`: worlds x seeds x detectors, time to detection, or an adaptive attacker."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from hydrascope.evaluate.attacker.arena import Arena
from hydrascope.evaluate.attacker.costs import Goal, read_costs
from hydrascope.evaluate.attacker.frontier import frontier_json, frontier_markdown, render_frontier
from hydrascope.evaluate.attacker.search import Exam, Search
from hydrascope.evaluate.attacker.tactics import LADDERS
from hydrascope.evaluate.detectors import OWN, choose_detectors, detector_names
from hydrascope.evaluate.latency import latency_json, latency_markdown, measure_latency, render_latency
from hydrascope.evaluate.leaderboard import leaderboard_json, leaderboard_markdown, rank_trials
from hydrascope.evaluate.leaderboard_page import render_leaderboard
from hydrascope.evaluate.making import simulated_worlds
from hydrascope.evaluate.recipe import code_digest
from hydrascope.evaluate.trials import TrialPlan, run_trials
from hydrascope.simulate import PromptPool

__all__ = ["register"]

DETECTORS = "Detector; repeat. `hydrascope-FAMILY` is the scan without that family. Default: all."


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command("benchmark")
    def benchmark(
        out: Annotated[Path, typer.Option(help="Folder for results; a stopped benchmark goes on from it.")],
        world: Annotated[list[str] | None, typer.Option(help="Scenario name or TOML file; repeat.")] = None,
        seed: Annotated[list[int] | None, typer.Option(help="Seed; repeat. Default: 1 2 3.")] = None,
        detector: Annotated[list[str] | None, typer.Option(help=DETECTORS)] = None,
        scale: Annotated[float, typer.Option(min=0.01, help="Factor on the accounts of every group.")] = 1.0,
        accounts: Annotated[int | None, typer.Option(help="Accounts of each world.")] = None,
        prompts: Annotated[Path | None, typer.Option(help="Parquet pool of prompts.")] = None,
        workers: Annotated[int, typer.Option(min=1, help="Processes of the simulator.")] = 1,
        replay: Annotated[
            int | None, typer.Option(min=1, help="Time to detection: scan every N days.")
        ] = None,
        attacker: Annotated[
            bool, typer.Option("--attacker", help="Search for the cheapest evasion.")
        ] = False,
        mechanic: Annotated[
            list[str] | None, typer.Option(help="The attacker may change this; repeat.")
        ] = None,
        costs: Annotated[Path | None, typer.Option(help="The attacker's price list (TOML).")] = None,
        line: Annotated[float, typer.Option(help="Share of accounts caught at which an attack fails.")] = 0.2,
        enforceable: Annotated[
            bool, typer.Option("--enforceable", help="Count enforceable verdicts only.")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of Markdown.")] = False,
        quiet: Annotated[bool, typer.Option("--quiet", help="No line per trial.")] = False,
    ) -> None:
        """Score detectors on worlds with ground truth; print a table, write JSON, Markdown and a page."""
        out.mkdir(parents=True, exist_ok=True)
        worlds, seeds, tell = tuple(world or ["demo"]), tuple(seed or (1, 2, 3)), teller(quiet)
        if attacker:
            kept = out / "outcomes" / code_digest()
            pool = PromptPool.read(prompts) if prompts else None
            arena = Arena(worlds[0], folder=kept, goal=Goal(), scale=scale, prompts=pool)
            searches: list[Search] = []
            for name, detect in choose_detectors(detector or [OWN]).items():
                exam = Exam(
                    arena,
                    detect,
                    read_costs(costs),
                    name=name,
                    seeds=seeds,
                    line=line,
                    folder=kept,
                    tell=tell,
                )
                searches.append(Search.against(exam, mechanics=mechanic or tuple(LADDERS)))
            rendered = frontier_json(searches), frontier_markdown(searches), render_frontier(searches)
            deliver(out, "frontier", rendered, as_json)
            return
        make = simulated_worlds(scale=scale, accounts=accounts, prompts=prompts, workers=workers)
        if replay is not None:
            chosen = choose_detectors(detector or [OWN])
            found = measure_latency(
                worlds, seeds, chosen, make, out, every_days=replay, enforceable=enforceable, tell=tell
            )
            rendered = latency_json(found), latency_markdown(found), render_latency(found)
            deliver(out, "latency", rendered, as_json)
            return
        plan = TrialPlan(
            worlds=worlds,
            seeds=seeds,
            detectors=choose_detectors(detector or detector_names()),
            make_world=make,
            recipe=f"{code_digest()} {scale} {accounts} {prompts}",
        )
        trials = run_trials(plan, out, clock=time.perf_counter, tell=tell)
        board = rank_trials(trials)
        rendered = leaderboard_json(board, trials), leaderboard_markdown(board), render_leaderboard(board)
        deliver(out, "leaderboard", rendered, as_json)


def teller(quiet: bool) -> Callable[[str], None]:
    """Where the lines of progress go."""
    return (lambda _: None) if quiet else (lambda words: typer.echo(words, err=True))


def deliver(out: Path, name: str, parts: tuple[str, str, str], as_json: bool) -> None:
    """Write JSON, Markdown and page; print one of them."""
    for ending, text in zip(("json", "md", "html"), parts, strict=True):
        (out / f"{name}.{ending}").write_text(text, encoding="utf-8")
    typer.echo(parts[0] if as_json else parts[1], nl=False)
