"""`hydrascope link`: the linkage engine alone, on any table of (account, channel, value) rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from hydrascope.errors import UsageError
from hydrascope.linkage.findings import explain_pair, link_whole, manifest_of, write_linked
from hydrascope.linkage.incidence import Incidence
from hydrascope.linkage.settings import LinkSettings
from hydrascope.linkage.tables import code_table, read_table

__all__ = ["register"]

TABLE_CAP = 40.0
"""Bits a family may add here: the tighter caps of a scan assume a scan's seven families."""


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def link(
        table: Annotated[
            Path, typer.Argument(help="Parquet, CSV or JSON lines with account, channel, value.")
        ],
        out: Annotated[
            Path | None, typer.Option("--out", help="Folder for links, clusters and manifest.")
        ] = None,
        family: Annotated[
            list[str] | None, typer.Option("--family", help="channel=family; repeat for more channels.")
        ] = None,
        seed: Annotated[int, typer.Option("--seed", help="Seed of the permuted tables.")] = 0,
        max_null: Annotated[
            float, typer.Option("--max-null", help="Chance links allowed, as a share of all links.")
        ] = 0.001,
        min_members: Annotated[int, typer.Option("--min-members", help="Smallest cluster written.")] = 2,
        communities: Annotated[
            bool, typer.Option(help="Discount what communities of interest share.")
        ] = True,
        explain: Annotated[
            tuple[str, str], typer.Option("--explain", metavar="A B", help="Say why two accounts are linked.")
        ] = ("", ""),
        as_json: Annotated[bool, typer.Option("--json", help="Print the manifest.")] = False,
        quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing.")] = False,
    ) -> None:
        """Link accounts that share more than strangers would, and cluster them."""
        if out is None and not any(explain):
            raise UsageError("nowhere to write", hint="add --out DIR, or --explain A B")
        if not 0 < max_null <= 1:
            raise UsageError("--max-null must lie in (0, 1]", hint="for example --max-null 0.001")
        if min_members < 2:
            raise UsageError("--min-members must be at least 2", hint="for example --min-members 2")
        coded = code_table(read_table(table), parse_families(family or []))
        settings = LinkSettings(
            max_null=max_null,
            min_members=min_members,
            seed=seed,
            communities=communities,
            family_caps=table_caps(coded.incidence),
        )
        linked = link_whole(coded.incidence, settings)
        inputs = {"table": table.name}
        if out is not None:
            write_linked(linked, coded, settings, out, inputs)
        manifest = manifest_of(linked, coded, settings, inputs)
        if as_json:
            typer.echo(json.dumps(manifest))
        elif not quiet:
            typer.echo(summary(manifest))
        if any(explain):
            typer.echo(explain_pair(linked, coded, *explain))


def parse_families(pairs: list[str]) -> dict[str, str]:
    """channel=family pairs.

    Raises:
        UsageError: one has no '=' or an empty side.
    """
    chosen = {}
    for pair in pairs:
        channel, _, family = pair.partition("=")
        if not channel or not family:
            raise UsageError(
                f"--family '{pair}' is not channel=family", hint="for example --family ip=egress"
            )
        chosen[channel] = family
    return chosen


def table_caps(incidence: Incidence) -> dict[str, float]:
    """The same generous cap for every family of the table."""
    return dict.fromkeys(incidence.families, TABLE_CAP)


def summary(manifest: dict[str, object]) -> str:
    """What a person wants to know first."""
    lines = [
        f"{manifest['accounts']} accounts, {manifest['rows']} rows ({manifest['rows_skipped']} skipped)",
        f"{manifest['links']} links, {manifest['accounts_in_clusters']} accounts in {manifest['clusters']} clusters",
    ]
    if manifest["threshold_decades"] is None:
        lines.append("no links: no threshold keeps chance links rare enough in this table (see --max-null)")
    else:
        lines.append(
            f"links have at least {manifest['threshold_decades']:.2f} decades; "
            f"expected chance links {manifest['null_over_observed']:.4%}"
        )
    search = manifest["search"]
    if manifest["clusters"] and isinstance(search, dict):
        lines.append(
            f"the same search in {search['dealt_tables']} dealt tables: at most "
            f"{search['share_by_chance_at_most']:.1%} of the clusters are chance"
        )
    return "\n".join(lines)
