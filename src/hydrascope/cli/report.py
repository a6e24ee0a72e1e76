"""`hydrascope report FINDINGS`: the findings as one page that a person can read offline."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from hydrascope.report import render_report

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("report")(report)


def report(
    findings: Annotated[
        Path, typer.Argument(help="Folder that `hydrascope scan` wrote.", metavar="FINDINGS")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; report.html in the folder by default.")
    ] = None,
    reveal: Annotated[
        bool,
        typer.Option("--reveal", help="Write callers' text into it: keep such a file where it may be kept."),
    ] = False,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the findings as one offline page, report.html."""
    file = render_report(findings, out=out, reveal=reveal)
    typer.echo(str(file))
    if show:
        webbrowser.open(file.resolve().as_uri())
