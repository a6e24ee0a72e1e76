"""Where the seconds of a scan go: a simulated world, one scan, one table.

    python benchmarks/scan_speed.py --exchanges 1M [--world DIR] [--memory 4GB] [--engine duckdb]

The world is the shipped `demo` with more accounts of each group; it is made once and kept in `--world`. CPU seconds
count, wall time does not where others use the machine. "x limit" is how far a stage is from what its least step
costs on the same machine in the same minute: decoding the log's Parquet for the reading stage, counting the rows of
the stage's own input for the others.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope.engine.limits import parse_size
from hydrascope.pipeline import ScanSettings, scan
from hydrascope.simulate import read_scenario, simulate_world
from hydrascope.sketch import sketch_texts

DEMO_EXCHANGES = 130_000
SIZES = {"130k": 130_000, "1M": 1_000_000, "4M": 4_000_000, "16M": 16_000_000}


def main() -> int:
    """Print the table."""
    asked = _arguments()
    world = asked.world or Path(tempfile.gettempdir()) / f"hydrascope-world-{asked.exchanges}"
    _simulate(world, SIZES[asked.exchanges], asked.workers)
    text_bytes, sketch_s, decode_s = _limits(world)
    out = Path(tempfile.mkdtemp(prefix="hydrascope-bench-"))
    try:
        result = scan(
            [str(world / "exchanges")],
            out,
            accounts=str(world / "accounts.parquet"),
            events=str(world / "events.parquet"),
            settings=ScanSettings(
                engine=asked.engine,
                memory_bytes=parse_size(asked.memory),
                workers=asked.workers,
                keep_stages=True,
            ),
        )
        stages = next((out / ".stages").iterdir())
        limits = {"read": decode_s + sketch_s} | _stage_limits(stages)
        timings = json.loads((out / "manifest.json").read_text())["timings"]
        _print(timings, result.n_exchanges, text_bytes, limits, result.manifest["peak_memory_bytes"])
        print(
            f"text kernel {text_bytes / sketch_s / 1e6:.0f} MB/s, Parquet decoding {text_bytes / decode_s / 1e6:.0f} MB/s of text"
        )
    finally:
        shutil.rmtree(out, ignore_errors=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--exchanges", choices=SIZES, default="1M")
    parser.add_argument("--world", type=Path)
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engine", default="duckdb")
    return parser.parse_args()


def _simulate(world: Path, n_exchanges: int, workers: int) -> None:
    if not (world / "world.json").exists():
        sys.stderr.write(f"simulating {n_exchanges:,} exchanges in {world} (kept for the next time)\n")
        simulate_world(read_scenario("demo"), world, scale=n_exchanges / DEMO_EXCHANGES, workers=workers)


def _limits(world: Path) -> tuple[int, float, float]:
    """Bytes of prompts and system prompts; CPU seconds to sketch the prompts, and to decode the log's Parquet."""
    sketch_texts(pa.array(["loads the kernel"]))
    n_bytes, sketch_s = 0, 0.0
    began = time.process_time()
    for path in sorted((world / "exchanges").glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(65_536, use_threads=False):
                n_bytes += sum(batch[c].get_total_buffer_size() for c in ("prompt", "system"))
                sketch_s += _cpu(lambda prompts=batch["prompt"]: sketch_texts(prompts, rate=0.25))
    return n_bytes, sketch_s, time.process_time() - began - sketch_s


def _stage_limits(stages: Path) -> dict[str, float]:
    """CPU seconds in which DuckDB reads each stage's input and does nothing else with it."""
    connection = duckdb.connect()
    rows = f"SELECT max(xid), max(account), max(at_us), max(prompt) FROM '{stages}/rows/*.parquet'"
    shingles = f"SELECT max(s) FROM (SELECT unnest(shingles) AS s FROM '{stages}/shingles/*.parquet')"
    return {
        name: _cpu(lambda q=query: connection.execute(q).fetchall())
        for name, query in (("features", rows), ("templates", shingles))
    }


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _print(
    timings: dict[str, dict[str, float]], n: int, text_bytes: int, limits: dict[str, float], peak: int
) -> None:
    print(f"{n:,} exchanges, {text_bytes / 1e6:,.0f} MB of text, peak memory {peak / 1e6:,.0f} MB\n")
    print(
        "| stage | wall s | CPU s | exchanges / CPU s | MB text / CPU s | x limit |\n|---|---|---|---|---|---|"
    )
    total_wall, total_cpu = (sum(t[k] for t in timings.values()) for k in ("wall_s", "cpu_s"))
    for name, t in [*timings.items(), ("total", {"wall_s": total_wall, "cpu_s": total_cpu})]:
        cpu = max(t["cpu_s"], 1e-3)
        text = f"{text_bytes / cpu / 1e6:.0f}" if name in ("read", "total") else ""
        limit = f"{cpu / limits[name]:.1f}" if name in limits else ""
        print(f"| {name} | {t['wall_s']:.1f} | {cpu:.1f} | {n / cpu:,.0f} | {text} | {limit} |")
    print()


if __name__ == "__main__":
    raise SystemExit(main())
