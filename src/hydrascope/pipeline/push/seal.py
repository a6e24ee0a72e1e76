"""Many pushes become one file a format, by one rename.

SEAL/FORMAT.jsonl     records to land; gone once they are landed
SEAL/waiting.jsonl    halves of OTLP exchanges, carried over to the next seal (`pairing.py`)
SEAL/pushes.jsonl     ids of the pushes, so that they are done and known
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from hydrascope.ingest import Rejects
from hydrascope.ingest.source import open_records
from hydrascope.pipeline.push.pairing import Half, Pairing, decode_protobuf, records_of
from hydrascope.pipeline.push.spool import Known, Push, Spool
from hydrascope.pipeline.watch.journal import flush

__all__ = ["SealSettings", "seal_pushes", "sealed_files"]

_WAITING, _PUSHES = "waiting.jsonl", "pushes.jsonl"
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class SealSettings:
    """How long halves of OTLP exchanges wait, and how much is sealed at once."""

    settle_s: float = 10.0
    """So long a span that has log records waits for more of them."""
    patience_s: float = 120.0
    """So long a half waits for the other half."""
    most_bytes: int = 128 << 20
    """About as many bytes of pushes become one seal."""


def seal_pushes(spool: Spool, settings: SealSettings, rejects: Rejects, now_ns: int) -> Path | None:
    """Seal the oldest pushes; the new seal's folder, or None where there is nothing to seal.

    Args:
        rejects: takes what a push holds that cannot even be read as a record.
        now_ns: nanoseconds since 1970; what came later is left, and halves have waited until then.
    """
    pushes = _some([p for p in spool.pushes() if p.received_ns <= now_ns], settings.most_bytes)
    seals = _seals(spool)
    pairing = Pairing()
    for half in _waiting(seals[-1]) if seals else ():
        pairing.add(half)
    if not pushes and not _is_due(pairing, settings, now_ns):
        return None
    number = int(seals[-1].name.split("-")[0]) + 1 if seals else 1
    final = spool.folder / "seals" / f"{number:08d}-{secrets.token_hex(4)}"
    partial = final.with_name(final.name + ".partial")
    partial.mkdir()
    with _Segments(partial) as segments:
        for push in pushes:
            for record in _records(push, rejects):
                pairing.add(record) if isinstance(record, Half) else segments.write(_format(push), record)
        for half in pairing.take(now_ns, settle_s=settings.settle_s, patience_s=settings.patience_s):
            segments.write("otlp", bytes(half.record))
        for halves in pairing.halves.values():
            segments.extend(_WAITING, halves)
        segments.extend(_PUSHES, [Known(p.id, p.content, p.received_ns) for p in pushes])
    partial.rename(final)
    flush(final.parent)
    spool.remove(pushes)
    _prune(spool, seals, now_ns)
    return final


def sealed_files(spool: Spool) -> Iterator[tuple[Path, str]]:
    """(file, format) of what was sealed and not removed, oldest first."""
    for seal in _seals(spool):
        for path in sorted(seal.glob("*.jsonl")):
            if path.name not in (_WAITING, _PUSHES):
                yield path, path.stem


class _Segments:
    """The files of a seal that is being made; they are on the disk when the context ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, IO[bytes]] = {}

    def __enter__(self) -> _Segments:
        self._open(_PUSHES)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for file in self._files.values():
            with file:
                if kind is None:
                    file.flush()
                    os.fsync(file.fileno())
        if kind is None:
            flush(self._folder)
        else:
            shutil.rmtree(self._folder, ignore_errors=True)

    def write(self, form: str, record: bytes) -> None:
        """One record of a format."""
        file = self._open(f"{form}.jsonl")
        file.write(record)
        file.write(b"\n")

    def extend(self, name: str, values: Iterable[msgspec.Struct]) -> None:
        """Values of our own, one a line."""
        for value in values:
            self._open(name).write(_encoder.encode(value) + b"\n")

    def _open(self, name: str) -> IO[bytes]:
        if name not in self._files:
            self._files[name] = (self._folder / name).open("wb")
        return self._files[name]


def _records(push: Push, rejects: Rejects) -> Iterator[bytes | Half]:
    """JSON texts without line ends; of OTLP, what can be read by itself, and halves."""
    if push.kind.endswith(".pb"):
        yield from records_of(decode_protobuf(push.path.read_bytes(), push.kind), push.received_ns)
        return
    otlp = _format(push) == "otlp"
    for _, text in open_records(str(push.path), rejects):
        try:
            decoded = msgspec.json.decode(text, type=dict) if otlp else None
            line = msgspec.json.format(text, indent=-1) if b"\n" in text else text
        except (msgspec.MsgspecError, RecursionError):
            yield text.replace(b"\n", b" ")  # a reject when it is landed
            continue
        yield from (line,) if decoded is None else records_of(decoded, push.received_ns)


def _format(push: Push) -> str:
    return "otlp" if push.kind.endswith(".pb") else push.kind.removesuffix(".jsonl")


def _some(pushes: Sequence[Push], most_bytes: int) -> list[Push]:
    chosen: list[Push] = []
    size = 0
    for push in pushes:
        size += push.path.stat().st_size
        if chosen and size > most_bytes:
            break
        chosen.append(push)
    return chosen


def _is_due(pairing: Pairing, settings: SealSettings, now_ns: int) -> bool:
    late = Pairing({key: list(halves) for key, halves in pairing.halves.items()})
    taken = late.take(now_ns, settle_s=settings.settle_s, patience_s=settings.patience_s)
    return next(taken, None) is not None


def _waiting(seal: Path) -> list[Half]:
    path = seal / _WAITING
    if not path.exists():
        return []
    return [msgspec.json.decode(line, type=Half) for line in path.read_bytes().splitlines()]


def _seals(spool: Spool) -> list[Path]:
    """Whole seals, oldest first; half-made ones are removed."""
    found = []
    for path in sorted((spool.folder / "seals").iterdir()):
        if path.name.endswith(".partial"):
            shutil.rmtree(path)
        else:
            found.append(path)
    return found


def _prune(spool: Spool, older: Sequence[Path], now_ns: int) -> None:
    """Halves were carried over; ids that are old enough are forgotten with the seals that hold nothing else."""
    limit = now_ns - int(spool.remember_s * 1e9)
    spool.forget(limit)
    for seal in older:
        (seal / _WAITING).unlink(missing_ok=True)
        if seal.stat().st_mtime_ns < limit and [p.name for p in seal.iterdir()] == [_PUSHES]:
            shutil.rmtree(seal)
