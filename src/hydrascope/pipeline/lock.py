"""One writer to a folder: a lock that the operating system drops when its holder dies."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from hydrascope.errors import StateError

__all__ = ["hold_lock"]

_HINTS = {
    "state": "wait for it or stop it; read `current` in the state instead of writing",
    "spool": "wait for it or stop it, or give another --spool",
    "findings folder": "wait for it or stop it, or name another --out",
}


@contextmanager
def hold_lock(folder: Path, what: str = "state", *, name: str = "lock") -> Iterator[None]:
    """Hold `folder/NAME` until the context ends; it says who holds it.

    Args:
        folder: must exist.
        what: what the folder is, for the error.
        name: a hidden file is removed when it is let go: the folder is for people to look at.

    Raises:
        StateError: another run holds it.
    """
    path = folder / name
    descriptor = _lock(path, what)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, msgspec.json.encode(_me()), 0)
        yield
    finally:
        if name.startswith("."):
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _lock(path: Path, what: str) -> int:
    """A descriptor that holds the lock of the file that has this name now, which another run may have removed."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise StateError(
                f"the {what} is held by another run ({_holder(path)})",
                file=str(path.parent),
                hint=_HINTS[what],
            ) from error
        if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
        os.close(descriptor)


def _me() -> dict[str, str | int]:
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": since}


def _holder(path: Path) -> str:
    try:
        who = msgspec.json.decode(path.read_bytes())
        return f"process {who['pid']} on {who['host']} since {who['since']}"
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return "it has not said who it is"
