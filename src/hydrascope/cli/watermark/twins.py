"""`hydrascope watermark twins`: init, head, status, test."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from hydrascope.watermark.pvalues import shown_p
from hydrascope.watermark.suspect_open import open_suspect
from hydrascope.watermark.twins_audit import TwinAudit, score_twins, write_twin_audit
from hydrascope.watermark.twins_store import TwinStore, create_store, read_secret

__all__ = ["register"]

Store = Annotated[Path, typer.Argument(help="Folder of the sealed store.")]
Secret = Annotated[
    Path, typer.Option(help="The store's secret file, mode 0600; keep it apart from the store.")
]
At = Annotated[datetime | None, typer.Option("--at", help="Time to write down, UTC; now by default.")]


def register(group: typer.Typer) -> None:
    """Adds `twins` to `hydrascope watermark`."""
    twins = typer.Typer(
        name="twins", help="Held-back twins: a sealed store and its test.", no_args_is_help=True
    )
    for command in (init, head, status, test):
        twins.command(command.__name__)(command)
    group.add_typer(twins)


def _stamp(at: datetime | None) -> str:
    moment = datetime.now(UTC) if at is None else at.replace(tzinfo=at.tzinfo or UTC)
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def init(store: Store, secret: Secret, at: At = None) -> None:
    """Open an empty store, and make its secret where there is none."""
    create_store(store, secret, _stamp(at))
    with TwinStore(store, read_secret(secret)) as opened:
        typer.echo(f"{store}: open; coin seed committed as {opened.statement.seed_commitment}")


def head(store: Store, secret: Secret, at: At = None) -> None:
    """Close a head over everything sealed so far; publish or time-stamp its hash."""
    with TwinStore(store, read_secret(secret), writable=True) as opened:
        made = opened.close_head(_stamp(at))
    typer.echo(f"{store}: {made.size} pairs under head {made.hash}")


def status(store: Store, secret: Secret) -> None:
    """Check the store and count its pairs."""
    with TwinStore(store, read_secret(secret)) as opened:
        n = sum(1 for _ in opened.pairs())
        under = opened.heads[-1].size if opened.heads else 0
        typer.echo(
            f"{store}: {n} pairs of {len(opened.n_by_account)} accounts, all open with this secret; {under} under "
            f"{len(opened.heads)} heads"
        )


def test(
    store: Store,
    secret: Secret,
    suspect: Annotated[
        str, typer.Option(help="Model folder, lab .npz, or URL of an API with log-probabilities.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write; run again to go on where it stopped.")],
    reference: Annotated[
        str | None, typer.Option(help="A model not trained on what was served; makes the test much stronger.")
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option(help="Only these accounts; repeatable. Default: all.")
    ] = None,
    suspect_model: Annotated[str | None, typer.Option(help="Name of the model, for an API.")] = None,
    fwer: Annotated[float, typer.Option(help="Chance that any accusation of a level is false.")] = 0.01,
    top: Annotated[int, typer.Option(help="Rows to show.")] = 15,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Does the suspect prefer what was served to what was held back? Exact sign test."""
    model = open_suspect(suspect, model=suspect_model)
    base = None if reference is None else open_suspect(reference)
    with (
        TwinStore(store, read_secret(secret)) as opened,
        Progress(disable=quiet, transient=True, console=Console(stderr=True)) as progress,
    ):
        task = progress.add_task("scoring pairs", total=None)
        audit, _ = score_twins(
            opened,
            model,
            base,
            accounts=account,
            fwer=fwer,
            work=out / "chunks",
            tell=lambda done, total: progress.update(task, completed=done, total=total),
        )
    write_twin_audit(out, audit)
    shutil.rmtree(out / "chunks")
    _print(audit, top)
    typer.echo(f"written to {out}")


def _cell(log10_p: float) -> str:
    """A p-value short enough for a table."""
    return shown_p(log10_p).partition(" (")[0]


def _print(audit: TwinAudit, top: int) -> None:
    typer.echo(f"{audit.suspect} against {audit.reference or 'no reference'}; {len(audit.pairs)} pairs")
    table = Table(
        "level", "whose", "pairs", "served preferred", "p (sign test)", "p (ranks, bound)", "traced"
    )
    for r in audit.results[:top]:
        told = [r.level, r.name, str(r.n_pairs), f"{r.wins} of {r.n_pairs - r.n_ties}"]
        table.add_row(*told, _cell(r.log10_p), _cell(r.rank_log10_p), "yes" if r.traced else "no")
    Console().print(table)
    if len(audit.results) > top:
        typer.echo(f"and {len(audit.results) - top} more")
    if audit.control_log10_p is not None:
        typer.echo(f"control, the reference alone: p {shown_p(audit.control_log10_p)}")
    accounts = [r for r in audit.results if r.level == "account"]
    n = sum(r.traced for r in accounts)
    typer.echo(f"traced: {n} of {len(accounts)} accounts tested, at an error rate of {audit.fwer:g} a level")
