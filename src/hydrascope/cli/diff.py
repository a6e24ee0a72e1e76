"""`hydrascope diff OLD NEW`: what changed between two findings folders, and why."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from hydrascope.report import compare, describe_difference, difference_as_dict, read_findings, render_answer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("diff")(diff)


def diff(
    old: Annotated[Path, typer.Argument(help="The earlier findings folder.", metavar="OLD")],
    new: Annotated[Path, typer.Argument(help="The later findings folder.", metavar="NEW")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say which campaigns are new, gone, merged, split or changed between two findings folders, and why."""
    comparison = compare(read_findings(old), read_findings(new))
    if as_json:
        typer.echo(json.dumps(difference_as_dict(comparison), ensure_ascii=False, indent=2))
    else:
        render_answer(describe_difference(comparison), sys.stdout)
