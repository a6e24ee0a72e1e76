"""`hydrascope evaluate`: findings held against ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hydrascope.evaluate.evaluation import evaluate_folder, evaluation_json
from hydrascope.evaluate.page import render_page
from hydrascope.evaluate.table import render_table

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command("evaluate")
    def evaluate(
        findings: Annotated[Path, typer.Argument(help="Findings folder of a scan.")],
        truth: Annotated[Path, typer.Argument(help="truth.parquet: account_id, label, campaign.")],
        world: Annotated[Path | None, typer.Option(help="World folder, for figures per week of log.")] = None,
        out: Annotated[
            Path | None, typer.Option(help="Write evaluation.json and evaluation.html here.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of the table.")] = False,
    ) -> None:
        """Hold findings against truth: recall, purity, false alarms by name, calibration."""
        result = evaluate_folder(findings, truth, world)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            (out / "evaluation.json").write_text(evaluation_json(result), encoding="utf-8")
            (out / "evaluation.html").write_text(render_page(result), encoding="utf-8")
        if as_json:
            typer.echo(evaluation_json(result), nl=False)
        else:
            console = Console()
            Console(width=None if console.is_terminal else 120).print(render_table(result))
