"""A hunt's folder: who matched, since when, what that is worth, and which campaigns they are known from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope import __version__
from hydrascope.campaigns.findings import iso
from hydrascope.ingest import Rejects
from hydrascope.pipeline.hunt.hunt import HuntResult, HuntSettings, Known, Match

__all__ = ["NOTE", "describe_hunt", "write_hunt"]

NOTE = "A match is not a verdict: it says who shows an indicator and how rare that is, not who runs an account or why."
_MOST_LEADS = 100
_VERSION = 1
_ACCOUNTS = pa.schema(
    [
        ("account_id", pa.string()),
        ("campaign_id", pa.string()),
        ("bits", pa.float64()),
        ("families", pa.map_(pa.string(), pa.float64())),
        ("n_exchanges", pa.int64()),
        ("n_matched", pa.int64()),
        ("first_matched", pa.timestamp("us", tz="UTC")),
        ("last_matched", pa.timestamp("us", tz="UTC")),
        ("indicators", pa.list_(pa.int32())),
    ]
)


def write_hunt(
    out: Path, result: HuntResult, known: Known, settings: HuntSettings, rejects: Rejects
) -> dict[str, Any]:
    """Write hunt.json, the two tables and the manifest, each replaced whole; what hunt.json says."""
    out.mkdir(parents=True, exist_ok=True)
    document = describe_hunt(result, known)
    _write_table(out / "hunt_accounts.parquet", _account_table(result, known))
    _write_table(out / "hunt_exchanges.parquet", _exchange_table(result))
    _write_text(out / "hunt.json", document)
    rejects.write(out / "rejects.jsonl")
    manifest = {
        "hydrascope": __version__,
        "version": _VERSION,
        "kind": "hunt",
        "settings": {"coverage": settings.coverage, "most_exchanges": settings.most_exchanges},
        "inputs": list(result.inputs),
        "known_run": known.memory.run or None,
        "like": known.like,
        "exchanges": document["exchanges"],
        "accounts": document["accounts"],
        "first_seen": document["first_seen"],
        "last_seen": document["last_seen"],
        "rejects": rejects.counts,
        "warnings": rejects.warnings,
    }
    _write_text(out / "manifest.json", manifest)
    return document


def describe_hunt(result: HuntResult, known: Known) -> dict[str, Any]:
    """The hunt as hunt.json has it."""
    campaign_of = known.campaign_of
    matched = sorted({m.account for m in result.matches})
    n, k = len(result.account_id), max(sum(a in known.members for a in result.account_id), 1)
    return {
        "version": _VERSION,
        "note": NOTE,
        "like": known.like,
        "exchanges": int(result.n_exchanges.sum()),
        "accounts": n,
        "accounts_matched": len(matched),
        "accounts_matched_in_no_campaign": sum(result.account_id[a] not in campaign_of for a in matched),
        "first_seen": iso(result.first_us),
        "last_seen": iso(result.last_us),
        "templates_sampled": result.sampled and any(h.column == "template" for h in result.indicators),
        "bits_for_even_odds": round(float(np.log2(max(n - k, 1) / k)), 1),
        "indicators": _indicators(result),
        "campaigns": _campaigns(result, known),
        "leads": _leads(result, campaign_of),
    }


def _indicators(result: HuntResult) -> list[dict[str, Any]]:
    told = []
    by_indicator: dict[int, list[Match]] = {}
    for m in result.matches:
        by_indicator.setdefault(m.indicator, []).append(m)
    for i, (h, w) in enumerate(zip(result.indicators, result.worth, strict=True)):
        mine = by_indicator.get(i, [])
        told.append(
            {
                "indicator": i,
                "kind": h.kind,
                "value": h.text,
                "label": h.label,
                "family": h.family or None,
                "n_accounts": w.n_accounts,
                "n_members": w.n_members,
                "n_exchanges": sum(m.n_exchanges for m in mine),
                "first_seen": iso(min(m.first_us for m in mine)) if mine else None,
                "last_seen": iso(max(m.last_us for m in mine)) if mine else None,
                "base_rate": float(f"{w.base_rate:.3g}"),
                "bits": round(w.bits, 2),
                "at_most": w.at_most,
                "sentence": _sentence(result, i),
            }
        )
    return told


def _sentence(result: HuntResult, i: int) -> str:
    h, w, n = result.indicators[i], result.worth[i], len(result.account_id)
    if not w.n_accounts:
        return f"No account of {n:,} shows {h.label}."
    rate = f"one stranger in {1 / w.base_rate:,.0f}" if w.base_rate < 0.5 else "most strangers"
    bound = "at most " if w.at_most else ""
    return (
        f"{w.n_accounts:,} of {n:,} accounts show {h.label}; {rate} does, so a match by itself is worth "
        f"{bound}{w.bits:.1f} bits."
    )


def _campaigns(result: HuntResult, known: Known) -> list[dict[str, Any]]:
    """Known campaigns with a matching account, most matches first."""
    campaign_of, tracks = known.campaign_of, {t.campaign_id: t for t in known.memory.tracks}
    held: dict[str, set[int]] = {}
    shown: dict[str, set[int]] = {}
    for m in result.matches:
        name = campaign_of.get(result.account_id[m.account])
        if name is not None:
            held.setdefault(name, set()).add(m.account)
            shown.setdefault(name, set()).add(m.indicator)
    return [
        {
            "campaign_id": name,
            "title": tracks[name].title,
            "verdict": tracks[name].verdict,
            "n_accounts": len(tracks[name].portrait.members),
            "n_matched": len(held[name]),
            "indicators": sorted(shown[name]),
        }
        for name in sorted(held, key=lambda c: (-len(held[c]), c))
    ]


def _leads(result: HuntResult, campaign_of: Mapping[str, str]) -> list[dict[str, Any]]:
    """Matching accounts of no known campaign, most bits first."""
    by_account: dict[int, list[int]] = {}
    first: dict[int, int] = {}
    for m in result.matches:
        by_account.setdefault(m.account, []).append(m.indicator)
        first[m.account] = min(first.get(m.account, m.first_us), m.first_us)
    leads = [a for a in by_account if result.account_id[a] not in campaign_of]
    leads.sort(key=lambda a: (-result.bits[a], -result.n_matched[a], result.account_id[a]))
    return [
        {
            "account_id": result.account_id[a],
            "bits": round(float(result.bits[a]), 2),
            "n_exchanges": int(result.n_exchanges[a]),
            "n_matched": int(result.n_matched[a]),
            "first_matched": iso(first[a]),
            "indicators": by_account[a],
        }
        for a in leads[:_MOST_LEADS]
    ]


def _account_table(result: HuntResult, known: Known) -> pa.Table:
    campaign_of = known.campaign_of
    rows: dict[int, dict[str, Any]] = {}
    for m in result.matches:
        a = m.account
        row = rows.setdefault(
            a,
            {
                "account_id": result.account_id[a],
                "campaign_id": campaign_of.get(result.account_id[a]),
                "bits": round(float(result.bits[a]), 3),
                "families": [(f, round(float(b[a]), 2)) for f, b in result.families.items() if b[a] > 0],
                "n_exchanges": int(result.n_exchanges[a]),
                "n_matched": int(result.n_matched[a]),
                "first_matched": m.first_us,
                "last_matched": m.last_us,
                "indicators": [],
            },
        )
        row["first_matched"] = min(row["first_matched"], m.first_us)
        row["last_matched"] = max(row["last_matched"], m.last_us)
        row["indicators"].append(m.indicator)
    return pa.Table.from_pylist([rows[a] for a in sorted(rows)], schema=_ACCOUNTS)


def _exchange_table(result: HuntResult) -> pa.Table:
    rows = result.exchanges
    files = pa.array(result.files, pa.string())
    return pa.table(
        {
            "account_id": rows["account_id"],
            "indicator": rows["indicator"],
            "started_at": rows["at_us"].cast(pa.timestamp("us", tz="UTC")),
            "exchange_id": rows["exchange_id"],
            "file": files.take(rows["file"].combine_chunks()),
            "line": rows["line"],
        }
    )


def _write_table(path: Path, table: pa.Table) -> None:
    partial = path.with_suffix(".partial")
    pq.write_table(table, partial, compression="zstd")
    partial.replace(path)


def _write_text(path: Path, document: Mapping[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(
        json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8"
    )
    partial.replace(path)
