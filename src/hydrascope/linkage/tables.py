"""Tables of (account, channel, value) rows in files: read and coded, so that row order cannot matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hydrascope.errors import InputError, SchemaError, nearest
from hydrascope.linkage.incidence import Incidence, incidence_from_rows
from hydrascope.linkage.naming import name_channels

__all__ = ["CodedTable", "code_table", "read_table"]

COLUMNS = {"account": ("account", "account_id"), "channel": ("channel",), "value": ("value",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedTable:
    """An incidence, and what its codes stand for."""

    incidence: Incidence
    accounts: pa.Array
    """Account of each code, typed as in the input, sorted."""
    values: pa.Array
    """Value of each code, over all channels."""
    n_rows: int
    n_skipped: int
    """Rows with a null, or an empty value, in one of the three columns."""

    def account_code(self, account: str) -> int | None:
        """Code of an account as typed by a person; None where there is none."""
        found = np.flatnonzero(pc.equal(pc.cast(self.accounts, pa.string()), account).to_numpy(False))
        return int(found[0]) if len(found) else None


def read_table(path: Path) -> pa.Table:
    """The account, channel and value columns of a Parquet, CSV or JSON lines file (the last two also .gz, .zst).

    Raises:
        InputError: the file is missing or cannot be read.
        SchemaError: a column is missing.
    """
    if not path.exists():
        raise InputError("no such file", file=str(path), hint="check the path")
    suffixes = [s.lower() for s in path.suffixes]
    try:
        table = read_by_suffix(path, suffixes)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot be read: {error}", file=str(path), hint="is it the format its name says?"
        ) from error
    return pick_columns(table, path)


def read_by_suffix(path: Path, suffixes: list[str]) -> pa.Table:
    """The file as its name says."""
    if path.is_dir() or ".parquet" in suffixes or ".pq" in suffixes:
        return pq.read_table(path)
    if ".csv" in suffixes:
        with pa.input_stream(str(path), compression="detect") as stream:
            return pa_csv.read_csv(stream)
    if {".jsonl", ".ndjson", ".json"} & set(suffixes):
        with pa.input_stream(str(path), compression="detect") as stream:
            return pa_json.read_json(stream)
    raise InputError(
        "unknown kind of file", file=str(path), hint="known: .parquet, .csv, .jsonl (and .gz, .zst)"
    )


def pick_columns(table: pa.Table, path: Path) -> pa.Table:
    """The three columns under their own names."""
    picked = []
    for name, aliases in COLUMNS.items():
        found = [a for a in aliases if a in table.column_names]
        if not found:
            hint = nearest(name, table.column_names)
            raise SchemaError(
                f"has no column '{name}'", file=str(path), hint=f"{hint} (needs account, channel, value)"
            )
        column = table.column(found[0])
        if pa.types.is_nested(column.type):
            raise SchemaError(
                f"column '{found[0]}' is nested", file=str(path), hint="write one row for each value"
            )
        picked.append(column)
    return pa.table(picked, names=list(COLUMNS))


def code_table(table: pa.Table, families: Mapping[str, str]) -> CodedTable:
    """Codes a table read by `read_table`.

    Args:
        table: columns account, channel and value.
        families: channel to family, where one is asked for.

    Raises:
        UsageError: a family is given for a channel that the table does not have.
        SchemaError: nothing is left to link.
    """
    complete = table.filter(complete_rows(table))
    if not complete.num_rows:
        raise SchemaError("no row has an account, a channel and a value", hint="are the columns filled?")
    account, accounts = coded(complete.column("account"))
    value, values = coded(complete.column("value"))
    channel, names = coded(pc.cast(complete.column("channel"), pa.string()))
    incidence = incidence_from_rows(
        account,
        channel.astype(np.int16),
        value,
        n_accounts=len(accounts),
        channels=name_channels(names.to_pylist(), families),
    )
    return CodedTable(
        incidence=incidence,
        accounts=accounts,
        values=values,
        n_rows=table.num_rows,
        n_skipped=table.num_rows - complete.num_rows,
    )


def complete_rows(table: pa.Table) -> pa.ChunkedArray:
    """Which rows have all three, none of them an empty string."""
    mask = None
    for column in table.columns:
        filled = pc.is_valid(column)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            filled = pc.and_(filled, pc.fill_null(pc.not_equal(column, ""), False))
        mask = filled if mask is None else pc.and_(mask, filled)
    return mask


def coded(column: Any) -> tuple[NDArray[np.int64], pa.Array]:
    """Codes in sorted order of the distinct values, and the values."""
    encoded = pc.dictionary_encode(column).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    order = pc.array_sort_indices(encoded.dictionary)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order.to_numpy()] = np.arange(len(order))
    return rank[encoded.indices.to_numpy(zero_copy_only=False)], encoded.dictionary.take(order)
