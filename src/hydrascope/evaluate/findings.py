"""A findings folder, read and written: the two tables of the contract that a score needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope.errors import FindingsError
from hydrascope.schema import FINDINGS_ACCOUNTS, FINDINGS_CAMPAIGNS

__all__ = ["Findings", "read_findings", "write_findings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a detector says of a log."""

    accounts: pa.Table
    """`schema.FINDINGS_ACCOUNTS`, one row for every account of the log."""
    campaigns: pa.Table
    """`schema.FINDINGS_CAMPAIGNS`."""


def read_findings(folder: Path) -> Findings:
    """Read `accounts.parquet` and `campaigns.parquet`.

    Raises:
        FindingsError: the folder, or one of the files, is missing or lacks a column.
    """
    return Findings(
        accounts=read_table(folder / "accounts.parquet", FINDINGS_ACCOUNTS, ("account_id", "campaign_id")),
        campaigns=read_table(folder / "campaigns.parquet", FINDINGS_CAMPAIGNS, ("campaign_id", "verdict")),
    )


def read_table(path: Path, schema: pa.Schema, needed: Sequence[str]) -> pa.Table:
    """One table in the order of `schema`; an optional column that is absent reads as null."""
    if not path.exists():
        raise FindingsError(
            f"no {path.name} in this findings folder",
            file=str(path.parent),
            hint="write one with `hydrascope scan LOG... --out DIR`",
        )
    table = pq.read_table(path)
    for name in needed:
        if name not in table.column_names:
            raise FindingsError(f"column {name!r} is missing", file=str(path))
    columns = [
        table[f.name].cast(f.type) if f.name in table.column_names else pa.nulls(len(table), f.type)
        for f in schema
    ]
    return pa.table(columns, schema=schema)


def write_findings(findings: Findings, folder: Path) -> Path:
    """Write both tables into `folder`, which is made where it does not exist, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(findings.accounts, folder / "accounts.parquet")
    pq.write_table(findings.campaigns, folder / "campaigns.parquet")
    return folder
