"""`hydrascope watch`: a state that keeps up with a growing log, and findings from it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from hydrascope.engine.limits import parse_size
from hydrascope.errors import InputError, UsageError
from hydrascope.ingest import ColumnMap, read_column_map
from hydrascope.pipeline import ScanSettings
from hydrascope.pipeline.control import Control, read_control
from hydrascope.pipeline.lake import Lake, open_lake
from hydrascope.pipeline.memory import TRACKS
from hydrascope.pipeline.output import forget_account, room_to_write
from hydrascope.pipeline.push import Receiver, Spool, land_pushes, listen_address, open_spool, receive
from hydrascope.pipeline.push.app import PushSettings
from hydrascope.pipeline.watch import (
    Landing,
    State,
    delete_account,
    detect_state,
    land_files,
    merge_parts,
    open_state,
    retain_since,
)

__all__ = ["register"]

_LEAST_TOKEN = 16
_stopping = threading.Event()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What each tick does."""

    source: tuple[str, ...]
    out: Path
    accounts: str | None
    events: str | None
    control: Control | None
    format: str | None
    column_map: ColumnMap | None
    settings: ScanSettings
    settle_s: float
    detect_every: int
    recent_hours: float | None
    recent_every: int
    retain_days: float | None
    lake: Lake | None

    @property
    def recent_out(self) -> Path:
        """Where findings of the last hours go."""
        return self.out.with_name(self.out.name + "-recent")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Push:
    """Where pushes come in, and where they wait."""

    listen: str | None
    spool: Path
    limit_bytes: int
    settings: PushSettings


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("watch")(watch)


def watch(
    source: Annotated[
        list[str] | None, typer.Argument(help="Folders or globs that the log's files appear in.")
    ] = None,
    *,
    state: Annotated[Path, typer.Option(help="Folder of the state; made where there is none.")],
    out: Annotated[Path | None, typer.Option(help="Findings folder; STATE-findings by default.")] = None,
    every: Annotated[float, typer.Option(help="Seconds between two looks at the source.")] = 60.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, detect, stop.")] = False,
    detect_every: Annotated[
        int, typer.Option(help="Looks between two detections; 0: never, only keep the state.")
    ] = 60,
    recent_hours: Annotated[
        float | None,
        typer.Option(help="Between detections, detect over the last so many hours, into OUT-recent."),
    ] = None,
    recent_every: Annotated[int, typer.Option(help="Looks between two such detections.")] = 5,
    settle: Annotated[
        float | None, typer.Option(help="Leave files that changed in the last so many seconds. [5; once: 0]")
    ] = None,
    accounts: Annotated[Path | None, typer.Option(help="Accounts table, read at each detection.")] = None,
    events: Annotated[Path | None, typer.Option(help="Events table, read at each detection.")] = None,
    control: Annotated[Path | None, typer.Option(help="Control file (TOML).")] = None,
    format: Annotated[str | None, typer.Option(help="Log format; detected by itself otherwise.")] = None,
    column_map: Annotated[
        Path | None, typer.Option("--map", help="TOML file that maps your columns.")
    ] = None,
    memory: Annotated[str, typer.Option(help="Most memory of the engine, such as 4GB.")] = "4GB",
    workers: Annotated[int, typer.Option(help="Threads.")] = 2,
    seed: Annotated[int, typer.Option(help="Of the permutation tests.")] = 0,
    keep_text: Annotated[
        bool | None,
        typer.Option(
            "--keep-text/--no-keep-text",
            help="Keep a few texts for the analyst; fixed when the state is made.",
        ),
    ] = None,
    lake: Annotated[
        Path | None, typer.Option(help="Folder for readable rows by date and hour, for other engines.")
    ] = None,
    lake_format: Annotated[str, typer.Option(help="parquet or delta.")] = "parquet",
    listen: Annotated[
        str | None, typer.Option(help="HOST:PORT to take pushes on: OTLP/HTTP and JSON lines.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File with the token pushes carry. [HYDRASCOPE_PUSH_TOKEN]")
    ] = None,
    spool: Annotated[Path | None, typer.Option(help="Folder that pushes wait in. [STATE/push]")] = None,
    spool_limit: Annotated[str, typer.Option(help="Most bytes that may wait there.")] = "2GB",
    push_limit: Annotated[str, typer.Option(help="Most bytes of one push.")] = "32MB",
    retain_days: Annotated[
        float | None, typer.Option(help="Remove exchanges older than so many days.")
    ] = None,
    delete: Annotated[
        list[str] | None, typer.Option("--delete-account", help="Remove one account's data from the state.")
    ] = None,
) -> None:
    """Land new files of a log as they appear, once each, and keep the findings current."""
    if not source and not delete and listen is None:
        raise typer.BadParameter("give a SOURCE to watch, or --listen", param_hint="SOURCE")
    if once and listen is not None:
        raise typer.BadParameter("a single look receives nothing: leave out --once", param_hint="--listen")
    push = _Push(
        listen=listen,
        spool=spool or state / "push",
        limit_bytes=parse_size(spool_limit, "--spool-limit"),
        settings=PushSettings(
            token=_token(token_file) if listen else None, most_bytes=parse_size(push_limit, "--push-limit")
        ),
    )
    base = ScanSettings()
    plan = _Plan(
        source=tuple(source or ()),
        out=out or state.with_name(state.name + "-findings"),
        accounts=str(accounts) if accounts else None,
        events=str(events) if events else None,
        control=read_control(control) if control else None,
        format=format,
        column_map=read_column_map(column_map) if column_map else None,
        settings=replace(
            base, memory_bytes=parse_size(memory, "--memory"), workers=max(workers, 1), seed=seed
        ),
        settle_s=settle if settle is not None else (0.0 if once else 5.0),
        detect_every=detect_every,
        recent_hours=recent_hours,
        recent_every=max(recent_every, 1),
        retain_days=retain_days,
        lake=open_lake(lake, lake_format) if lake is not None else None,
    )
    sampling = None if keep_text is None else replace(base.observe, keep_text=keep_text)
    with _stopped_politely(), open_state(state, sampling) as opened, room_to_write(state):
        for account in delete or ():
            if plan.lake is not None:
                plan.lake.delete_account(account)
            elif any(p.exported for p in opened.journal.parts):
                _say(f"a lake may still hold {account}: give --lake as well")
            _say(f"{delete_account(opened, account):,} exchanges of {account} removed")
            if sum(forget_account(out, account) for out in (plan.out, plan.recent_out)):
                _say(f"{account} forgotten in {TRACKS}; the other findings name it until the next detection")
        with _pushes(push) as (waiting, receiver):
            if once and source:
                _look(opened, plan, waiting)
                if plan.detect_every:
                    _detect(opened, plan)
            elif source or listen is not None:
                _follow(opened, plan, every, waiting, receiver)


@contextmanager
def _pushes(push: _Push) -> Iterator[tuple[Spool | None, Receiver | None]]:
    """The spool where there is one, and the receiver where one was asked for."""
    with ExitStack() as stack:
        if push.listen is None and not push.spool.exists():
            yield None, None
            return
        spool = stack.enter_context(open_spool(push.spool, limit_bytes=push.limit_bytes))
        receiver = None
        if push.listen is not None:
            host, port = listen_address(push.listen)
            receiver = stack.enter_context(receive(spool, host, port, push.settings))
            _say(f"listening on {receiver.host} port {receiver.port}")
        yield spool, receiver


def _token(file: Path | None) -> str | None:
    """The token of a file, or of the environment.

    Raises:
        UsageError: the file cannot be read, or the token is too short to be one.
    """
    try:
        token = os.environ.get("HYDRASCOPE_PUSH_TOKEN") if file is None else file.read_text().strip()
    except OSError as error:
        raise UsageError(
            f"the token cannot be read: {error.strerror}", file=str(file), hint="check --token-file"
        ) from error
    if token is not None and len(token) < _LEAST_TOKEN:
        raise UsageError(
            f"the token has fewer than {_LEAST_TOKEN} characters", hint="make one: openssl rand -hex 32"
        )
    return token


def _follow(
    state: State, plan: _Plan, every_s: float, spool: Spool | None, receiver: Receiver | None
) -> None:
    """Look, now and then detect, wait; until stopped."""
    ticks, waiting, young = 0, False, False
    while not _stopping.is_set():
        began = time.monotonic()
        if receiver is not None:
            receiver.check()
        changed = _look(state, plan, spool)
        waiting, young = waiting or changed, young or changed
        ticks += 1
        if waiting and plan.detect_every and ticks % plan.detect_every == 0:
            _detect(state, plan)
            waiting = False
        elif young and plan.recent_hours is not None and ticks % plan.recent_every == 0:
            _detect(state, plan, recent_hours=plan.recent_hours)
            young = False
        _stopping.wait(max(0.0, every_s - (time.monotonic() - began)))


def _look(state: State, plan: _Plan, spool: Spool | None) -> bool:
    """One look at the source and at what was pushed; whether the state changed."""
    began = time.monotonic()
    landing = land_files(
        state, plan.source, format=plan.format, column_map=plan.column_map, settle_s=plan.settle_s
    )
    pushed = land_pushes(state, spool) if spool is not None else Landing(n_files=0, n_exchanges=0)
    if plan.lake is not None:
        plan.lake.export(state)
    merge_parts(state)
    removed = _retain(state, plan)
    changed = bool(landing.n_files or pushed.n_files or removed)
    if changed:
        state.publish(only=removed > 0)
    _report(landing, pushed, removed, time.monotonic() - began)
    return changed


def _retain(state: State, plan: _Plan) -> int:
    if plan.retain_days is None:
        return 0
    limit = datetime.now(UTC) - timedelta(days=plan.retain_days)
    at_us = int(limit.timestamp() * 1e6)
    if plan.lake is not None and any(0 <= p.first_us < at_us for p in state.journal.parts):
        plan.lake.retain_since(at_us)
    return retain_since(state, at_us)


def _report(landing: Landing, pushed: Landing, removed: int, took_s: float) -> None:
    if landing.n_files:
        _say(f"{landing.n_exchanges:,} exchanges of {landing.n_files:,} files landed in {took_s:.1f} s")
    if pushed.n_files:
        _say(f"{pushed.n_exchanges:,} pushed exchanges landed in {took_s:.1f} s")
    if removed:
        _say(f"{removed:,} exchanges removed by age")
    for path in landing.changed:
        _say(f"{path} changed after it was landed; its new content is not read: write new files instead")
    for path, why in (*landing.refused, *pushed.refused):
        _say(f"{path} not landed: {why}")


def _detect(state: State, plan: _Plan, *, recent_hours: float | None = None) -> None:
    """Over the whole state, or over its last hours into a folder beside."""
    began = time.monotonic()
    out = plan.out if recent_hours is None else plan.recent_out
    try:
        campaigns = detect_state(
            state,
            out,
            accounts=plan.accounts,
            events=plan.events,
            control=plan.control,
            settings=plan.settings,
            sequence=recent_hours is None,
            recent_hours=recent_hours,
        )
    except InputError as error:
        _say(f"no findings yet: {error.what}")
        return
    accused = sum(v == "distillation" for v in campaigns["verdict"].to_pylist())
    _say(f"{accused} distillation campaigns; findings in {out} ({time.monotonic() - began:.1f} s)")


def _say(what: str) -> None:
    typer.echo(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {what}")


@contextmanager
def _stopped_politely() -> Iterator[None]:
    """SIGTERM and SIGINT end the run with 0: what is half done is removed at the next start."""
    _stopping.clear()
    before = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: object) -> NoReturn:
    """The exit may be lost where it meets code that swallows what is raised, such as a finaliser; the loop asks as well."""
    _stopping.set()
    raise SystemExit(0)
