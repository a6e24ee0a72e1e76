"""Log formats, one a file; each turns raw JSON records into rows of contract columns."""

from __future__ import annotations

from collections.abc import Mapping

from hydrascope.ingest.formats.base import Format
from hydrascope.ingest.formats.contract import CONTRACT

__all__ = ["FORMATS"]

FORMATS: Mapping[str, Format] = {f.name: f for f in (CONTRACT,)}
"""By name, in the order in which detection asks them: the most particular shape first."""
