"""History, a bounded piece at a time: logs exchange by exchange, states by their rows and sketches.

A log's exchanges are all sketched and compared. A state keeps the sketches of a sample of each account's exchanges,
and every exchange's values and system prompt: there a template in prompts is found in the sample only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.errors import InputError, StateError
from hydrascope.features.observed import CHANNEL_COLUMNS, observe_exchanges
from hydrascope.features.observer import KINDS
from hydrascope.ingest import LogSource, Rejects
from hydrascope.kernels.ranges import ranges
from hydrascope.kernels.strings import hash_strings
from hydrascope.pipeline.hunt.matching import Matcher
from hydrascope.pipeline.watch.journal import Journal, Part, read_journal
from hydrascope.sketch import RATE, sketch_texts

__all__ = ["HITS", "Piece", "StateHistory", "is_state", "open_history", "read_log", "read_state"]

HITS = pa.schema(
    [
        ("account", pa.int64()),
        ("xid", pa.int64()),
        ("at_us", pa.int64()),
        ("indicator", pa.int32()),
        ("exchange_id", pa.string()),
        ("file", pa.int32()),
        ("line", pa.int64()),
    ]
)
"""One exchange that shows one indicator; `exchange_id` is null where only its hash was kept."""
_BATCH = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What one batch of history gives."""

    account: np.ndarray
    """int64[n], the account of every exchange."""
    at_us: np.ndarray
    """int64[n]."""
    hits: pa.Table
    """`HITS`."""
    names: dict[int, str] = field(default_factory=dict)
    """Account hash to id, of the accounts met."""
    n_sampled: dict[int, int] | None = None
    """Sketched exchanges by account hash, where not all are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateHistory:
    """A state as its readers see it."""

    folder: Path
    journal: Journal

    @property
    def rate(self) -> float:
        """Share of shingles that its sketches keep."""
        return float(self.journal.settings.get("rate", RATE))


def is_state(path: str) -> bool:
    """Whether a path is a watch state rather than a log."""
    return (Path(path) / "journal.json").is_file()


def open_history(path: str) -> StateHistory:
    """The published snapshot of a state; where none was published, the state itself.

    Raises:
        StateError: its journal cannot be read.
    """
    folder = Path(path)
    shown = folder / "current"
    folder = shown.resolve() if (shown / "journal.json").is_file() else folder
    journal = read_journal(folder / "journal.json")
    if journal is None:
        raise StateError("the state has no journal", file=path, hint="name the folder that --state named")
    return StateHistory(folder=folder, journal=journal)


def read_log(
    source: LogSource, matcher: Matcher, rejects: Rejects, *, rate: float, first_file: int
) -> Iterator[Piece]:
    """Every exchange of a log, batch by batch.

    Args:
        rate: share of shingles kept.
        first_file: number of the log's first file among all that are hunted through.
    """
    for batch in source.batches(rejects):
        none = None if matcher.reads_text else np.zeros(len(batch), bool)
        observed = observe_exchanges(batch, rate=rate, select=none)
        rows = observed.rows
        if matcher.reads_addresses:
            fresh = (
                pa.table({"ip": rows["ip"], "text": batch["client_ip"]})
                .group_by(["ip", "text"])
                .aggregate([])
            )
            fresh = fresh.filter(pc.is_valid(fresh["ip"]))
            matcher.learn_addresses(fresh["ip"].to_numpy(), fresh["text"].to_pylist())
        found = [_learn_and_match(matcher, batch, rows, rate)]
        if matcher.reads_text:
            sketch = observed.sketch
            found.append(
                matcher.match_shingles(
                    rows["system"], sketch.offsets, sketch.shingles.view(np.int64), rate=rate
                )
            )
        row, indicator = _distinct(found)
        hits = rows.take(pa.array(row))
        _learn_names(matcher, batch, rows, row)
        table = pa.table(
            [
                *(hits[c] for c in ("account", "xid", "at_us")),
                pa.array(indicator),
                batch["exchange_id"].take(pa.array(row)),
                pc.add(hits["file"], first_file),
                hits["line"],
            ],
            schema=HITS,
        )
        account = rows["account"].to_numpy()
        _, first = np.unique(account, return_index=True)
        names = dict(
            zip(account[first].tolist(), batch["account_id"].take(pa.array(first)).to_pylist(), strict=True)
        )
        yield Piece(account=account, at_us=rows["at_us"].to_numpy(), hits=table, names=names)


def _learn_names(matcher: Matcher, batch: pa.RecordBatch, rows: pa.Table, row: np.ndarray) -> None:
    """Texts of hunted values of which only the hash was known."""
    hit = pa.array(np.unique(row))
    for column in sorted({c for c, _ in matcher.nameless}):
        matcher.learn_names(
            column,
            rows[column].take(hit).to_pylist(),
            batch[CHANNEL_COLUMNS[column]].take(hit).to_pylist(),
        )


def _learn_and_match(
    matcher: Matcher, batch: pa.RecordBatch, rows: pa.Table, rate: float
) -> tuple[np.ndarray, np.ndarray]:
    system = batch["system"]
    if matcher.reads_text and system.null_count < len(system):
        texts = system.drop_null().unique()
        sketch = sketch_texts(texts, rate=rate)
        hashes = hash_strings(texts).to_numpy()
        matcher.learn_systems(hashes, sketch.offsets, sketch.shingles.view(np.int64), rate=rate)
    return matcher.match_values(rows)


def _distinct(found: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Each (row, indicator) once, ascending."""
    pairs = np.stack([np.concatenate([f[k].astype(np.int64) for f in found]) for k in (0, 1)])
    row, indicator = np.unique(pairs, axis=1)
    return row, indicator.astype(np.int32)


def read_state(state: StateHistory, matcher: Matcher, *, first_file: int) -> Iterator[Piece]:
    """Every exchange that a state keeps, part by part.

    Raises:
        InputError: a part of it cannot be read.
    """
    try:
        for part in state.journal.parts:
            _learn_part(state, part, matcher)
        for part in state.journal.parts:
            yield from _read_part(state, part, matcher, first_file)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            f"a part of the state cannot be read ({error})",
            file=str(state.folder),
            hint="wait for the run that writes it, or hunt through its source",
        ) from error


def _learn_part(state: StateHistory, part: Part, matcher: Matcher) -> None:
    """Addresses and system prompts, which may stand in other parts than the exchanges that use them."""
    for batch in _batches(state, part, "values", ["channel", "value", "text"]):
        if matcher.reads_addresses:
            known = batch.filter(pc.equal(batch["channel"], "ip"))
            matcher.learn_addresses(known["value"].to_numpy(), known["text"].to_pylist())
        for column in sorted({c for c, _ in matcher.nameless}):
            known = batch.filter(pc.equal(batch["channel"], column))
            matcher.learn_names(column, known["value"].to_pylist(), known["text"].to_pylist())
    if matcher.reads_text:
        for batch in _batches(state, part, "systems", ["system", "shingles"]):
            offsets, shingles = _lists(batch["shingles"])
            matcher.learn_systems(batch["system"].to_numpy(), offsets, shingles, rate=state.rate)


def _read_part(state: StateHistory, part: Part, matcher: Matcher, first_file: int) -> Iterator[Piece]:
    names = _account_names(state, part)
    sketched, n_sampled = _match_part(state, part, matcher)
    for batch in _batches(state, part, "rows", None):
        rows = pa.Table.from_batches([batch])
        row, indicator = matcher.match_values(rows)
        also = _rows_of(rows["xid"].to_numpy(), sketched)
        row, indicator = _distinct([(row, indicator), also])
        hits = rows.take(pa.array(row))
        table = pa.table(
            [
                *(hits[c] for c in ("account", "xid", "at_us")),
                pa.array(indicator),
                pa.nulls(len(row), pa.string()),
                pc.add(hits["file"], first_file),
                hits["line"],
            ],
            schema=HITS,
        )
        yield Piece(
            account=rows["account"].to_numpy(),
            at_us=rows["at_us"].to_numpy(),
            hits=table,
            names=names,
            n_sampled=n_sampled,
        )
        names, n_sampled = {}, {}


def _match_part(
    state: StateHistory, part: Part, matcher: Matcher
) -> tuple[tuple[np.ndarray, np.ndarray], dict[int, int]]:
    """Ids and indicators of the part's sketched exchanges that hold a template; sketched exchanges by account.

    They are the part's own exchanges, so their rows are in the same part.
    """
    if not matcher.reads_text:
        return (np.zeros(0, np.int64), np.zeros(0, np.int32)), {}
    found: list[tuple[np.ndarray, np.ndarray]] = []
    sampled: dict[int, int] = {}
    for batch in _batches(state, part, "shingles", ["account", "xid", "system", "shingles"]):
        offsets, shingles = _lists(batch["shingles"])
        row, indicator = matcher.match_shingles(batch["system"], offsets, shingles, rate=state.rate)
        found.append((batch["xid"].to_numpy()[row], indicator))
        for account, n in zip(*np.unique(batch["account"].to_numpy(), return_counts=True), strict=True):
            sampled[int(account)] = sampled.get(int(account), 0) + int(n)
    xid = np.concatenate([np.zeros(0, np.int64), *(f[0] for f in found)])
    indicator = np.concatenate([np.zeros(0, np.int32), *(f[1] for f in found)])
    order = np.lexsort((indicator, xid))
    return (xid[order], indicator[order]), sampled


def _rows_of(xids: np.ndarray, sketched: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rows with the matched ids: an id may show several templates."""
    xid, indicator = sketched
    first, last = np.searchsorted(xid, xids, "left"), np.searchsorted(xid, xids, "right")
    times = last - first
    row = np.repeat(np.arange(len(xids)), times)
    index = ranges(first, times)
    return row, indicator[index]


def _account_names(state: StateHistory, part: Part) -> dict[int, str]:
    names: dict[int, str] = {}
    for batch in _batches(state, part, "values", ["channel", "value", "text"]):
        known = batch.filter(pc.equal(batch["channel"], "account"))
        names.update(zip(known["value"].to_pylist(), known["text"].to_pylist(), strict=True))
    return names


def _batches(
    state: StateHistory, part: Part, room: str, columns: list[str] | None
) -> Iterator[pa.RecordBatch]:
    if room in part.files and room in KINDS:
        file = pq.ParquetFile(state.folder / room / f"{part.name}.parquet")
        yield from file.iter_batches(_BATCH, columns=columns)


def _lists(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and values of a list column, from zero."""
    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), column.flatten().to_numpy()
