"""Logs of any known format become batches of `hydrascope.schema.EXCHANGES`; rejects are counted."""

from __future__ import annotations

from hydrascope.ingest.column_map import ColumnMap, read_column_map
from hydrascope.ingest.formats import FORMATS, PROVENANCE
from hydrascope.ingest.rejects import Rejects
from hydrascope.ingest.source import InputFile, LogPart, LogSource, open_log
from hydrascope.ingest.tables import read_accounts, read_events

__all__ = [
    "FORMATS",
    "PROVENANCE",
    "ColumnMap",
    "InputFile",
    "LogPart",
    "LogSource",
    "Rejects",
    "open_log",
    "read_accounts",
    "read_column_map",
    "read_events",
]
