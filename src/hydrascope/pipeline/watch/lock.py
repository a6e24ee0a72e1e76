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

_HINTS = {"state": "wait for it or stop it; read `current` in the state instead of writing"}


@contextmanager
def hold_lock(folder: Path, what: str = "state") -> Iterator[None]:
    """Hold `folder/lock`; it says who holds it. `what` names the folder in the error.

    Raises:
        StateError: another run holds it.
    """
    path = folder / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StateError(
                f"the {what} is held by another run ({_holder(path)})",
                file=str(folder),
                hint=_HINTS.get(what, "wait for it or stop it"),
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, msgspec.json.encode(_me()), 0)
        yield
    finally:
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
