"""Logs of any known format become batches of `hydrascope.schema.EXCHANGES`; rejects are counted."""

from __future__ import annotations

from hydrascope.ingest.column_map import ColumnMap, read_column_map
from hydrascope.ingest.edge import Edge, join_edge, read_edge
from hydrascope.ingest.formats import FORMATS, PROVENANCE
from hydrascope.ingest.network import Network, Place
from hydrascope.ingest.rejects import REASONS, WARNINGS, Rejects
from hydrascope.ingest.source import InputFile, LogPart, LogSource, open_log
from hydrascope.ingest.tables import read_accounts, read_events

__all__ = [
    "FORMATS",
    "PROVENANCE",
    "REASONS",
    "WARNINGS",
    "ColumnMap",
    "Edge",
    "InputFile",
    "LogPart",
    "LogSource",
    "Network",
    "Place",
    "Rejects",
    "join_edge",
    "open_log",
    "read_accounts",
    "read_column_map",
    "read_edge",
    "read_events",
]
