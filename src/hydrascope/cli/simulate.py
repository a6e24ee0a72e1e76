"""`hydrascope simulate`: a world with ground truth, written to a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hydrascope.simulate import PromptPool, read_scenario, scenario_names, simulate_world

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command("simulate")
    def simulate(
        out: Annotated[Path | None, typer.Argument(help="Folder to write.")] = None,
        scenario: Annotated[str, typer.Option(help="Name of a shipped world, or a TOML file.")] = "demo",
        accounts: Annotated[
            int | None, typer.Option(min=1, help="Accounts; ordinary people make up the difference.")
        ] = None,
        scale: Annotated[float, typer.Option(min=1e-6, help="Factor on the accounts of every group.")] = 1.0,
        seed: Annotated[int, typer.Option(help="Another seed, another world of the same kind.")] = 0,
        prompts: Annotated[Path | None, typer.Option(help="Parquet pool of prompts; default: ours.")] = None,
        networks: Annotated[Path | None, typer.Option(help="Folder of real network tables.")] = None,
        workers: Annotated[int, typer.Option(min=1, help="Processes; they do not change a byte.")] = 2,
        exchange_truth: Annotated[bool, typer.Option(help="Also write the truth of every exchange.")] = False,
        names: Annotated[bool, typer.Option("--list", help="List the shipped worlds and stop.")] = False,
    ) -> None:
        """Write a world with ground truth: log, accounts, events, truth."""
        if names:
            typer.echo("\n".join(scenario_names()))
            return
        if out is None:
            raise typer.BadParameter("give a folder to write", param_hint="OUT")
        pool = PromptPool.read(prompts) if prompts is not None else None
        facts = simulate_world(
            read_scenario(scenario),
            out,
            seed=seed,
            scale=scale,
            accounts=accounts,
            prompts=pool,
            workers=workers,
            networks=networks,
            exchange_truth=exchange_truth,
        )
        typer.echo(f"{facts.name}: {facts.n_accounts:,} accounts, {facts.n_exchanges:,} exchanges in {out}")
