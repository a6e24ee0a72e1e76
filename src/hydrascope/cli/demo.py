"""`hydrascope demo`: a small mixed world, simulated and scanned, with the truth beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hydrascope.cli._progress import TerminalProgress
from hydrascope.cli.scan import print_campaigns
from hydrascope.evaluate.evaluation import evaluate_folder
from hydrascope.evaluate.table import render_table
from hydrascope.pipeline import scan
from hydrascope.report import render_report
from hydrascope.simulate import read_scenario, simulate_world

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command("demo")
    def demo(
        out: Annotated[Path, typer.Option(help="Folder for the world and the findings.")] = Path("demo"),
        seed: Annotated[int, typer.Option(help="Another seed, another world.")] = 1,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    ) -> None:
        """Simulate a small mixed world, scan it, and hold the findings against the truth."""
        world, findings = out / "world", out / "findings"
        facts = simulate_world(read_scenario("demo"), world, seed=seed)
        typer.echo(f"A world of {facts.n_accounts:,} accounts and {facts.n_exchanges:,} exchanges: {world}")
        with TerminalProgress(quiet=quiet) as progress:
            result = scan(
                [str(world / "exchanges")],
                findings,
                accounts=str(world / "accounts.parquet"),
                events=str(world / "events.parquet"),
                progress=progress,
            )
            render_report(findings)
        print_campaigns(result, findings)
        console = Console()
        wide = console if console.is_terminal else Console(width=132)
        wide.print(render_table(evaluate_folder(findings, world / "truth.parquet", world)))
