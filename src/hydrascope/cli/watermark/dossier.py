"""`hydrascope watermark dossier`: pack an audit, a twin test, or both for a third party."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hydrascope.errors import UsageError
from hydrascope.watermark.dossier import write_dossier
from hydrascope.watermark.keys import read_root
from hydrascope.watermark.registry import read_registry
from hydrascope.watermark.twins_store import TwinStore, read_secret

__all__ = ["register"]


def register(group: typer.Typer) -> None:
    """Adds `dossier` to `hydrascope watermark`."""
    group.command("dossier")(dossier_command)


def dossier_command(
    out: Annotated[Path, typer.Option(help="New folder, or a new file that ends in .zip.")],
    audit: Annotated[Path | None, typer.Option(help="Folder of `watermark audit`.")] = None,
    registry: Annotated[Path | None, typer.Option(help="Key registry of that audit.")] = None,
    root_file: Annotated[
        Path | None, typer.Option(help="Root secret, mode 0600; else HYDRASCOPE_ROOT_KEY.")
    ] = None,
    open_: Annotated[
        list[str] | None,
        typer.Option("--open", help="Deployment, cluster, account or key id to open; repeatable."),
    ] = None,
    twins: Annotated[Path | None, typer.Option(help="Folder of `watermark twins test`.")] = None,
    store: Annotated[Path | None, typer.Option(help="Sealed store of that test.")] = None,
    secret: Annotated[Path | None, typer.Option(help="The store's secret file.")] = None,
    with_text: Annotated[bool, typer.Option(help="Show the texts of opened pairs.")] = False,
    title: Annotated[
        str, typer.Option(help="Heading of the report.")
    ] = "Was this model trained on our answers?",
    at: Annotated[datetime | None, typer.Option(help="Time to write down, UTC; now by default.")] = None,
) -> None:
    """Write a dossier. The keys and the coin seed it opens are public from then on: rotate them."""
    moment = datetime.now(UTC) if at is None else at.replace(tzinfo=at.tzinfo or UTC)
    if audit is not None and (registry is None or not open_):
        raise UsageError(
            "an audit needs its registry and the keys to open", hint="--registry FILE --open NAME"
        )
    if twins is not None and (store is None or secret is None):
        raise UsageError("a twin test needs its store and secret", hint="--store FOLDER --secret FILE")
    with ExitStack() as stack:
        sealed = None
        if twins is not None and store is not None and secret is not None:
            sealed = stack.enter_context(TwinStore(store, read_secret(secret)))
        digest = write_dossier(
            out,
            title=title,
            at=moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            audit=audit,
            registry=None if registry is None or audit is None else read_registry(registry),
            root=None if audit is None else read_root(root_file),
            opened=open_ or (),
            twins=twins,
            store=sealed,
            with_text=with_text,
        )
    typer.echo(f"{out}: digest {digest}; publish it")
    typer.echo(f"check it with: hydrascope verify {out} --expect {digest}")
    typer.echo(
        "the keys and coins it opens are public from now on: `watermark keys rotate`, and a new twin store"
    )
