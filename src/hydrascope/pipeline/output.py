"""The findings folder as a run leaves it: every file replaced whole, so that a reader sees the old or the new one."""

from __future__ import annotations

import errno
import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope import __version__
from hydrascope.campaigns.document import campaign_document
from hydrascope.campaigns.findings import account_table, campaign_table, link_table
from hydrascope.errors import ResourceError, UsageError
from hydrascope.ingest import Rejects
from hydrascope.ingest.source import FINDINGS
from hydrascope.pipeline.detect import Detection
from hydrascope.pipeline.follow import Followed
from hydrascope.pipeline.lock import hold_lock
from hydrascope.pipeline.memory import HISTORY, TRACKS, Memory, read_memory
from hydrascope.pipeline.settings import ScanSettings
from hydrascope.storage import file_facts, is_remote, join, read_bytes, remove_folder, send_file, write_bytes

__all__ = [
    "OUTPUTS",
    "describe_run",
    "findings_at_hand",
    "forget_account",
    "make_folder",
    "place_for_findings",
    "room_to_write",
    "write_findings",
    "write_manifest",
]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
OUTPUTS = (*sorted(FINDINGS), "report.html")
"""What a findings folder holds."""


def make_folder(out: Path, inputs: Sequence[str]) -> None:
    """The findings folder, unless that would cost an input.

    Raises:
        UsageError: the folder is a file, or findings would overwrite an input.
    """
    if out.exists() and not out.is_dir():
        raise UsageError("the output is a file", file=str(out), hint="name a folder with --out")
    written = {(out / name).resolve() for name in OUTPUTS}
    for path in inputs:
        if Path(path).resolve() in written:
            raise UsageError("the findings would overwrite this input", file=path, hint="name another --out")
    out.mkdir(parents=True, exist_ok=True)


@contextmanager
def place_for_findings(out: str) -> Iterator[Path]:
    """The folder to write findings to; for a store, one on this disk whose files are sent when the context ends well.

    The local folder has the same name for the same `out`, so that a stopped run goes on where it was. The manifest
    is sent last: with it the findings are whole.

    Raises:
        ResourceError: the store does not take them; they stay in the local folder.
    """
    if not is_remote(out):
        yield Path(out)
        return
    mark = hashlib.sha256(out.rstrip("/").encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"hydrascope-findings-{mark}"
    yield folder
    for name in sorted(OUTPUTS, key=lambda n: (n == "manifest.json", n)):
        if (folder / name).exists():
            send_file(folder / name, str(join(out, name)))
    if not (folder / ".stages").exists():
        remove_folder(folder)


@contextmanager
def findings_at_hand(folder: str) -> Iterator[Path]:
    """A findings folder to read; a store's is copied to this disk for as long as the context lasts."""
    if not is_remote(folder):
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory(prefix="hydrascope-") as local:
        for name in OUTPUTS:
            if file_facts(join(folder, name)) is not None:
                write_bytes(Path(local) / name, read_bytes(join(folder, name)))
        yield Path(local)


@contextmanager
def room_to_write(out: Path) -> Iterator[None]:
    """Turn a full disk or memory into a `ResourceError` that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ResourceError(
                "a file may not grow any further" if error.errno == errno.EFBIG else "the disk is full",
                file=str(out),
                hint="free some space and run the same command again; finished parts are kept",
            ) from error
        raise
    except MemoryError as error:
        raise ResourceError(
            "memory ran out", hint="run the same command again with a smaller --workers"
        ) from error


def write_findings(out: Path, followed: Followed, history: str = "") -> pa.Table:
    """Write the findings' tables, campaigns.json and what the next run needs; the campaigns.

    Args:
        history: lines of the runs before.
    """
    detection = followed.detection
    observations, findings = detection.observations, detection.findings
    campaigns = campaign_table(observations, findings)
    _replace_table(out / "campaigns.parquet", campaigns)
    _replace_table(out / "accounts.parquet", account_table(observations, findings, detection.base_rate))
    _replace_table(out / "links.parquet", link_table(observations, detection.links))
    documents = [campaign_document(observations, f, detection.around) for f in findings]
    text = json.dumps({"version": 1, "campaigns": documents}, ensure_ascii=False, indent=1, allow_nan=False)
    _replace_text(out / "campaigns.json", text + "\n")
    _replace_text(out / HISTORY, history + "".join(_line(e) for e in followed.events))
    _write_memory(out, followed.memory)
    return campaigns


def forget_account(out: Path, account_id: str) -> int:
    """Remove an account from what the next run goes by; the campaigns that remembered it.

    A campaign of which nobody is left is forgotten. The findings themselves stay as they are until they are made anew.

    Raises:
        FindingsError: the memory is damaged.
        StateError: another run writes the folder.
    """
    if not (out / TRACKS).is_file():
        return 0
    with hold_lock(out, "findings folder", name=".lock"):
        memory = read_memory(out)
        kept = [replace(t, portrait=t.portrait.without(account_id)) for t in memory.tracks]
        held = sum(account_id in t.portrait.members for t in memory.tracks)
        if held:
            _write_memory(out, replace(memory, tracks=tuple(t for t in kept if t.portrait.members)))
    return held


def _write_memory(out: Path, memory: Memory) -> None:
    _replace_text(out / TRACKS, msgspec.json.encode(memory, order="deterministic").decode() + "\n")


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


def write_manifest(out: Path, manifest: dict[str, Any]) -> None:
    """Write manifest.json, which goes last: with it the findings are whole."""
    _replace_text(out / "manifest.json", json.dumps(manifest, indent=1) + "\n")


def describe_run(
    settings: ScanSettings, inputs: Sequence[dict[str, Any]], detection: Detection, rejects: Rejects
) -> dict[str, Any]:
    """What the manifest of every run says: program, settings, inputs, and what was counted."""
    return {
        "hydrascope": __version__,
        "version": 1,
        "engine": settings.engine,
        "seed": settings.seed,
        "settings": json.loads(json.dumps(settings.material(), default=str)),
        "inputs": list(inputs),
        "accounts": len(detection.observations.population),
        "rejects": rejects.counts,
        "warnings": rejects.warnings,
        "error_rates": detection.error_rates,
    }


def _replace_table(path: Path, table: pa.Table) -> None:
    partial = path.with_suffix(".partial")
    pq.write_table(table, partial, compression="zstd")
    partial.replace(path)


def _replace_text(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
