"""`hydrascope verify DOSSIER`: check a dossier offline; whatever does not hold is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from hydrascope.watermark.dossier_verify import Verified, verify_dossier
from hydrascope.watermark.pvalues import shown_p

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds `verify`."""
    app.command("verify")(verify_command)


def verify_command(
    dossier: Annotated[Path, typer.Argument(help="Folder or .zip.")],
    expect: Annotated[str | None, typer.Option(help="Digest that was published with it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print problems and claims as JSON.")] = False,
) -> None:
    """Recompute everything a dossier claims. Exit code 0: all of it holds; 1: something does not."""
    found = verify_dossier(dossier, expected=expect)
    if as_json:
        told = {"digest": found.digest, "problems": found.problems, "claims": found.claims}
        typer.echo(json.dumps(told, indent=1, sort_keys=True))
    else:
        _print(found, expect)
    if found.problems:
        raise typer.Exit(1)


def _print(found: Verified, expect: str | None) -> None:
    typer.echo(
        f"digest {found.digest}" + ("" if expect else " (nothing to compare it with: --expect DIGEST)")
    )
    for problem in found.problems[:30]:
        typer.echo(f"DOES NOT HOLD  {problem}")
    if found.problems:
        typer.echo(f"not verified: {len(found.problems)} problems")
        return
    if found.claims.get("keys"):
        _print_keys(found.claims["keys"])
    if found.claims.get("twins"):
        _print_twins(found.claims["twins"])
    typer.echo("verified: every digest, commitment, statistic and verdict holds")


def _print_keys(keys: Mapping[str, Any]) -> None:
    typer.echo(f"keys: {keys['n_tests']} committed, {keys['n_opened']} opened, chain and openings hold")
    for o in keys["opened"]:
        verdict = "traced" if o["traced"] else "not traced"
        typer.echo(
            f"  {o['level']} {o['subject']}: {verdict}, p {shown_p(o['adjusted_log10_p'])} with all keys counted"
        )
    for e in keys["evidence"]:
        decoys = e["decoys"]
        typer.echo(f"  {decoys['n']} decoys on {e['items']}: KS p {decoys['ks_p']:.3g}")


def _print_twins(twins: Mapping[str, Any]) -> None:
    typer.echo(
        f"twins: {twins['n_opened']} of {twins['n_sealed']} sealed pairs opened; log, coins and Merkle proofs hold"
    )
    for r in twins["results"]:
        if r["traced"] or r["level"] != "account":
            verdict = "traced" if r["traced"] else "not traced"
            n = r["n_pairs"] - r["n_ties"]
            typer.echo(
                f"  {r['level']} {r['name']}: {verdict}, {r['wins']} of {n}, p {shown_p(r['log10_p'])}"
            )
