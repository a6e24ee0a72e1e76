"""`hydrascope sketch`: a log whose text may not be kept becomes one without text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import pyarrow.parquet as pq
import typer

from hydrascope.errors import InputError, UsageError
from hydrascope.ingest import LogSource, Rejects, open_log, read_column_map
from hydrascope.sketch import SKETCHED, sketch_batch

__all__ = ["register", "sketch_log"]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("sketch")(sketch_log)


def sketch_log(
    log: Annotated[
        list[str], typer.Argument(help="Files, folders or globs of the exchange log.", metavar="LOG...")
    ],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    key_file: Annotated[
        Path | None, typer.Option(help="Secret of 16 bytes or more: without it nobody can test guesses.")
    ] = None,
    format: Annotated[str | None, typer.Option(help="Log format; detected by itself otherwise.")] = None,
    column_map: Annotated[
        Path | None, typer.Option("--map", help="TOML file that maps your columns.")
    ] = None,
    max_rejects: Annotated[
        float, typer.Option(help="Share of rejects above which the exit code is 4.")
    ] = 0.01,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")] = False,
) -> None:
    """Replace prompts, system prompts and completions by sketches that `hydrascope scan` reads like a log."""
    if out.suffix != ".parquet":
        raise UsageError(f"{out} is no Parquet file name", hint="use --out NAME.parquet")
    key = _read_key(key_file) if key_file else None
    rejects = Rejects()
    source = open_log(log, format=format, column_map=read_column_map(column_map) if column_map else None)
    n = _write(source, out, key, rejects)
    if not quiet:
        typer.echo(f"{n:,} exchanges in {out}, {len(rejects):,} rejects; no text is in it")
    if len(rejects) > max_rejects * max(n + len(rejects), 1):
        typer.echo(", ".join(f"{reason}: {count:,}" for reason, count in rejects.counts.items()), err=True)
        raise typer.Exit(4)


def _write(source: LogSource, out: Path, key: bytes | None, rejects: Rejects) -> int:
    """Write the file whole or not at all; how many exchanges it has."""
    if any(Path(file.path).resolve() == out.resolve() for file in source.files):
        raise UsageError(f"{out} is one of the logs to read", hint="name another file with --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(out.name + f".{os.getpid()}.partial")
    n = 0
    try:
        with pq.ParquetWriter(partial, SKETCHED, compression="zstd") as writer:
            for batch in source.batches(rejects):
                writer.write_batch(sketch_batch(batch, key=key))
                n += len(batch)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return n


def _read_key(path: Path) -> bytes:
    try:
        return path.read_bytes().strip()
    except OSError as error:
        raise InputError(f"the key cannot be read: {error.strerror}", file=str(path)) from None
