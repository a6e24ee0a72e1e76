"""What detections over the last hours find and cost, beside one over the whole state.

    python benchmarks/watch_recent.py WORLD [--hours 24,72,168] [--ends 0.5,0.75,1.0]

The world (`hydrascope simulate`) is landed up to each end, a share of its days, and detected whole and over each window. Recall:
accounts of campaigns with ten exchanges or more in the window that are in a distillation campaign, over all such accounts; for
the whole state, the same accounts. Wrong: accounts of no campaign that are in one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.pipeline.watch import State, detect_state, land_files, open_state

LEAST = 10


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("world", type=Path)
    parser.add_argument("--hours", default="24,72,168")
    parser.add_argument("--ends", default="0.5,0.75,1.0")
    asked = parser.parse_args()
    hours = [float(h) for h in asked.hours.split(",")]
    print("| days landed | exchanges | looked at | recall | wrong | CPU s |\n|---|---|---|---|---|---|")
    for end in asked.ends.split(","):
        folder = Path(tempfile.mkdtemp(prefix="hydrascope-recent-"))
        try:
            _rows(asked.world, folder, float(end), hours)
        finally:
            shutil.rmtree(folder)
    return 0


def _rows(world: Path, folder: Path, end: float, hours: list[float]) -> None:
    log, days = _cut(world, folder, end)
    with open_state(folder / "state") as state:
        land_files(state, [str(log)])
        findings = {h: _detect(state, world, folder / f"{h}", h) for h in hours}
        findings[0.0] = _detect(state, world, folder / "whole", None)
    for h in hours:
        active = _active(log, h)
        for name, found in ((f"last {h:g} h", findings[h]), ("all", findings[0.0])):
            accused, cpu_s, n = found
            truth = _campaigns(world)
            wanted = active & truth
            recall = len(wanted & accused) / max(len(wanted), 1)
            print(
                f"| {days:.0f} | {n:,} | {name} | {recall:.2f} of {len(wanted)} | {len(accused - truth)} | {cpu_s:.0f} |"
            )


def _cut(world: Path, folder: Path, end: float) -> tuple[Path, float]:
    log = folder / "log.parquet"
    rows = pq.read_table(world / "exchanges")
    at = rows["started_at"].cast(pa.int64())
    span = pc.min_max(at).as_py()
    until = span["min"] + int((span["max"] - span["min"]) * end)
    pq.write_table(rows.filter(pc.less_equal(at, until)), log)
    return log, (until - span["min"]) / 86_400e6


def _detect(state: State, world: Path, out: Path, hours: float | None) -> tuple[set[str], float, int]:
    cpu = time.process_time()
    tables = {"accounts": str(world / "accounts.parquet"), "events": str(world / "events.parquet")}
    campaigns = detect_state(state, out, recent_hours=hours, **tables)
    cpu = time.process_time() - cpu
    guilty = {c["campaign_id"] for c in campaigns.to_pylist() if c["verdict"] == "distillation"}
    rows = pq.read_table(out / "accounts.parquet").to_pylist()
    n = json.loads((out / "manifest.json").read_text())["exchanges"]
    return {r["account_id"] for r in rows if r["campaign_id"] in guilty}, cpu, n


def _active(log: Path, hours: float) -> set[str]:
    rows = pq.read_table(log, columns=["started_at", "account_id"])
    at = rows["started_at"].cast(pa.int64())
    recent = rows.filter(pc.greater_equal(at, pc.max(at).as_py() - int(hours * 3_600_000_000)))
    counted = recent.group_by("account_id").aggregate([("account_id", "count")])
    return set(counted.filter(pc.greater_equal(counted["account_id_count"], LEAST))["account_id"].to_pylist())


def _campaigns(world: Path) -> set[str]:
    truth: pa.Table = pq.read_table(world / "truth.parquet")
    return {
        r["account_id"]
        for r in truth.to_pylist()
        if r["campaign"] is not None and r["label"] == "distillation"
    }


if __name__ == "__main__":
    raise SystemExit(main())
