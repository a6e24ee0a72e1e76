"""`hydrascope explain FINDINGS ID [ID2]`: why an account, a pair or a campaign was judged as it was."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from hydrascope.report import answer_as_dict, explain, read_findings, render_answer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("explain")(explain_command)


def explain_command(
    findings: Annotated[
        Path, typer.Argument(help="Folder that `hydrascope scan` wrote.", metavar="FINDINGS")
    ],
    ids: Annotated[
        list[str],
        typer.Argument(help="A campaign, an account, or two accounts (also as A,B).", metavar="ID [ID2]"),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    reveal: Annotated[bool, typer.Option("--reveal", help="Print callers' text too.")] = False,
) -> None:
    """Say why an account, a pair or a campaign was judged as it was, and what would change it."""
    answer = explain(read_findings(findings), ids, reveal=reveal)
    if as_json:
        typer.echo(json.dumps(answer_as_dict(answer), ensure_ascii=False, indent=2))
    else:
        render_answer(answer, sys.stdout)
