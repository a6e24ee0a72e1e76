"""`hydrascope hunt`: a new indicator, or a known campaign's template, held against months of history."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hydrascope.engine.limits import parse_size
from hydrascope.errors import UsageError, nearest
from hydrascope.ingest import Rejects, read_column_map
from hydrascope.pipeline.hunt import (
    Hunted,
    HuntSettings,
    Known,
    hunt,
    indicators_like,
    read_indicators,
    write_hunt,
)
from hydrascope.pipeline.memory import Memory, read_memory

__all__ = ["register"]

_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("hunt")(hunt_history)


def hunt_history(
    history: Annotated[
        list[str],
        typer.Argument(
            help="Logs (files, folders, globs) and folders of watch states.", metavar="LOG_OR_STATE..."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    indicators: Annotated[
        Path | None, typer.Option(help="File of indicators (TOML); a control file will do.")
    ] = None,
    like: Annotated[
        tuple[Path, str] | None,
        typer.Option(help="Hunt for what marks a campaign of these findings.", metavar="FINDINGS ID"),
    ] = None,
    known: Annotated[
        Path | None,
        typer.Option(help="Findings whose campaigns are named beside matches; those of --like by default."),
    ] = None,
    accounts: Annotated[
        Path | None, typer.Option(help="Accounts table, for cards, devices, mail domains.")
    ] = None,
    format: Annotated[str | None, typer.Option(help="Log format; detected by itself otherwise.")] = None,
    column_map: Annotated[
        Path | None, typer.Option("--map", help="TOML file that maps your columns.")
    ] = None,
    memory: Annotated[str, typer.Option(help="Most memory of the engine, such as 2GB.")] = "2GB",
    workers: Annotated[int, typer.Option(help="Threads.")] = 2,
    max_rejects: Annotated[
        float, typer.Option(help="Share of rejects above which the exit code is 4.")
    ] = 0.01,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print hunt.json.")] = False,
) -> None:
    """Find which accounts and exchanges of history match an indicator or a campaign, since when, and what that is worth."""
    hunted, campaigns = _choose(indicators, like, known)
    settings = HuntSettings(memory_bytes=parse_size(memory, "--memory"), workers=max(workers, 1))
    rejects = Rejects()
    result = hunt(
        history,
        hunted,
        out / ".stages",
        known=campaigns,
        accounts=str(accounts) if accounts else None,
        format=format,
        column_map=read_column_map(column_map) if column_map else None,
        settings=settings,
        rejects=rejects,
    )
    document = write_hunt(out, result, campaigns, settings, rejects)
    if as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    elif not quiet:
        _print(document, out)
    if len(rejects) > max_rejects * max(document["exchanges"] + len(rejects), 1):
        sys.stderr.write(f"{len(rejects):,} records were rejected: see {out / 'rejects.jsonl'}\n")
        raise typer.Exit(4)


def _choose(
    file: Path | None, like: tuple[Path, str] | None, known: Path | None
) -> tuple[tuple[Hunted, ...], Known]:
    if (file is None) == (like is None):
        raise UsageError(
            "give either --indicators or --like",
            hint="hydrascope hunt LOG --indicators FILE, or hydrascope hunt LOG --like FINDINGS ID",
        )
    memory = read_memory(known) if known else None
    if like is None:
        assert file is not None
        return read_indicators(file), Known(memory=memory or Memory())
    findings, name = like
    own = read_memory(findings)
    track = next((t for t in own.tracks if t.campaign_id == name), None)
    if track is None:
        raise UsageError(
            f"no campaign '{name}' is remembered in these findings",
            file=str(findings),
            hint=nearest(name, [t.campaign_id for t in own.tracks]),
        )
    return indicators_like(track), Known(memory=memory or own, like=name, track=track)


def _place(indicator: dict[str, Any]) -> tuple[bool, float, int]:
    """Those that others than known members show come first, the rarest of them first."""
    return (indicator["n_accounts"] == indicator["n_members"], -indicator["bits"], indicator["indicator"])


def _print(document: dict[str, Any], out: Path) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=132)
    seen = [i for i in document["indicators"] if i["n_accounts"]]
    table = Table(
        title=f"{document['accounts_matched']:,} of {document['accounts']:,} accounts match; "
        f"{document['accounts_matched_in_no_campaign']:,} of them are in no known campaign"
    )
    for column in ("indicator", "accounts", "members", "exchanges", "since", "base rate", "bits"):
        table.add_column(
            column, justify="left" if column in ("indicator", "since") else "right", overflow="fold"
        )
    for i in sorted(seen, key=_place)[:_SHOWN]:
        table.add_row(
            i["label"],
            f"{i['n_accounts']:,}",
            f"{i['n_members']:,}",
            f"{i['n_exchanges']:,}",
            i["first_seen"][:16].replace("T", " "),
            f"{i['base_rate']:.2%}",
            f"{'≤ ' if i['at_most'] else ''}{i['bits']:.1f}",
        )
    console.print(table)
    if len(seen) > _SHOWN:
        console.print(f"{len(seen) - _SHOWN:,} more are in hunt.json.")
    unseen = len(document["indicators"]) - len(seen)
    if unseen:
        console.print(f"{unseen:,} indicators match nothing.")
    for c in document["campaigns"][:_SHOWN]:
        console.print(
            f"{c['campaign_id']} ({c['verdict'].replace('_', ' ')}): {c['n_matched']:,} of its {c['n_accounts']:,} accounts match.",
            soft_wrap=True,
        )
    if document["templates_sampled"]:
        console.print("Templates in prompts were looked for in the sketched exchanges of each account only.")
    console.print(document["note"], soft_wrap=True)
    console.print(f"Matches: {out}", soft_wrap=True)
