"""One call that scans rows, and what its findings say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from worlds import World, exchange_table

from hydrascope.pipeline import DetectSettings, ScanResult, ScanSettings, scan
from hydrascope.schema import ACCOUNTS, EVENTS

FAST = ScanSettings(detect=DetectSettings(null_draws=30))
"""Fewer random groups than usual: p-values are rougher, everything else is the same."""
FINDINGS = ("campaigns.parquet", "accounts.parquet", "links.parquet", "campaigns.json")
"""Files that must not differ in a byte between equal scans."""


def found(folder: Path) -> dict[str, bytes]:
    """The findings that must be equal, by file name."""
    return {name: (folder / name).read_bytes() for name in FINDINGS}


def accused(folder: Path) -> set[str]:
    """Accounts in campaigns whose verdict is distillation."""
    guilty = {c["campaign_id"] for c in campaigns(folder) if c["verdict"] == "distillation"}
    rows = pq.read_table(folder / "accounts.parquet").to_pylist()
    return {r["account_id"] for r in rows if r["campaign_id"] in guilty}


def campaigns(folder: Path) -> list[dict[str, Any]]:
    """The rows of campaigns.parquet."""
    return pq.read_table(folder / "campaigns.parquet").to_pylist()


def documents(folder: Path) -> list[dict[str, Any]]:
    """The campaigns of campaigns.json."""
    return json.loads((folder / "campaigns.json").read_text(encoding="utf-8"))["campaigns"]


def rejects(folder: Path) -> list[dict[str, Any]]:
    """The records of rejects.jsonl."""
    return [json.loads(line) for line in (folder / "rejects.jsonl").read_text().splitlines()]


def scan_paths(paths: list[Path], out: Path, side: Path | None = None, **changed: Any) -> ScanResult:
    """Scan files beside the accounts and events tables of the folder `side`."""
    settings = replace(FAST, **{k: v for k, v in changed.items() if k in ScanSettings.__slots__})
    others = {k: v for k, v in changed.items() if k not in ScanSettings.__slots__}
    tables = {}
    for name in ("accounts", "events"):
        if side is not None and (side / f"{name}.parquet").exists():
            tables[name] = str(side / f"{name}.parquet")
    return scan([str(p) for p in paths], out, settings=settings, **tables, **others)


def scan_world(world: World, folder: Path, *, drop: frozenset[str] = frozenset(), **changed: Any) -> Path:
    """Scan a world without some columns (`accounts.plan` names a column of the accounts table); its findings folder."""
    folder.mkdir(parents=True, exist_ok=True)
    table = exchange_table(world.exchanges)
    pq.write_table(table.drop_columns([n for n in table.column_names if n in drop]), folder / "log.parquet")
    for name, rows, schema in (("accounts", world.accounts, ACCOUNTS), ("events", world.events, EVENTS)):
        if name not in drop:
            side = pa.Table.from_pylist(rows, schema=schema)
            lost = [n for n in side.column_names if f"{name}.{n}" in drop]
            pq.write_table(side.drop_columns(lost), folder / f"{name}.parquet")
    scan_paths([folder / "log.parquet"], folder / "findings", folder, **changed)
    return folder / "findings"
