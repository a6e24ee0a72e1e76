"""`hydrascope watermark keys`: init, add, list, rotate, revoke, verify, ring, engine."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hydrascope.errors import InputError, UsageError
from hydrascope.watermark.adapters.engine_config import engine_config
from hydrascope.watermark.adapters.key_ring import build_ring, write_ring
from hydrascope.watermark.encoding import fence_token_ids, load_tokenizer
from hydrascope.watermark.keys import Level, create_root, read_root
from hydrascope.watermark.marks import Mark, Prf, Scheme
from hydrascope.watermark.registry import Committed, create_registry, read_registry

__all__ = ["register"]

RegistryPath = Annotated[Path, typer.Argument(help="Key registry (JSON lines).")]
RootFile = Annotated[
    Path | None,
    typer.Option("--root-file", help="File with the root secret, mode 0600; else HYDRASCOPE_ROOT_KEY."),
]
At = Annotated[datetime | None, typer.Option("--at", help="Time to write down, UTC; now by default.")]


def register(group: typer.Typer) -> None:
    """Adds `keys` to `hydrascope watermark`."""
    keys = typer.Typer(name="keys", help="Keys and their append-only registry.", no_args_is_help=True)
    for command in (init, add, list_, rotate, revoke, verify, ring, engine):
        keys.command(command.__name__.removesuffix("_"))(command)
    group.add_typer(keys)


def _time(at: datetime | None) -> datetime:
    return datetime.now(UTC) if at is None else at.replace(tzinfo=at.tzinfo or UTC)


def init(
    registry: RegistryPath,
    deployment: Annotated[str, typer.Option(help="Name of the deployment.")],
    root_file: RootFile = None,
    new_root: Annotated[
        Path | None, typer.Option(help="Make a root secret and write it here, mode 0600.")
    ] = None,
    at: At = None,
) -> None:
    """Start an empty registry, and a root secret with --new-root."""
    if registry.exists():
        raise UsageError("this registry exists already", file=str(registry), hint="name a new file")
    root = create_root(new_root) if new_root else read_root(root_file)
    made = create_registry(root, deployment, at=_time(at), file=str(registry))
    made.write(registry)
    typer.echo(f"{registry}: open for {deployment}, head {made.head}")


def add(
    registry: RegistryPath,
    tokenizer: Annotated[
        str, typer.Option(help="bytes, whitespace, ids:N, or the path of a tokenizer.json.")
    ],
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="Deployment, cluster or account; repeatable.")
    ] = None,
    ids_file: Annotated[Path | None, typer.Option(help="File with one id a line.")] = None,
    level: Annotated[Level, typer.Option(help="Whose text the keys mark.")] = Level.CLUSTER,
    scheme: Annotated[Scheme, typer.Option(help="Scheme of the mark.")] = Scheme.RED_GREEN,
    context_width: Annotated[int, typer.Option(help="Tokens that choose the coins, 1 to 4.")] = 2,
    gamma: Annotated[float, typer.Option(help="Share of green tokens.")] = 0.25,
    delta: Annotated[float, typer.Option(help="What a green logit gains.")] = 2.0,
    layers: Annotated[int, typer.Option(help="Tournament layers.")] = 30,
    prf: Annotated[Prf, typer.Option(help="Pseudorandom function of our own schemes.")] = Prf.SIPHASH,
    model: Annotated[str, typer.Option(help="Model the text comes from.")] = "any",
    per_account: Annotated[
        bool, typer.Option(help="Allow account keys; read about their privacy cost first.")
    ] = False,
    root_file: RootFile = None,
    at: At = None,
) -> None:
    """Commit to a key for each id, before anything is marked with it."""
    root = read_root(root_file)
    known = read_registry(registry)
    mark = Mark(scheme=scheme, context_width=context_width, gamma=gamma, delta=delta, layers=layers, prf=prf)
    subjects = [*(ids or []), *_lines(ids_file)] or ([known.deployment] if level is Level.DEPLOYMENT else [])
    if not subjects:
        raise UsageError("no id is named", hint="give --id C1 --id C2 or --ids-file FILE")
    changed = known.commit(
        root,
        subjects,
        level=level,
        mark=mark,
        tokenizer=load_tokenizer(tokenizer).fingerprint,
        at=_time(at),
        model=model,
        per_account=per_account,
    )
    changed.write(registry)
    typer.echo(f"{registry}: {len(subjects)} {level} keys of {mark.label} committed, head {changed.head}")


def list_(registry: RegistryPath) -> None:
    """Show every committed key and its state."""
    known = read_registry(registry)
    for key in known.keys:
        name = f"{key.path.level} {key.path.subject}@{key.path.epoch}"
        typer.echo(f"{key.key_id}  {_state(key):<8} {key.committed_at}  {key.mark.label:<28} {name}")
    typer.echo(f"{len(known.keys)} keys, head {known.head}")


def rotate(
    registry: RegistryPath,
    per_account: Annotated[bool, typer.Option(help="Allow account keys to be renewed.")] = False,
    root_file: RootFile = None,
    at: At = None,
) -> None:
    """Retire every active key and commit to its successor; retired keys stay in every test."""
    known = read_registry(registry)
    changed = known.rotate(read_root(root_file), at=_time(at), per_account=per_account)
    changed.write(registry)
    n = sum(key.active for key in changed.keys)
    typer.echo(f"{registry}: {n} keys renewed, {len(changed.keys)} committed in all, head {changed.head}")


def revoke(
    registry: RegistryPath,
    ids: Annotated[list[str], typer.Option("--id", help="Id or key id; its active keys are revoked.")],
    reason: Annotated[str, typer.Option(help="Why, for whoever reads the registry later.")],
    whole_block: Annotated[
        bool, typer.Option(help="Also every key that shares its block: for a leaked key.")
    ] = False,
    root_file: RootFile = None,
    at: At = None,
) -> None:
    """Make keys unusable as evidence for ever; they still count as tests."""
    known = read_registry(registry)
    named = [key for name in ids for key in known.find(name)]
    if whole_block:
        named = [other for key in named for other in known.block_of(key)]
    doomed = list({key.key_id: key for key in named if key.revoked_at is None}.values())
    if not doomed:
        raise UsageError("these keys are revoked already", hint="`keys list` shows their state")
    changed = known.revoke(read_root(root_file), doomed, at=_time(at), reason=reason)
    changed.write(registry)
    typer.echo(f"{registry}: {len(doomed)} keys revoked, head {changed.head}")


def verify(
    registry: RegistryPath,
    head: Annotated[
        str | None, typer.Option(help="Hash the last line must have, from a published copy.")
    ] = None,
    root_file: RootFile = None,
    chain_only: Annotated[bool, typer.Option(help="Check the chain without the root secret.")] = False,
) -> None:
    """Check chain, head, and, with the root, every commitment; names the first broken line."""
    known = read_registry(registry, head=head)
    n = known.verify(None if chain_only else read_root(root_file))
    what = "chain and head" if chain_only else "chain, head and every commitment"
    typer.echo(f"{registry}: {n} lines, {len(known.keys)} keys: {what} hold; head {known.head}")


def ring(
    registry: RegistryPath,
    out: Annotated[Path, typer.Option(help="Where the ring goes, mode 0600.")],
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="Only these ids or key ids; all active by default.")
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="Tokenizer, to know code fences by their tokens.")
    ] = None,
    root_file: RootFile = None,
) -> None:
    """Write the active keys an engine or a gateway needs; it never sees the root."""
    known = read_registry(registry)
    handles = None
    if ids:
        handles = [key.key_id for name in ids for key in known.find(name) if key.active]
    fences = fence_token_ids(load_tokenizer(tokenizer)) if tokenizer else []
    made = build_ring(known, read_root(root_file), handles=handles, fences=fences)
    write_ring(made, out)
    typer.echo(f"{out}: {len(made.keys)} keys; anyone who reads it can mark, and forge, their text")


def engine(
    registry: RegistryPath,
    name: Annotated[str, typer.Option("--id", help="Id or key id of an active engine-native key.")],
    root_file: RootFile = None,
) -> None:
    """Print the configuration that makes vLLM or transformers mark with a committed key (secret)."""
    known = read_registry(registry)
    active = [key for key in known.find(name) if key.active and key.mark.native]
    if len(active) != 1:
        raise UsageError(
            f"{name!r} has {len(active)} active engine-native keys",
            hint="name one by its key id (`keys list`)",
        )
    made = engine_config(active[0].mark, known.secret(read_root(root_file), active[0]))
    typer.echo(json.dumps(made))


def _state(key: Committed) -> str:
    return "revoked" if key.revoked_at else "retired" if key.retired_at else "active"


def _lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("the ids cannot be read", file=str(file), hint=str(error)) from None
