"""Where a world lies on disk: the log a detector may read, and the truth it may not.

A world is a folder as `hydrascope simulate` writes it: the exchange log as Parquet, `accounts.parquet`,
`events.parquet` and `truth.parquet`. A `Log` leaves the truth out, so that no detector can look at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from hydrascope.errors import InputError
from hydrascope.schema import ACCOUNTS, EXCHANGES, TIMESTAMP

__all__ = ["Log", "World", "read_log", "read_span", "read_world"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LOG_NAMES = ("exchanges", "log", "logs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What a detector is given."""

    exchanges: tuple[Path, ...]
    """Parquet files of the exchange log, sorted."""
    accounts: Path | None = None
    events: Path | None = None

    @property
    def sql(self) -> str:
        """The exchanges as a DuckDB relation; optional columns that the files lack read as null."""
        return relation([str(p) for p in self.exchanges], EXCHANGES)

    @property
    def accounts_sql(self) -> str:
        """The accounts as a DuckDB relation, empty where the operator keeps none."""
        return relation([str(self.accounts)] if self.accounts else [], ACCOUNTS)


def relation(files: Sequence[str], schema: pa.Schema) -> str:
    """A sub-query over Parquet files in which every text, number and flag of `schema` exists."""
    types = {pa.string(): "VARCHAR", pa.bool_(): "BOOLEAN", pa.int32(): "BIGINT", pa.int16(): "BIGINT"}
    types |= {pa.float32(): "DOUBLE", pa.int64(): "BIGINT", TIMESTAMP: "TIMESTAMPTZ"}
    nulls = ", ".join(f"NULL::{types[f.type]} AS {f.name}" for f in schema if f.type in types)
    if not files:
        return f"(SELECT {nulls} WHERE false)"
    return (
        f"(SELECT * FROM read_parquet({list(files)!r}, union_by_name = true)"
        f" UNION ALL BY NAME SELECT {nulls} WHERE false)"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A log together with its ground truth."""

    name: str
    log: Log
    truth: Path
    distilled: tuple[Path, ...] = ()
    """Parquet files (`exchange_id, campaign`) that say which exchanges a campaign meant to train on; none where nobody kept that."""


def read_log(folder: Path) -> Log:
    """Find the log, accounts and events of a world folder.

    Raises:
        InputError: the folder holds no Parquet exchange log.
    """
    exchanges = exchange_files(folder)
    if not exchanges:
        raise InputError(
            "no exchange log in this folder",
            file=str(folder),
            hint="expected exchanges.parquet or exchanges/*.parquet, as `hydrascope simulate` writes them",
        )
    return Log(
        exchanges=tuple(exchanges),
        accounts=existing(folder / "accounts.parquet"),
        events=existing(folder / "events.parquet"),
    )


def exchange_files(folder: Path) -> Sequence[Path]:
    """Parquet files of the log: a sub-folder or files whose name starts like one of `LOG_NAMES`."""
    for name in LOG_NAMES:
        found = sorted((folder / name).glob("**/*.parquet")) or sorted(folder.glob(f"{name}*.parquet"))
        if found:
            return found
    return []


def existing(path: Path) -> Path | None:
    """The path, or None where nothing is there."""
    return path if path.exists() else None


def read_world(folder: Path) -> World:
    """Read a world folder that has ground truth.

    Raises:
        InputError: the exchange log or `truth.parquet` is missing.
    """
    truth = folder / "truth.parquet"
    if not truth.exists():
        raise InputError(
            "this world has no truth.parquet",
            file=str(folder),
            hint="write one with `hydrascope simulate OUT --scenario NAME`",
        )
    distilled = tuple(sorted(folder.glob("truth_exchanges/*.parquet")))
    return World(name=folder.name, log=read_log(folder), truth=truth, distilled=distilled)


def read_span(log: Log) -> tuple[datetime, datetime]:
    """First and last `started_at` of the log, UTC.

    Raises:
        InputError: the log is empty.
    """
    span = f"SELECT epoch_us(min(started_at)), epoch_us(max(started_at)) FROM {log.sql}"
    first, last = duckdb.sql(span).fetchall()[0]
    if first is None:
        raise InputError("the exchange log is empty", file=str(log.exchanges[0]))
    return EPOCH + timedelta(microseconds=first), EPOCH + timedelta(microseconds=last)
