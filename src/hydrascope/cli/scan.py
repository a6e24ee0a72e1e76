"""`hydrascope scan`: from an exchange log to explained campaigns."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer
from rich.console import Console
from rich.table import Table

from hydrascope.cli._progress import TerminalProgress
from hydrascope.cli._stopping import stopped_politely
from hydrascope.engine.limits import parse_size
from hydrascope.ingest import Edge, Network, Rejects, join_edge, read_column_map, read_edge
from hydrascope.pipeline import ScanResult, ScanSettings, scan
from hydrascope.pipeline.control import Control, read_control
from hydrascope.pipeline.output import findings_at_hand, place_for_findings
from hydrascope.report import render_report
from hydrascope.storage import is_remote, join

__all__ = ["print_campaigns", "register", "scan_log"]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("scan")(scan_log)


def scan_log(
    log: Annotated[
        list[str], typer.Argument(help="Files, folders or globs of the exchange log.", metavar="LOG...")
    ],
    out: Annotated[str, typer.Option(help="Findings folder to write; s3://, gs:// and abfs:// too.")],
    accounts: Annotated[str | None, typer.Option(help="Accounts table.")] = None,
    events: Annotated[str | None, typer.Option(help="Events table: bans, releases.")] = None,
    control: Annotated[
        Path | None, typer.Option(help="Control file (TOML): allow-lists, indicators, policy.")
    ] = None,
    previous: Annotated[
        str | None,
        typer.Option(help="Earlier findings to go on from: campaigns keep their ids.", metavar="FINDINGS"),
    ] = None,
    edge: Annotated[
        list[Path] | None, typer.Option(help="Edge or proxy access log to join by request id or time.")
    ] = None,
    mmdb: Annotated[
        list[str] | None, typer.Option(help="MaxMind-format database for ASN, country, proxy flags.")
    ] = None,
    ranges: Annotated[list[str] | None, typer.Option(help="CIDR file of clouds, VPNs.")] = None,
    format: Annotated[str | None, typer.Option(help="Log format; detected by itself otherwise.")] = None,
    column_map: Annotated[
        Path | None, typer.Option("--map", help="TOML file that maps your columns.")
    ] = None,
    engine: Annotated[str, typer.Option(help="duckdb or spark.")] = "duckdb",
    memory: Annotated[str, typer.Option(help="Most memory of the engine, such as 4GB.")] = "4GB",
    workers: Annotated[int, typer.Option(help="Threads.")] = 2,
    seed: Annotated[int, typer.Option(help="Of the permutation tests.")] = 0,
    without: Annotated[list[str] | None, typer.Option(help="Evidence family or channel not to use.")] = None,
    keep_text: Annotated[bool, typer.Option(help="Keep a few texts for the analyst.")] = True,
    max_rejects: Annotated[
        float, typer.Option(help="Share of rejects above which the exit code is 4.")
    ] = 0.01,
    keep_stages: Annotated[bool, typer.Option(help="Keep the intermediate tables.")] = False,
    stages: Annotated[
        str | None,
        typer.Option(help="Where intermediate tables lie, if not in --out; with Spark also a store."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Find the distillation campaigns in an exchange log and explain them."""
    chosen, rejects = read_control(control) if control else Control(), Rejects()
    settings = _settings(engine, memory, workers, seed, without, keep_text, keep_stages, chosen)
    settings = replace(settings, stages=stages or _stages_beside(out, engine))
    with ExitStack() as held:
        held.enter_context(stopped_politely("the same command goes on from what is finished"))
        earlier = held.enter_context(findings_at_hand(previous)) if previous else None
        folder = held.enter_context(place_for_findings(out))
        progress = held.enter_context(TerminalProgress(quiet=quiet or as_json))
        result = scan(
            log,
            folder,
            accounts=accounts,
            events=events,
            format=format,
            column_map=read_column_map(column_map) if column_map else None,
            control=chosen,
            previous=earlier,
            settings=settings,
            progress=progress,
            transform=_transform(edge or [], mmdb or [], ranges or [], rejects),
            rejects=rejects,
            transform_files=[*map(str, edge or []), *(mmdb or []), *(ranges or [])],
        )
        render_report(folder)
    if as_json:
        sys.stdout.write(json.dumps(_summary(result, out)) + "\n")
    elif not quiet:
        print_campaigns(result, out)
    if result.n_rejects > max_rejects * max(result.n_exchanges + result.n_rejects, 1):
        sys.stderr.write(f"{result.n_rejects:,} records were rejected: see {join(out, 'rejects.jsonl')}\n")
        raise typer.Exit(4)


def _stages_beside(out: str, engine: str) -> str | None:
    """Workers do not see this machine's disk, so their tables lie where the findings go."""
    return str(join(out, ".stages")) if is_remote(out) and engine == "spark" else None


def print_campaigns(result: ScanResult, out: str | Path) -> None:
    """The campaign table, and where the report lies."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=132)
    rows = result.campaigns.to_pylist()
    accused = [r for r in rows if r["verdict"] == "distillation"]
    table = Table(
        title=f"{len(accused)} distillation campaigns in {result.n_exchanges:,} exchanges of {result.n_accounts:,} accounts"
    )
    for column in ("campaign", "title", "probability", "accounts", "exchanges", "distilled", "action"):
        table.add_column(
            column, justify="left" if column in ("campaign", "title", "action") else "right", overflow="fold"
        )
    for r in accused:
        table.add_row(
            r["campaign_id"],
            r["title"],
            f"{r['probability']:.3f}",
            f"{r['n_accounts']:,}",
            f"{r['n_exchanges']:,}",
            f"{r['distillation_share']:.0%}",
            "enforceable" if r["enforceable"] else "review",
        )
    console.print(table)
    others: dict[str, int] = {}
    for r in rows:
        if r["verdict"] != "distillation":
            others[r["verdict"]] = others.get(r["verdict"], 0) + 1
    if others:
        named = ", ".join(f"{n} {v.replace('_', ' ')}" for v, n in sorted(others.items()))
        console.print(f"Coordinated, but no distillation: {named}.")
    if result.n_rejects:
        console.print(f"{result.n_rejects:,} records rejected: {join(out, 'rejects.jsonl')}", soft_wrap=True)
    console.print(f"Report: {join(out, 'report.html')}", soft_wrap=True)


def _settings(
    engine: str,
    memory: str,
    workers: int,
    seed: int,
    without: list[str] | None,
    keep_text: bool,
    keep_stages: bool,
    control: Control,
) -> ScanSettings:
    base = ScanSettings()
    detect = base.detect if control.policy is None else replace(base.detect, enforcement=control.policy)
    return replace(
        base,
        engine=engine,
        memory_bytes=parse_size(memory, "--memory"),
        workers=max(workers, 1),
        seed=seed,
        observe=replace(base.observe, keep_text=keep_text),
        detect=detect,
        disabled_families=frozenset(without or ()),
        keep_stages=keep_stages,
    )


def _transform(
    edges: list[Path], databases: list[str], ranges: list[str], rejects: Rejects
) -> partial[pa.RecordBatch] | None:
    if not edges and not databases and not ranges:
        return None
    return partial(
        _enrich,
        edges=[read_edge(os.fspath(e), rejects) for e in edges],
        network=Network(databases=databases, ranges=ranges) if databases or ranges else None,
    )


def _enrich(batch: pa.RecordBatch, *, edges: list[Edge], network: Network | None) -> pa.RecordBatch:
    for edge in edges:
        batch = join_edge(batch, edge)
    return network.enrich(batch) if network else batch


def _summary(result: ScanResult, out: str) -> dict[str, object]:
    rows = [
        {k: v for k, v in r.items() if k not in ("capabilities", "first_seen", "last_seen")}
        for r in result.campaigns.to_pylist()
    ]
    return {
        "findings": out,
        "report": str(join(out, "report.html")),
        "exchanges": result.n_exchanges,
        "accounts": result.n_accounts,
        "rejects": result.n_rejects,
        "campaigns": rows,
    }
