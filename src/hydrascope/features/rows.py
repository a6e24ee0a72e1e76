"""Observed parts become the view `exchanges`, each exchange id once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa

from hydrascope.engine.base import Engine
from hydrascope.features.observed import PASSAGES, SHINGLES, SYSTEMS, TEXTS, VALUES
from hydrascope.features.repeats import read_passes, repeats_of
from hydrascope.ingest import LogSource, Rejects
from hydrascope.storage import join, list_files

__all__ = ["Window", "resolve_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The younger exchanges of a state: nothing else is read."""

    since_us: int
    """Microseconds since 1970 from which on an exchange belongs to it."""
    parts: frozenset[str]
    """Names of the parts that hold such exchanges, and may hold older ones."""


def resolve_rows(
    engine: Engine,
    stages: str | Path,
    source: LogSource,
    rejects: Rejects,
    *,
    window: Window | None = None,
) -> int:
    """Define the views of all later stages and count the exchanges.

    Of records that claim one exchange id, the earliest is kept; of equally early ones, the lowest row hash,
    so that the choice depends neither on the order nor on the number of files. The others are rejects.

    Returns:
        Exchanges in the view `exchanges`.
    """
    parts = _files(join(stages, "rows"), window)
    if not parts:
        return 0
    engine.view("observed" if window is None else "observed_always", parts)
    for name, schema, view in (
        ("shingles", SHINGLES, "observed_shingles"),
        ("texts", TEXTS, "observed_texts"),
        ("systems", SYSTEMS, "all_systems"),
        ("values", VALUES, "value_names"),
        ("passages", PASSAGES, "observed_passages"),
    ):
        _view_or_empty(engine, _files(join(stages, name), window), schema, view)
    if window is not None:
        engine.define("observed", f"SELECT * FROM observed_always WHERE at_us >= {window.since_us}")
    engine.define(
        "systems",
        """
        SELECT system, text, shingles FROM (
          SELECT system, text, shingles, row_number() OVER (PARTITION BY system ORDER BY n_words) AS position FROM all_systems
        ) s WHERE position = 1""",
    )
    dropped = _duplicates(engine, source, rejects)
    if dropped.num_rows:
        engine.register("dropped", dropped)
    for source_view, view in (
        ("observed", "exchanges"),
        ("observed_shingles", "shingles"),
        ("observed_texts", "texts"),
        ("observed_passages", "passages"),
    ):
        kept = _without(source_view, dropped.num_rows > 0)
        if window is not None and source_view != "observed":
            kept = f"SELECT k.* FROM ({kept}) k WHERE k.xid IN (SELECT xid FROM observed)"
        engine.define(view, kept)
    return int(engine.collect("SELECT count(*) AS n FROM exchanges")["n"][0].as_py())


def _without(view: str, any_dropped: bool) -> str:
    if not any_dropped:
        return f"SELECT * FROM {view}"
    return f"SELECT o.* FROM {view} o LEFT JOIN dropped x ON o.file = x.file AND o.line = x.line WHERE x.file IS NULL"


def _files(folder: str | Path, window: Window | None) -> list[str]:
    found = list_files(folder, ".parquet")
    return [p for p in found if window is None or PurePosixPath(p).stem in window.parts]


def _view_or_empty(engine: Engine, parts: list[str], schema: pa.Schema, view: str) -> None:
    # Files by name, not by pattern: the folder's own name may look like one.
    if parts:
        engine.view(view, parts)
    else:
        engine.register(view, schema.empty_table())


def _duplicates(engine: Engine, source: LogSource, rejects: Rejects) -> pa.Table:
    """(file, line) of the records that are not kept."""
    n = int(engine.collect("SELECT count(*) AS n FROM observed")["n"][0].as_py())
    found = [np.zeros(0, np.int64)]
    for part in read_passes(engine, "xid", "FROM observed WHERE xid IS NOT NULL", "xid", n):
        found.append(np.unique(part["xid"][repeats_of(part["xid"])]))
    engine.register("twice", pa.table({"xid": np.sort(np.concatenate(found))}))
    rows = engine.collect("""
        SELECT o.xid AS xid, o.at_us AS at_us, o.row_hash AS row_hash, o.file AS file, o.line AS line
        FROM observed o JOIN twice t ON o.xid = t.xid""")
    if not rows.num_rows:
        return rows.select(["file", "line"])
    # A state numbers its files as they came; the order of paths is the same however they came.
    place = np.argsort(np.argsort(np.array([f.path for f in source.files], object), kind="stable"))
    columns = [rows[c].to_numpy() for c in ("line", "file", "row_hash", "at_us", "xid")]
    columns[1] = place[columns[1]]
    order = np.lexsort(columns)
    xid = columns[-1][order]
    later = order[1:][xid[1:] == xid[:-1]]
    dropped = rows.take(pa.array(np.sort(later))).select(["file", "line"])
    for file, line in zip(dropped["file"].to_pylist(), dropped["line"].to_pylist(), strict=True):
        rejects.add(source.files[file].path, line, "duplicate_exchange_id")
    return dropped
