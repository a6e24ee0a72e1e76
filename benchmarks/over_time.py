"""Whether campaigns keep their ids while a log grows: one world, scanned again and again with --previous.

    python benchmarks/over_time.py WORLD --looks 5,9,13,17,21 [--out DIR]

WORLD is a folder that `hydrascope simulate` wrote. Each look scans the first so many days and goes on from the look
before. The first table is what each look reported, the second the campaign that holds most accounts of each true one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from hydrascope.pipeline import scan


def main() -> None:
    """Scan, print."""
    asked = _arguments()
    out = asked.out or Path(tempfile.mkdtemp(prefix="hydrascope-over-time-"))
    looks = [int(n) for n in asked.looks.split(",")]
    truth = pq.read_table(asked.world / "truth.parquet").to_pylist()
    true = {r["account_id"]: r["campaign"] for r in truth if r["campaign"] is not None}
    print(
        f"{'days':>5} {'reported':>9} {'new':>5} {'again':>6} {'enforceable':>12} {'tests':>6} {'passed':>7}"
    )
    seen: dict[str, list[str]] = {}
    previous: Path | None = None
    for number, days in enumerate(looks):
        folder = out / f"look-{days:03d}"
        _scan(asked.world, days, folder, previous)
        found = json.loads((folder / "campaigns.json").read_text())["campaigns"]
        print(_row(days, found, json.loads((folder / "manifest.json").read_text())))
        for name, told in _holders(found, true):
            seen.setdefault(name, ["-"] * number).append(told)
        for told in seen.values():
            told += ["-"] * (number + 1 - len(told))
        previous = folder
    for name, told in sorted(seen.items()):
        print(f"{name}: {', '.join(told)}")


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("world", type=Path)
    parser.add_argument("--looks", default="5,9,13,17,21")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def _scan(world: Path, days: int, folder: Path, previous: Path | None) -> None:
    files = sorted((world / "exchanges").glob("*.parquet"))[:days]
    scan(
        [str(f) for f in files],
        folder,
        accounts=str(world / "accounts.parquet"),
        events=str(world / "events.parquet"),
        previous=previous,
    )


def _row(days: int, found: list[dict[str, Any]], manifest: Mapping[str, Any]) -> str:
    status = Counter(c["lineage"]["status"] for c in found)
    online = manifest["error_rates"]["online"]
    again = status["continued"] + status["revived"]
    enforceable = sum(c["enforceable"] for c in found)
    return (
        f"{days:>5} {len(found):>9} {status['new']:>5} {again:>6} {enforceable:>12} "
        f"{online['tests']:>6} {online['discoveries']:>7}"
    )


def _holders(found: list[dict[str, Any]], true: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Of each true campaign the reported one that holds most of its accounts: id, how many, verdict."""
    best: dict[str, tuple[int, str]] = {}
    for c in found:
        counts = Counter(true[m["account_id"]] for m in c["members"] if m["account_id"] in true)
        for name, n in counts.items():
            told = f"{c['campaign_id']} {n} {c['verdict']}{' (enforceable)' if c['enforceable'] else ''}"
            best[name] = max(best.get(name, (0, "")), (n, told))
    yield from ((name, told) for name, (_, told) in sorted(best.items()))


if __name__ == "__main__":
    main()
