"""One part of the log becomes one set of Parquet files, in bounded memory.

The samples keep, for each account, the exchanges whose hashed ids are smallest. A part cannot know how many
exchanges an account will have in all, so it keeps a superset that holds the final sample with near certainty:
row i of an account survives if its rank is below `slack * keep / i`, and the number of later survivors below
the final cut is Poisson(slack * keep). The exact cut is made in SQL (features.content, features.surroundings).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.features.observed import (
    CHANNEL_COLUMNS,
    PASSAGES,
    SHINGLES,
    SYSTEMS,
    TEXTS,
    VALUES,
    ObservedBatch,
    observe_exchanges,
)
from hydrascope.features.sample_cuts import PartCuts, SampleCuts
from hydrascope.kernels.ranges import ranges
from hydrascope.kernels.seen import SeenValues, Tally
from hydrascope.kernels.strings import hash_strings
from hydrascope.sketch import RATE, find_passages, sketch_texts

__all__ = ["KINDS", "SHINGLE_GROUP_ROWS", "ObserveSettings", "PartObserver"]

KINDS = ("rows", "shingles", "texts", "systems", "values", "passages")
_COMPRESSION = {"rows": "lz4", "shingles": "none"}
"""Rows are read a dozen times, and sampled hashes are random numbers, which nothing makes smaller."""
_HELD_BYTES = 64 << 20
"""Shingles are held up to this size, put in order of accounts, and written."""
SHINGLE_GROUP_ROWS = 8_192
"""Exchanges to a row group of shingles: few accounts each, so that who wants some accounts reads few of them."""
_RANK_SPAN = float(2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserveSettings:
    """What is sampled of each account."""

    rate: float = RATE
    """Share of shingles kept (docs/design: content)."""
    n_sketched: int = 96
    """Exchanges per account whose shingles are kept."""
    n_texts: int = 4
    """Exchanges per account whose text is kept, for the analyst and the labels."""
    text_chars: int = 2_000
    """Most characters of a kept text."""
    keep_text: bool = True
    """False where no text may be kept at all; templates are then shown as hashes."""


class _Quota:
    """Which rows of a part may still belong to the `keep` lowest-ranked of their account.

    Args:
        keep: exchanges kept of an account.
        slack: how many times more a part keeps.
        cuts: the highest ranks that can belong, where that is known beforehand.
    """

    def __init__(self, keep: int, slack: float, cuts: SampleCuts | None = None) -> None:
        self._budget = keep * slack
        self._seen = Tally()
        self._cuts = cuts

    def admit(self, accounts: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        admitted: np.ndarray = ranks < self._budget / self._seen.count(accounts) * _RANK_SPAN
        return admitted if self._cuts is None else admitted & (ranks <= self._cuts.highest(accounts))


@dataclass(slots=True)
class _Known:
    """Values already written by this part, per channel."""

    seen: dict[str, SeenValues] = field(default_factory=dict)

    def fresh(self, channel: str, values: np.ndarray) -> np.ndarray:
        """Positions of the first occurrence of each value not seen before."""
        return self.seen.setdefault(channel, SeenValues()).fresh(values)


class PartObserver:
    """Observes the batches of one part and writes its files on leaving the context.

    Files are written as `KIND/NAME.parquet` under `folder`, first with a `.partial` suffix, so a part is
    either whole or absent.
    """

    def __init__(
        self, folder: Path, name: str, settings: ObserveSettings, cuts: PartCuts | None = None
    ) -> None:
        self._folder, self._name, self._settings = folder, name, settings
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._held: list[pa.Table] = []
        self._sketched = _Quota(settings.n_sketched, 2.0, cuts.sketched if cuts else None)
        self._texts = _Quota(settings.n_texts, 6.0, cuts.texts if cuts else None)
        self._values = _Known()
        self.n_rows = 0

    def __enter__(self) -> PartObserver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._write_held()
        finally:
            for writer in self._writers.values():
                writer.close()
        if kind is None:
            for room in KINDS:
                partial = self._path(room, ".partial")
                if partial.exists():
                    partial.replace(self._path(room, ".parquet"))

    def observe(self, batch: pa.RecordBatch) -> None:
        """Take in one batch of exchanges."""
        observed = observe_exchanges(batch, rate=self._settings.rate, select=self._sketched.admit)
        self.n_rows += len(batch)
        self._write("rows", observed.rows)
        self._write_shingles(observed)
        if self._settings.keep_text:
            self._write_texts(observed)
        self._write_systems(observed)
        self._write_values(observed)
        self._write_passages(observed)

    def _path(self, room: str, suffix: str) -> Path:
        return self._folder / room / (self._name + suffix)

    def _write_held(self) -> None:
        """The shingles gathered so far, in order of accounts."""
        if self._held:
            self._write("shingles", pa.concat_tables(self._held).sort_by("account"), SHINGLE_GROUP_ROWS)
            self._held = []

    def _write(self, room: str, table: pa.Table, group_rows: int | None = None) -> None:
        if room not in self._writers:
            path = self._path(room, ".partial")
            path.parent.mkdir(parents=True, exist_ok=True)
            kind = _COMPRESSION.get(room, "zstd")
            self._writers[room] = pq.ParquetWriter(
                path,
                table.schema,
                compression=kind,
                compression_level=1 if kind == "zstd" else None,
                write_statistics=kind != "none" or ["account"],
                # DuckDB 2.0 can fail an internal check on dictionary pages of several files in one join.
                use_dictionary=False,
            )
        self._writers[room].write_table(table, row_group_size=group_rows)

    def _write_shingles(self, observed: ObservedBatch) -> None:
        assert observed.chosen is not None
        chosen = np.flatnonzero(observed.chosen)
        sketch = observed.sketch
        lengths = (sketch.offsets[1:] - sketch.offsets[:-1])[chosen]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        flat = ranges(sketch.offsets[chosen], lengths)
        lists = pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()), pa.array(sketch.shingles[flat].view(np.int64))
        )
        rows = observed.rows.select(["account", "xid", "system", "file", "line"]).take(pa.array(chosen))
        columns = [rows["account"], rows["xid"], pa.array(observed.rank[chosen]), rows["system"], lists]
        self._held.append(pa.table([*columns, rows["file"], rows["line"]], schema=SHINGLES))
        if sum(table.nbytes for table in self._held) >= _HELD_BYTES:
            self._write_held()

    def _write_texts(self, observed: ObservedBatch) -> None:
        accounts = observed.rows["account"].to_numpy()
        has_text = np.flatnonzero(pc.is_valid(observed.batch["prompt"]).to_numpy(zero_copy_only=False))
        admitted = self._texts.admit(accounts[has_text], observed.rank[has_text])
        chosen = pa.array(has_text[admitted])
        rows = observed.rows.select(["account", "xid", "system", "file", "line"]).take(chosen)
        text = pc.utf8_slice_codeunits(observed.batch["prompt"].take(chosen), 0, self._settings.text_chars)
        ids = observed.batch["exchange_id"].take(chosen)
        rank = pa.array(observed.rank).take(chosen)
        place = rows["file"], rows["line"]
        columns = [rows["account"], rows["xid"], rank, ids, rows["system"], text, *place]
        self._write("texts", pa.table(columns, schema=TEXTS))

    def _write_systems(self, observed: ObservedBatch) -> None:
        column = observed.batch["system"]
        if column.null_count == len(column):
            return
        values = observed.rows["system"].combine_chunks()
        valid = np.flatnonzero(pc.is_valid(values).to_numpy(zero_copy_only=False))
        fresh = self._values.fresh("system", values.take(pa.array(valid)).to_numpy())
        if not len(fresh):
            return
        chosen = pa.array(valid[fresh])
        texts = column.take(chosen)
        sketch = sketch_texts(texts, rate=self._settings.rate)
        lists = pa.ListArray.from_arrays(
            pa.array(sketch.offsets, pa.int32()), pa.array(sketch.shingles.view(np.int64))
        )
        kept = (
            pc.utf8_slice_codeunits(texts, 0, self._settings.text_chars)
            if self._settings.keep_text
            else pa.nulls(len(texts), pa.string())
        )
        self._write(
            "systems", pa.table([values.take(chosen), pa.array(sketch.n_words), kept, lists], schema=SYSTEMS)
        )

    def _write_values(self, observed: ObservedBatch) -> None:
        tables = [self._fresh_values(observed, "account", "account_id")]
        tables += [self._fresh_values(observed, n, c) for n, c in CHANNEL_COLUMNS.items()]
        tables = [t for t in tables if t is not None]
        if tables:
            self._write("values", pa.concat_tables(tables))

    def _write_passages(self, observed: ObservedBatch) -> None:
        """Of exchanges whose answer is in the log: what was answered, and what was asked."""
        batch = observed.batch
        answers, seals = batch["completion"], (batch["sent_signatures"], batch["signatures"])
        if all(column.null_count == len(batch) for column in (answers, *seals)):
            return
        answered = pc.is_valid(answers).to_numpy(zero_copy_only=False)
        for answer, (texts, sealed) in enumerate(zip((batch["prompt"], answers), seals, strict=True)):
            row, passages = _known_again(texts, answered, sealed)
            of = observed.rows.select(["account", "xid", "at_us", "file", "line"]).take(pa.array(row))
            kind = pa.array(np.full(len(row), answer, np.int8))
            leads = pa.array((np.diff(row, prepend=-1) != 0).astype(np.int8))
            columns = [of["account"], of["xid"], of["at_us"], kind, leads, pa.array(passages)]
            self._write("passages", pa.table([*columns, of["file"], of["line"]], schema=PASSAGES))

    def _fresh_values(self, observed: ObservedBatch, channel: str, column: str) -> pa.Table | None:
        texts = observed.batch[column]
        if texts.null_count == len(texts):
            return None
        hashes = observed.rows[channel].combine_chunks()
        valid = None
        if hashes.null_count:
            valid = np.flatnonzero(pc.is_valid(hashes).to_numpy(zero_copy_only=False))
        fresh = self._values.fresh(
            channel, (hashes if valid is None else hashes.take(pa.array(valid))).to_numpy()
        )
        if not len(fresh):
            return None
        chosen = pa.array(fresh if valid is None else valid[fresh])
        return pa.table(
            [pa.array([channel] * len(chosen)), hashes.take(chosen), texts.take(chosen)], schema=VALUES
        )


def _known_again(texts: pa.Array, select: np.ndarray, sealed: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Rows, ascending, and int64 hashes of what they are known by elsewhere: sampled passages, and all signatures."""
    bounds, passages = find_passages(texts, select=select)
    row, found = np.repeat(np.arange(len(texts)), np.diff(bounds)), passages.view(np.int64)
    if sealed.null_count == len(sealed):
        return row, found
    seals = hash_strings(sealed.flatten())
    known = pc.is_valid(seals).to_numpy(zero_copy_only=False)
    row = np.concatenate([row, pc.list_parent_indices(sealed).to_numpy()[known]])
    found = np.concatenate([found, seals.drop_null().to_numpy()])
    order = np.argsort(row, kind="stable")
    return row[order], found[order]
