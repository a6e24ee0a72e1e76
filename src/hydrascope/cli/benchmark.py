"""`hydrascope benchmark`: worlds x seeds x detectors, time to detection, or an adaptive attacker."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hydrascope.evaluate.attacker.contest import Attacker, Contest, held_by, hold_contest
from hydrascope.evaluate.attacker.frontier import frontier_json, frontier_markdown, render_frontier
from hydrascope.evaluate.attacker.tactics import LADDERS
from hydrascope.evaluate.detectors import OWN, choose_detectors, detector_names
from hydrascope.evaluate.latency import (
    Latency,
    latency_json,
    latency_markdown,
    measure_latency,
    render_latency,
)
from hydrascope.evaluate.leaderboard import leaderboard_json, leaderboard_markdown, rank_trials
from hydrascope.evaluate.leaderboard_page import render_leaderboard
from hydrascope.evaluate.making import simulated_worlds
from hydrascope.evaluate.recipe import code_digest
from hydrascope.evaluate.trials import TrialPlan, run_trials

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
        workers: Annotated[int, typer.Option(min=1, help="Detectors, or searches, at once.")] = 1,
        replay: Annotated[
            float | None,
            typer.Option(min=0.04, help="Time to detection alone: scan every N days, 0.25 for six hours."),
        ] = None,
        latency: Annotated[
            float | None,
            typer.Option(min=0.04, help="Also replay the first world and seed every N days, for the page."),
        ] = None,
        attacker: Annotated[
            bool, typer.Option("--attacker", help="Search for the cheapest evasion.")
        ] = False,
        mechanic: Annotated[
            list[str] | None, typer.Option(help="The attacker may change this; repeat.")
        ] = None,
        hold: Annotated[
            list[str] | None, typer.Option(help="MECHANIC=RUNG that the attacker cannot leave; repeat.")
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
            contest = Contest(
                folder=out / "outcomes" / code_digest(),
                background=worlds[0],
                detectors=tuple(detector or [OWN]),
                attackers=(one_attacker(mechanic, hold),),
                seeds=seeds,
                scale=scale,
                line=line,
                enforceable=enforceable,
                prompts=prompts,
                costs=costs,
            )
            searches = hold_contest(contest, workers=workers, tell=tell)
            rendered = frontier_json(searches), frontier_markdown(searches), render_frontier(searches)
            deliver(out, "frontier", rendered, as_json)
            return
        simulated = partial(
            simulated_worlds, scale=scale, accounts=accounts, prompts=prompts, workers=workers
        )
        recipe = f"{code_digest()} {scale} {accounts} {prompts}"
        if replay is not None:
            chosen = choose_detectors(detector or [OWN])
            found = measure_latency(
                worlds,
                seeds,
                chosen,
                simulated(exchange_truth=True),
                out,
                every_days=replay,
                enforceable=enforceable,
                recipe=recipe,
                tell=tell,
            )
            rendered = latency_json(found), latency_markdown(found), render_latency(found)
            deliver(out, "latency", rendered, as_json)
            return
        chosen = choose_detectors(detector or detector_names())
        plan = TrialPlan(worlds=worlds, seeds=seeds, detectors=chosen, make_world=simulated(), recipe=recipe)
        trials = run_trials(plan, out, clock=time.process_time, tell=tell, workers=workers)
        board = rank_trials(trials)
        replays: tuple[Latency, ...] = ()
        if latency is not None:
            replays = measure_latency(
                worlds[:1],
                seeds[:1],
                chosen,
                simulated(exchange_truth=True),
                out,
                every_days=latency,
                recipe=recipe,
                tell=tell,
            )
            (out / "latency.json").write_text(latency_json(replays), encoding="utf-8")
        page = render_leaderboard(board, replays)
        words = leaderboard_markdown(board)
        if replays:
            words += "\n" + latency_markdown(replays)
        deliver(out, "leaderboard", (leaderboard_json(board, trials), words, page), as_json)


def one_attacker(mechanics: list[str] | None, hold: list[str] | None) -> Attacker:
    """The attacker of the command line."""
    held = held_by(hold or [])
    name = "free" if not held else ", ".join(f"{m}: {r}" for m, r in held.items())
    return Attacker(name=name, held=held, mechanics=tuple(mechanics or LADDERS))


def teller(quiet: bool) -> Callable[[str], None]:
    """Where the lines of progress go."""
    return (lambda _: None) if quiet else (lambda words: typer.echo(words, err=True))


def deliver(out: Path, name: str, parts: tuple[str, str, str], as_json: bool) -> None:
    """Write JSON, Markdown and page; print one of them."""
    for ending, text in zip(("json", "md", "html"), parts, strict=True):
        (out / f"{name}.{ending}").write_text(text, encoding="utf-8")
    typer.echo(parts[0] if as_json else parts[1], nl=False)
