"""`hydrascope lab`: a small provider and its students, to try marks, twins and audits on."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from hydrascope.errors import UsageError
from hydrascope.lab.api import serve_api
from hydrascope.lab.provider import AccountPlan, serve
from hydrascope.lab.text import gather_text
from hydrascope.lab.world import build_world, distil, held_out_loss, read_world, write_world
from hydrascope.watermark.audit_probes import read_served
from hydrascope.watermark.keys import Level, read_root
from hydrascope.watermark.registry import Registry, read_registry
from hydrascope.watermark.suspect_trigram import TrigramSuspect, read_trigram
from hydrascope.watermark.twins import TwinPolicy
from hydrascope.watermark.twins_store import TwinStore, read_secret

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds `lab`."""
    lab = typer.Typer(
        name="lab", help="A small provider and its students, to try audits on.", no_args_is_help=True
    )
    for name, command in (("world", world), ("serve", serve_command), ("student", student), ("api", api)):
        lab.command(name)(command)
    app.add_typer(lab)


def world(
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    text: Annotated[
        list[Path] | None,
        typer.Option(help="Training text; the documentation found on this machine by default."),
    ] = None,
    megabytes: Annotated[float, typer.Option(min=0.5, help="How much text.")] = 6.0,
    vocabulary: Annotated[int, typer.Option(min=300, max=8192, help="Tokens of the tokeniser.")] = 2048,
) -> None:
    """Train a teacher and a public base model on text found here (about half a minute)."""
    made = build_world(gather_text(text, limit_mb=megabytes), vocab_size=vocabulary)
    write_world(made, out)
    loss = held_out_loss(made.teacher, made.heldout[:200])
    typer.echo(f"{out}: teacher and base trained, teacher {loss:.2f} nats per token on held-out text")
    typer.echo(f"tokeniser of the marked text: {out / 'teacher.npz'}")


def serve_command(
    folder: Annotated[Path, typer.Argument(help="Folder of `lab world`.")],
    out: Annotated[Path, typer.Option(help="Log to write (JSONL).")],
    registry: Annotated[Path | None, typer.Option(help="Key registry: answers are marked with it.")] = None,
    root_file: Annotated[
        Path | None, typer.Option(help="Root secret, mode 0600; else HYDRASCOPE_ROOT_KEY.")
    ] = None,
    accounts: Annotated[int, typer.Option(min=1, help="Accounts.")] = 12,
    exchanges: Annotated[int, typer.Option(min=1, help="Exchanges of each account.")] = 300,
    cluster: Annotated[
        list[str] | None,
        typer.Option(help="NAME=N: the next N accounts form this flagged cluster; repeatable."),
    ] = None,
    twins: Annotated[Path | None, typer.Option(help="Twin store to seal into.")] = None,
    secret: Annotated[Path | None, typer.Option(help="The store's secret file.")] = None,
    seed: Annotated[int, typer.Option(help="Of prompts and sampling.")] = 0,
) -> None:
    """Serve answers: marked where the account's cluster or the deployment has a key, some with a sealed twin."""
    made = read_world(folder)
    known = None if registry is None else read_registry(registry)
    root = b"" if known is None else read_root(root_file)
    plans = _plans(accounts, exchanges, cluster or [], known, root)
    if twins is not None and secret is None:
        raise UsageError("a twin store needs its secret", hint="--secret FILE")
    if twins is None or secret is None:
        done = serve(made, plans, seed=seed)
    else:
        with TwinStore(twins, read_secret(secret), writable=True) as store:
            done = serve(made, plans, seed=seed, policy=TwinPolicy(), coin_seed=store.coin_seed)
            for pair in done.twins:
                store.seal(pair)
            head = store.close_head(datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"))
        typer.echo(f"{twins}: {len(done.twins)} twins sealed, head {head.hash}")
    out.write_text("".join(json.dumps(row) + "\n" for row in done.rows), encoding="utf-8")
    n = sum(row["watermark_key"] is not None for row in done.rows)
    typer.echo(f"{out}: {len(done.rows)} exchanges of {len(plans)} accounts, {n} of them marked")


def _plans(
    n_accounts: int, n_exchanges: int, clusters: list[str], known: Registry | None, root: bytes
) -> list[AccountPlan]:
    names: list[str | None] = []
    for spec in clusters:
        name, _, size = spec.partition("=")
        if not size.isdigit():
            raise UsageError(f"--cluster {spec}: not NAME=N")
        names += [name] * int(size)
    if len(names) > n_accounts:
        raise UsageError(f"the clusters have {len(names)} accounts, --accounts says {n_accounts}")
    names += [None] * (n_accounts - len(names))
    return [_plan(f"account-{i:03d}", n_exchanges, name, known, root) for i, name in enumerate(names)]


def _plan(account: str, n: int, cluster: str | None, known: Registry | None, root: bytes) -> AccountPlan:
    if known is None:
        return AccountPlan(account_id=account, n_exchanges=n, cluster_id=cluster)
    wanted = {
        (Level.ACCOUNT, account): 0,
        (Level.CLUSTER, cluster): 1,
        (Level.DEPLOYMENT, known.deployment): 2,
    }
    active = [key for key in known.keys if key.active and (key.path.level, key.path.subject) in wanted]
    if not active:
        return AccountPlan(account_id=account, n_exchanges=n, cluster_id=cluster)
    key = min(active, key=lambda k: wanted[k.path.level, k.path.subject])
    return AccountPlan(
        account_id=account,
        n_exchanges=n,
        cluster_id=cluster,
        key_id=key.key_id,
        key=known.secret(root, key),
        mark=key.mark,
    )


def student(
    folder: Annotated[Path, typer.Argument(help="Folder of `lab world`.")],
    logs: Annotated[list[Path], typer.Argument(help="Logs to train on.")],
    out: Annotated[Path, typer.Option(help="Student to write (.npz).")],
    account: Annotated[
        list[str] | None, typer.Option(help="Train on these accounts' answers only; repeatable.")
    ] = None,
    share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of the exchanges, drawn at random.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Of that draw.")] = 0,
) -> None:
    """Distil a student: the public base trained further on served answers."""
    made = read_world(folder)
    served, _ = read_served(logs)
    chosen = [s for s in served if account is None or s.account_id in account]
    keep = np.random.default_rng(seed).random(len(chosen)) < share
    encode = made.tokenizer.encode
    texts = [
        np.concatenate([encode(s.prompt), encode(s.completion)])
        for s, kept in zip(chosen, keep, strict=True)
        if kept
    ]
    trained = distil(made.base, texts)
    trained.write(out)
    before, after = (held_out_loss(m, made.heldout[:200]) for m in (made.base, trained))
    typer.echo(
        f"{out}: trained on {len(texts)} answers, {sum(map(len, texts))} tokens; held-out {before:.2f} -> {after:.2f} nats"
    )


def api(
    model: Annotated[Path, typer.Argument(help="A student or teacher (.npz).")],
    gives: Annotated[str, typer.Option(help="prompt_logprobs, echo or text.")] = "prompt_logprobs",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8099,
) -> None:
    """Serve a model as an OpenAI-compatible API on 127.0.0.1, until interrupted."""
    if gives not in ("prompt_logprobs", "echo", "text"):
        raise UsageError(f"--gives {gives} is not known", hint="prompt_logprobs, echo or text")
    suspect = TrigramSuspect(read_trigram(model), str(model))
    with serve_api(suspect, gives, port=port) as url:  # type: ignore[arg-type]
        typer.echo(f"{url} gives {gives}; stop with Ctrl-C")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            typer.echo("stopped")
