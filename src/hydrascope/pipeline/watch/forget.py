"""Parts are rewritten without what must go, or as one: the old and the new change places in the journal at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.features.observer import KINDS, SHINGLE_GROUP_ROWS, ObserveSettings
from hydrascope.kernels.strings import hash_strings
from hydrascope.pipeline.watch.journal import Part
from hydrascope.pipeline.watch.state import State

__all__ = ["delete_account", "merge_parts", "retain_since"]

MERGE_AT = 32
"""As many parts of one tier become one of the next."""
MERGE_ROWS = 2_000_000
"""Most exchanges of a merged part: some 400 MB of rows while it is written."""
_SAMPLE_SLACK = 2
"""A merged part keeps so many times the final sample, so that deletions leave enough."""

_Tables = dict[str, pa.Table]


def delete_account(state: State, account_id: str) -> int:
    """Remove all that the state holds of one account; the exchanges removed.

    Values (addresses, user agents, system prompts) that only this account used in a part go with it. Older
    snapshots go too. Landed files are not read again, so the account comes back only with new files.
    """
    account = hash_strings(pa.array([account_id]))[0]
    return _rewrite(
        state, lambda part: True, lambda rows: pc.not_equal(rows["account"], account), account=account.as_py()
    )


def retain_since(state: State, at_us: int) -> int:
    """Remove exchanges that began before `at_us` (microseconds since 1970); the exchanges removed."""
    limit = pa.scalar(at_us, pa.int64())
    return _rewrite(
        state,
        lambda part: 0 <= part.first_us < at_us,
        lambda rows: pc.greater_equal(rows["at_us"], limit),
        account=None,
    )


def merge_parts(state: State, *, at: int = MERGE_AT, most: int = MERGE_ROWS) -> int:
    """Join parts of one tier to one where there are `at` of them, so that a year of minutes is not half a million files.

    A row is rewritten once a tier, and no part grows beyond `most` exchanges, so that a merge never holds up a
    tick for longer than that many rows take. Returns the number of parts joined.
    """
    merged = 0
    for tier, exported in itertools.product(range(8), (True, False)):
        alike = [p for p in state.journal.parts if (p.tier, p.exported) == (tier, exported)]
        group = _mergeable(alike, at, most)
        if not group:
            continue
        name = state.fresh_name()
        for room in KINDS:  # one at a time: together they may not fit in memory
            held = [_read(state, room, p) for p in group if room in p.files]
            if held:
                _write(state, name, {room: _trimmed(room, pa.concat_tables(held), state.settings)})
        _join_rejects(state, group, name)
        state.commit(add=[state.describe(name, tier + 1, exported=exported)], remove=[p.name for p in group])
        merged += len(group)
    return merged


def _mergeable(parts: Sequence[Part], at: int, most: int) -> list[Part]:
    """The oldest parts that fit into one, where enough small ones have come together; else none."""
    small = [p for p in parts if p.n_exchanges <= most // 2]
    if len(small) < at:
        return []
    sizes = itertools.accumulate(p.n_exchanges for p in small)
    return [p for p, size in zip(small, sizes, strict=True) if size <= most]


def _rewrite(
    state: State, concerned: Callable[[Part], bool], keep: Callable[[pa.Table], Any], *, account: int | None
) -> int:
    removed = 0
    added: list[Part] = []
    gone: list[str] = []
    for part in [p for p in state.journal.parts if concerned(p) and "rows" in p.files]:
        rows = _read(state, "rows", part)
        kept = rows.filter(keep(rows))
        if len(kept) == len(rows):
            continue
        name = state.fresh_name(len(added))
        _write(state, name, _remaining(state, part, kept, account))
        _join_rejects(state, [part], name)
        added.append(state.describe(name, part.tier, exported=part.exported))
        gone.append(part.name)
        removed += len(rows) - len(kept)
    if gone:
        state.commit(add=added, remove=gone)
        state.publish(only=True)
    return removed


def _remaining(state: State, part: Part, rows: pa.Table, account: int | None) -> _Tables:
    """The part's tables, less what no remaining row refers to."""
    tables = {"rows": rows}
    for room in ("shingles", "texts", "passages"):
        if room in part.files:
            table = _read(state, room, part)
            known = pc.is_in(table["xid"], value_set=rows["xid"].combine_chunks())
            if account is not None:  # another account may have claimed the same exchange id
                known = pc.and_(known, pc.not_equal(table["account"], pa.scalar(account, pa.int64())))
            tables[room] = table.filter(known)
    if "systems" in part.files:
        table = _read(state, "systems", part)
        tables["systems"] = table.filter(pc.is_in(table["system"], value_set=rows["system"].combine_chunks()))
    if "values" in part.files:
        tables["values"] = _used_values(_read(state, "values", part), rows)
    return tables


def _used_values(values: pa.Table, rows: pa.Table) -> pa.Table:
    used = np.zeros(len(values), bool)
    channel = values["channel"]
    for name in pc.unique(channel).to_pylist():
        of_channel = pc.equal(channel, name)
        known = pc.is_in(values["value"], value_set=rows[name].combine_chunks())
        used |= pc.and_(of_channel, known).to_numpy(zero_copy_only=False)
    return values.filter(pa.array(used))


def _trimmed(room: str, table: pa.Table, settings: ObserveSettings) -> pa.Table:
    """Samples keep the lowest ranks of each account, values and system prompts are kept once."""
    if room == "shingles":
        return _lowest(table, settings.n_sketched * _SAMPLE_SLACK)
    if room == "texts":
        return _lowest(table, settings.n_texts * _SAMPLE_SLACK)
    keys = {"values": ["channel", "value"], "systems": ["system"]}
    return _once(table, keys[room]) if room in keys else table


def _lowest(table: pa.Table, keep: int) -> pa.Table:
    """Of each account, its `keep` lowest-ranked rows, in order of accounts."""
    account, rank = table["account"].to_numpy(), table["rank"].to_numpy()
    order = np.lexsort((rank, account))
    starts = np.flatnonzero(np.diff(account[order], prepend=account[order][:1] - 1)) if len(order) else order
    lengths = np.diff(np.append(starts, len(order)))
    position = np.arange(len(order)) - np.repeat(starts, lengths)
    return table.take(pa.array(order[position < keep]))


def _once(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    numbered = table.select(list(keys)).append_column("row", pa.array(np.arange(len(table))))
    first = numbered.group_by(list(keys)).aggregate([("row", "min")])["row_min"]
    return table.take(pa.array(np.sort(first.to_numpy())))


def _read(state: State, room: str, part: Part) -> pa.Table:
    return pq.read_table(state.verify(part, room))


def _write(state: State, name: str, tables: _Tables) -> None:
    for room, table in tables.items():
        path = state.folder / room / f"{name}.parquet"
        partial = path.with_suffix(".partial")
        rows = SHINGLE_GROUP_ROWS if room == "shingles" else None
        pq.write_table(table, partial, compression="zstd", row_group_size=rows)
        partial.replace(path)


def _join_rejects(state: State, parts: Sequence[Part], name: str) -> None:
    rejects: list[Any] = []
    warnings: dict[str, int] = {}
    for part in parts:
        if "rejects" in part.files:
            kept = msgspec.json.decode(_rejects(state.folder, part.name).read_bytes())
            rejects += kept["rejects"]
            for warning, n in kept["warnings"].items():
                warnings[warning] = warnings.get(warning, 0) + n
    path = _rejects(state.folder, name)
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode({"rejects": rejects, "warnings": warnings}))
    partial.replace(path)


def _rejects(folder: Path, name: str) -> Path:
    return folder / "rejects" / f"{name}.json"
