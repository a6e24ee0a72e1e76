"""`hydrascope watermark audit`: was this model trained on text that our keys marked?"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from hydrascope.errors import InputError, RefusalError, UsageError, nearest
from hydrascope.watermark.audit import audit_suspect
from hydrascope.watermark.audit_probes import ServedExchange, read_served
from hydrascope.watermark.audit_results import AuditResult, AuditSettings, Evidence, write_audit
from hydrascope.watermark.keys import read_root
from hydrascope.watermark.pvalues import shown_p
from hydrascope.watermark.registry import read_registry
from hydrascope.watermark.suspect_open import open_suspect, open_tokenizer

__all__ = ["register"]

MODES = ("auto", "weights", "top", "text")


def register(group: typer.Typer) -> None:
    """Adds `audit` to `hydrascope watermark`."""
    group.command("audit")(audit_command)


def audit_command(
    suspect: Annotated[str, typer.Option(help="Model folder, lab .npz, or URL of an OpenAI-compatible API.")],
    registry: Annotated[Path, typer.Option(help="Key registry; every committed key is a test.")],
    tokenizer: Annotated[
        str, typer.Option(help="Tokeniser of the marked text: tokenizer.json, model folder or lab .npz.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write; run again to go on where it stopped.")],
    reference: Annotated[
        str | None, typer.Option(help="A model not trained on our text, best the suspect's own public base.")
    ] = None,
    logs: Annotated[
        list[Path] | None, typer.Option(help="What was served: JSONL or Parquet; repeatable.")
    ] = None,
    probe: Annotated[Path | None, typer.Option(help="Natural text for keys that no log names.")] = None,
    suspect_model: Annotated[str | None, typer.Option(help="Name of the model, for an API.")] = None,
    mode: Annotated[str, typer.Option(help="auto, weights, top or text.")] = "auto",
    root_file: Annotated[
        Path | None, typer.Option(help="Root secret, mode 0600; else HYDRASCOPE_ROOT_KEY.")
    ] = None,
    head: Annotated[str | None, typer.Option(help="Published head the registry must end with.")] = None,
    fwer: Annotated[float, typer.Option(help="Chance that any accusation is false.")] = 0.01,
    decoys: Annotated[int, typer.Option(help="Decoy keys.")] = 2000,
    probes: Annotated[int, typer.Option(min=1, help="Texts asked about, for each key.")] = 400,
    hold: Annotated[
        float, typer.Option(help="Weights are held within this; choose before looking, 10 switches it off.")
    ] = 0.1,
    stop_early: Annotated[
        bool, typer.Option(help="Text only: stop when a key is found; p-values stay valid.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of decoys and sampled answers.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Weigh a suspect against a reference and test every committed key, with decoys beside them."""
    if mode not in MODES:
        raise UsageError(f"{mode!r} is not a mode", hint=nearest(mode, MODES))
    if not logs and probe is None:
        raise UsageError("there is nothing to ask the suspect", hint="--logs LOG, --probe TEXT, or both")
    marked = open_tokenizer(tokenizer)
    known, root = read_registry(registry, head=head), read_root(root_file)
    settings = AuditSettings(
        mode=mode,  # type: ignore[arg-type]
        fwer=fwer,
        n_decoys=decoys,
        seed=seed,
        probes_per_key=probes,
        natural_pieces=probes,
        most_weight=hold,
        stop_early=stop_early,
    )
    served: list[ServedExchange] = []
    inputs: dict[str, str] = {}
    if logs:
        served, inputs["logs"] = read_served(logs)
    text = None if probe is None else _read_text(probe)
    if text is not None:
        inputs["probe"] = hashlib.sha256(text.encode()).hexdigest()
    model = open_suspect(suspect, model=suspect_model, marked=marked)
    base = None if reference is None else open_suspect(reference)
    with Progress(disable=quiet, transient=True, console=Console(stderr=True)) as progress:
        task = progress.add_task("asking the suspect", total=None)
        result, evidence = audit_suspect(
            model,
            base,
            known,
            root,
            tokenizer=marked,
            served=served,
            natural=text,
            inputs=inputs,
            settings=settings,
            work=out / "chunks",
            tell=lambda done, total: progress.update(task, completed=done, total=total),
        )
    write_audit(out, result, evidence)
    shutil.rmtree(out / "chunks")
    _print(result, evidence)
    typer.echo(f"written to {out}")


def _read_text(path: Path) -> str:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the probe text cannot be read: {error}", file=str(path)) from None
    if not text.strip():
        raise RefusalError("the probe text is empty", hint="give a few pages of ordinary text")
    return text


def _cell(log10_p: float) -> str:
    """A p-value short enough for a table."""
    return shown_p(log10_p).partition(" (")[0]


def _print(result: AuditResult, evidence: list[Evidence]) -> None:
    reference = result.reference or "no reference"
    typer.echo(
        f"{result.suspect} against {reference}, mode {result.mode}; "
        f"{result.n_tests} committed keys are {result.n_tests} tests, {len(result.results)} computed"
    )
    table = Table("p", "all keys counted", "level", "whose", "key", "items", "z", "traced")
    for r in result.results[:10]:
        numbers = [_cell(r.test.log10_p), _cell(r.adjusted_log10_p)]
        names = [r.level, r.subject, r.key_id, str(r.test.n_items), f"{r.test.z:.1f}"]
        table.add_row(*numbers, *names, "yes" if r.traced else "no")
    Console().print(table)
    worst = min(evidence, key=lambda piece: piece.decoys.ks_p)
    typer.echo(
        f"decoys: {worst.decoys.n} for each of {len(evidence)} sets of items, least uniform KS p "
        f"{worst.decoys.ks_p:.3g}"
    )
    if any(not piece.decoys.uniform for piece in evidence):
        typer.echo("verdict withheld where decoys are not uniform")
    for reason in sorted(set(result.refused.values())):
        n = sum(r == reason for r in result.refused.values())
        typer.echo(f"not tested: {n} keys, {reason}")
    traced = [f"{r.level} {r.subject}" for r in result.results if r.traced]
    told = ", ".join(traced) if traced else "nothing"
    typer.echo(f"traced: {told}, at an error rate of {result.settings.fwer:g} over all keys")
