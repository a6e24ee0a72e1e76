"""The folder that pushes wait in: written before they are acknowledged, each once.

SPOOL/lock                         who holds it
SPOOL/incoming/AT-ID-HASH.KIND     one push as it came (decompressed); KIND tells how to read it
SPOOL/seals/N-NONCE/               what was made of many pushes (`seal.py`)
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hydrascope.errors import StateError
from hydrascope.pipeline.lock import hold_lock
from hydrascope.pipeline.watch.journal import flush

__all__ = ["Accepted", "ConflictError", "Push", "Spool", "SpoolFullError", "open_spool", "sealed_pushes"]

SPOOL_BYTES = 2 << 30
"""Most bytes that wait to be landed."""
REMEMBER_S = 86_400.0
"""How long a push's id is known after it came."""
_PUSHES = "pushes.jsonl"
_LEFTOVER_NS = 3_600 * 10**9
"""So much longer than its id, a push is known to be in a seal, in case that its file could not be removed."""


class SpoolFullError(Exception):
    """More bytes wait to be landed than may; the sender should come back later."""


class ConflictError(Exception):
    """The idempotency key was used before, for something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One push on disk."""

    path: Path
    received_ns: int
    id: str
    content: str
    """Hash of its bytes."""
    kind: str
    """`traces.pb`, `logs.pb`, or a format's name and `.jsonl`."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to a push that is safe on disk."""

    id: str
    duplicate: bool
    """True where the same push had come before: nothing was written."""


class Known(msgspec.Struct, frozen=True):
    """What a seal remembers of a push."""

    id: str
    content: str
    received_ns: int


@contextmanager
def open_spool(
    folder: Path, *, limit_bytes: int = SPOOL_BYTES, remember_s: float = REMEMBER_S
) -> Iterator[Spool]:
    """The spool in `folder`, made where there is none, held until the context ends.

    Raises:
        StateError: another run holds it, or it holds something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    strange = sorted(p.name for p in folder.iterdir() if p.name not in ("lock", "incoming", "seals"))
    if strange:
        raise StateError(
            f"the folder is no spool: it holds '{strange[0]}'",
            file=str(folder),
            hint="give --spool an empty or new folder",
        )
    with hold_lock(folder, "spool"):
        yield Spool(folder.resolve(), limit_bytes=limit_bytes, remember_s=remember_s)


class Spool:
    """An open spool; made by `open_spool`. Pushes may be stored from many threads."""

    def __init__(self, folder: Path, *, limit_bytes: int, remember_s: float) -> None:
        self.folder = folder
        self.remember_s = remember_s
        self._limit = limit_bytes
        self._incoming = folder / "incoming"
        self._changed = threading.Condition()
        self._busy: dict[str, int] = {}
        self._known: dict[str, Known] = {}
        self._sealed: set[tuple[int, str]] = set()
        self._bytes = 0
        for room in (self._incoming, folder / "seals"):
            room.mkdir(exist_ok=True)
        self._repair()

    @property
    def size_bytes(self) -> int:
        """Bytes that wait to be landed."""
        return self._bytes

    def store(self, body: bytes, *, kind: str, scope: str, key: str | None = None) -> Accepted:
        """Put a push on disk; when this returns it survives a power cut.

        Args:
            body: its bytes, decompressed.
            kind: how to read it (`Push.kind`).
            scope: where it was sent; the same key or bytes sent elsewhere are another push.
            key: the sender's idempotency key; without one the bytes themselves are the key.

        Raises:
            SpoolFullError: there is no room below the limit.
            ConflictError: the key is known with other bytes.
            OSError: the disk is full, or broken; nothing was stored.
        """
        content = hashlib.sha256(body).hexdigest()[:32]
        told = f"{scope}\0body\0{content}" if key is None else f"{scope}\0key\0{key}"
        id = hashlib.sha256(told.encode()).hexdigest()[:32]
        with self._changed:
            while id in self._busy:  # the same push at the same time: the second answer waits for the first
                self._changed.wait()
            if (before := self._known.get(id)) is not None:
                if before.content != content:
                    raise ConflictError
                return Accepted(id, True)
            if self._bytes + len(body) > self._limit:
                raise SpoolFullError
            self._busy[id] = len(body)
            self._bytes += len(body)
        stored = False
        try:
            known = Known(id, content, time.time_ns())
            self._write(body, known, kind)
            stored = True
        finally:
            with self._changed:
                del self._busy[id]
                if stored:
                    self._known[id] = known
                else:
                    self._bytes -= len(body)
                self._changed.notify_all()
        return Accepted(id, False)

    def pushes(self) -> list[Push]:
        """All whole pushes that no seal holds yet, as they came; those that one holds are removed."""
        waiting = []
        for path in sorted(self._incoming.iterdir()):
            push = _read_name(path)
            if push is not None and (push.received_ns, push.id) in self._sealed:
                path.unlink()
            elif push is not None:
                waiting.append(push)
        return waiting

    def remove(self, pushes: Iterable[Push]) -> None:
        """Pushes that a seal holds from now on."""
        for push in pushes:
            self._sealed.add((push.received_ns, push.id))
            push.path.unlink()

    def forget(self, before_ns: int) -> None:
        """Ids of pushes that came before that time are known no longer."""
        with self._changed:
            self._known = {i: k for i, k in self._known.items() if k.received_ns >= before_ns}
            self._sealed = {(at, i) for at, i in self._sealed if at >= before_ns - _LEFTOVER_NS}

    def measure(self) -> None:
        """Count anew what waits, after files were removed."""
        with self._changed:
            whole = [p for p in self._incoming.iterdir() if p.suffix != ".partial"]
            files = [*whole, *(self.folder / "seals").glob("*/*.jsonl")]
            self._bytes = sum(_size(p) for p in files if p.name != _PUSHES) + sum(self._busy.values())

    def _write(self, body: bytes, known: Known, kind: str) -> None:
        path = self._incoming / f"{known.received_ns:020d}-{known.id}-{known.content}.{kind}"
        partial = path.with_name(path.name + ".partial")
        try:
            with partial.open("wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        flush(self._incoming)

    def _repair(self) -> None:
        """Remove what an interrupted run left half written, and pushes that a seal holds already."""
        for partial in self._incoming.glob("*.partial"):
            partial.unlink()
        for seal in sorted(p for p in (self.folder / "seals").iterdir() if not p.name.endswith(".partial")):
            for known in sealed_pushes(seal):
                self._known[known.id] = known
                self._sealed.add((known.received_ns, known.id))
        self.forget(time.time_ns() - int(self.remember_s * 1e9))
        for push in self.pushes():
            self._known[push.id] = Known(push.id, push.content, push.received_ns)
        self.measure()


def sealed_pushes(seal: Path) -> Iterable[Known]:
    """What a seal says of the pushes that it holds.

    Raises:
        StateError: its list cannot be read.
    """
    path = seal / _PUSHES
    try:
        lines = path.read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Known) for line in lines]
    except (OSError, msgspec.MsgspecError) as error:
        raise StateError(
            f"a seal's list of pushes cannot be read: {error}",
            file=str(path),
            hint="restore it from a backup; without it pushes that are sent again would be landed again",
        ) from error


def _read_name(path: Path) -> Push | None:
    if path.name.endswith(".partial"):
        return None
    stem, _, kind = path.name.partition(".")
    at, id, content = stem.split("-")
    return Push(path=path, received_ns=int(at), id=id, content=content, kind=kind)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
