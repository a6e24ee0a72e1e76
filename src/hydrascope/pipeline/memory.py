"""What one run of a sequence remembers for the next: `tracks.json`, and the history of its campaigns.

Everything that the next run needs is in `tracks.json`, which is replaced by one rename: a run that is stopped while
it writes leaves the memory of the run before or its own, never a mixture. `history.jsonl` is for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from hydrascope.campaigns.looks import Ledger
from hydrascope.campaigns.succession import Portrait
from hydrascope.campaigns.track import Track
from hydrascope.errors import FindingsError

__all__ = ["HISTORY", "TRACKS", "Memory", "read_history", "read_memory"]

TRACKS = "tracks.json"
HISTORY = "history.jsonl"
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All that is remembered of the runs so far."""

    version: int = _VERSION
    run: int = 0
    """How many runs the sequence has had."""
    as_of_us: int = 0
    """Last exchange of the last run's log, microseconds since 1970."""
    ledger: Ledger | None = None
    tracks: tuple[Track, ...] = ()


def read_memory(folder: Path) -> Memory:
    """The memory in a findings folder; of one that was written without, what campaigns.json tells.

    Raises:
        FindingsError: there is no findings folder, it is damaged, or of another version.
    """
    file = folder / TRACKS
    if file.is_file():
        try:
            memory = msgspec.json.decode(file.read_bytes(), type=Memory)
        except msgspec.DecodeError as error:
            raise _damaged(file, error) from error
        if memory.version != _VERSION:
            raise FindingsError(
                f"version {memory.version} of the tracks; this program reads version {_VERSION}",
                file=str(file),
                hint="use the version of hydrascope that wrote it, or scan without --previous",
            )
        return memory
    return _from_campaigns(folder)


def read_history(folder: Path, memory: Memory) -> str:
    """The lines of history.jsonl up to the run that is remembered; nothing where there is none.

    Later lines are of a run that stopped between the two files.
    """
    file = folder / HISTORY
    if not file.is_file():
        return ""
    try:
        lines = file.read_bytes().splitlines(keepends=True)
        return b"".join(k for k in lines if msgspec.json.decode(k, type=_Line).run <= memory.run).decode()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(file, error) from error


class _Line(msgspec.Struct):
    run: int = 0


class _Member(msgspec.Struct):
    account_id: str


class _Entry(msgspec.Struct):
    campaign_id: str
    verdict: str = "inconclusive"
    probability: float | None = None
    enforceable: bool = False
    title: str = ""
    members: list[_Member] = []


class _Campaigns(msgspec.Struct):
    version: Any = None
    campaigns: list[_Entry] = []


def _from_campaigns(folder: Path) -> Memory:
    """Members and verdicts alone: nothing ties a later pool by its template."""
    file = folder / "campaigns.json"
    if not file.is_file():
        raise FindingsError(
            "no findings to go on from: neither tracks.json nor campaigns.json in it",
            file=str(folder),
            hint="give --previous the folder of an earlier scan",
        )
    try:
        whole = msgspec.json.decode(file.read_bytes(), type=_Campaigns)
    except msgspec.DecodeError as error:
        raise _damaged(file, error) from error
    tracks = [
        Track(
            campaign_id=entry.campaign_id,
            portrait=Portrait(members=tuple(sorted(m.account_id for m in entry.members))),
            verdict=entry.verdict,
            probability=entry.probability or 0.0,
            enforceable=entry.enforceable,
            title=entry.title,
        )
        for entry in whole.campaigns
        if entry.members
    ]
    return Memory(run=1, tracks=tuple(tracks))


def _damaged(file: Path, error: Exception) -> FindingsError:
    return FindingsError(
        f"damaged or cut off ({error})",
        file=str(file),
        hint="remove it to go on by members alone, or begin anew without --previous",
    )
