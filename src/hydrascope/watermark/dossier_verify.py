"""Verify a dossier offline: hashes, chains, commitments, coins, proofs, statistics, decoys, verdicts, page."""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from hydrascope.errors import InputError
from hydrascope.watermark.dossier import DOSSIER, PAGE, VERSION, dossier_digest
from hydrascope.watermark.dossier_claims import derive_claims
from hydrascope.watermark.dossier_page import render_dossier

__all__ = ["Verified", "verify_dossier"]

MOST_BYTES = 4 << 30
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What came of it."""

    digest: str
    """Of dossier.json."""
    problems: tuple[str, ...]
    """Everything that does not hold, by name; empty where all holds."""
    claims: Mapping[str, Any]
    """Derived anew from the files."""
    materials: Mapping[str, Any]


def verify_dossier(path: Path, *, expected: str | None = None) -> Verified:
    """Check everything in a dossier.

    Args:
        path: folder or zip.
        expected: digest that the dossier must have, from a published or time-stamped copy.

    Raises:
        InputError: it is not a dossier at all.
    """
    with _opened(path) as folder:
        told = _read(folder)
        materials, stated = told["materials"], told["claims"]
        problems = _wrong_files(folder, told["files"])
        digest = dossier_digest(folder)
        if expected is not None and digest != expected.lower():
            problems.append(f"{DOSSIER}: its digest is {digest}, not the expected one")
        claims, wrong = derive_claims(folder, materials)
        problems += wrong
        problems += _differences(stated, claims, "claims")
        problems += _wrong_page(folder, materials, claims)
    return Verified(
        digest=digest, problems=tuple(dict.fromkeys(problems)), claims=claims, materials=materials
    )


@contextmanager
def _opened(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield path
        return
    try:
        packed = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"neither a folder nor a zip: {error}", file=str(path)) from None
    with packed, tempfile.TemporaryDirectory(prefix="hydrascope-") as made:
        names = packed.infolist()
        if any("/" in n.filename or "\\" in n.filename or n.filename.startswith(".") for n in names):
            raise InputError("a dossier's zip holds plain files only", file=str(path))
        if sum(n.file_size for n in names) > MOST_BYTES:
            raise InputError("the zip unpacks to more than 4 GiB", file=str(path))
        try:
            packed.extractall(made)
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise InputError(f"the zip is damaged: {error}", file=str(path)) from None
        yield Path(made)


def _read(folder: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((folder / DOSSIER).read_text("utf-8"))
        known = told["version"] == VERSION
        wanted = all(isinstance(told[part], dict) for part in ("materials", "claims", "files"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"not a dossier: {error}", file=str(folder / DOSSIER)) from None
    if not known or not wanted:
        raise InputError("not a dossier of a version that is known here", file=str(folder / DOSSIER))
    return told


def _wrong_files(folder: Path, listed: Mapping[str, str]) -> list[str]:
    present = {p.name for p in folder.iterdir()} - {DOSSIER}
    wrong = [f"{name}: missing" for name in sorted(listed.keys() - present)]
    wrong += [f"{name}: not part of the dossier" for name in sorted(present - listed.keys())]
    for name in sorted(present & listed.keys()):
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != listed[name]:
            wrong.append(f"{name}: changed since the dossier was made")
    return wrong


def _wrong_page(folder: Path, materials: Mapping[str, Any], claims: Mapping[str, Any]) -> list[str]:
    try:
        same = (folder / PAGE).read_text("utf-8") == render_dossier(materials, claims)
    except (OSError, ValueError, TypeError, KeyError, TemplateError):
        same = False
    return [] if same else [f"{PAGE}: it does not say what the files give"]


def _differences(stated: Any, derived: Any, where: str) -> list[str]:
    """Places where the stated claims are not the derived ones."""
    if isinstance(stated, dict) and isinstance(derived, dict):
        found = []
        for name in sorted(stated.keys() | derived.keys()):
            if name not in stated or name not in derived:
                found.append(f"{where}.{name}: {'not stated' if name not in stated else 'does not follow'}")
            else:
                found += _differences(stated[name], derived[name], f"{where}.{name}")
        return found
    if isinstance(stated, list) and isinstance(derived, list) and len(stated) == len(derived):
        return [
            line
            for i, pair in enumerate(zip(stated, derived, strict=True))
            for line in _differences(*pair, f"{where}[{i}]")
        ]
    numbers = isinstance(stated, float) and isinstance(derived, float)
    if numbers and math.isclose(stated, derived, rel_tol=_CLOSE, abs_tol=_CLOSE):
        return []
    return (
        [] if stated == derived else [f"{where}: states {_short(stated)}, the files give {_short(derived)}"]
    )


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
