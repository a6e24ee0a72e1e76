"""A digest of the code that a result depends on, so that kept results never outlive it."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from pathlib import Path

__all__ = ["code_digest"]

APART = ("cli", "report", "watermark", "dashboard", "intel", "gateway", "lab", "testing")
"""Rooms that no finding depends on."""


def code_digest() -> str:
    """Changes when a module of the package changes, save for the rooms that no finding depends on."""
    root = Path(str(files("hydrascope")))
    digest = sha256()
    for path in sorted(root.rglob("*")):
        place = path.relative_to(root)
        if place.parts[0] not in APART and path.suffix in (".py", ".toml", ".npz", ".json", ".sql"):
            digest.update(place.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]
