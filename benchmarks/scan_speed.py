"""Where the seconds of a scan go: a simulated world, one scan, one table.

    python benchmarks/scan_speed.py --exchanges 1M [--world DIR] [--memory 4GB] [--engine duckdb]

The world is that of `scan_world`, made once and kept in `--world`. CPU seconds count, wall time does not where others
use the machine. "x limit" is how far a stage is from what its least step costs on the same machine in the same minute:
decoding the log's Parquet and sketching its prompts for the reading stage, counting the rows of the stage's own input
for the others.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scan_world import SIZES, TEXT_BYTES, make_world

from hydrascope.engine.limits import parse_size
from hydrascope.pipeline import ScanSettings, scan
from hydrascope.sketch import sketch_texts

_GROUPS = 4
"""Row groups of a file, of 200,000 exchanges, that limits are taken on."""


def main() -> int:
    """Print the table."""
    asked = _arguments()
    name = f"hydrascope-world-{asked.exchanges}" + ("-answered" if asked.answer_bytes else "")
    world = asked.world or Path(tempfile.gettempdir()) / name
    make_world(world, asked.exchanges, asked.text_bytes, asked.workers, asked.answer_bytes)
    text = _text_limits(world)
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
        limits = {"read": text.decode_s + text.hash_s} | _stage_limits(stages)
        timings = json.loads((out / "manifest.json").read_text())["timings"]
        _print(timings, result.n_exchanges, text.n_bytes, limits, result.manifest["peak_memory_bytes"])
        for name, seconds in (
            ("text kernel", text.sketch_s),
            ("without shingles", text.hash_s),
            ("Parquet decoding", text.decode_s),
        ):
            print(f"{name}: {seconds:.1f} CPU s, {text.n_bytes / seconds / 1e6:.0f} MB of text a second")
    except BaseException:
        print(f"the stages that were finished are in {out}: the same scan into it goes on from them")
        raise
    shutil.rmtree(out, ignore_errors=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--exchanges", choices=SIZES, default="1M")
    parser.add_argument("--world", type=Path)
    parser.add_argument(
        "--text-bytes",
        type=int,
        default=TEXT_BYTES,
        help="mean bytes of prompt and system prompt; 0: as simulated",
    )
    parser.add_argument(
        "--answer-bytes", type=int, default=0, help="mean bytes of a completion; 0: the log has none"
    )
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engine", default="duckdb")
    return parser.parse_args()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLimits:
    """CPU seconds that the texts of a log cost at least, taken on some of its files and scaled up."""

    n_bytes: float
    """Prompts and system prompts."""
    decode_s: float
    """The log's Parquet."""
    hash_s: float
    """Every prompt's words, without shingles."""
    sketch_s: float
    """Every prompt with its shingles."""


def _text_limits(world: Path) -> TextLimits:
    sketch_texts(pa.array(["loads the kernel"]))
    files = sorted((world / "exchanges").glob("*.parquet"))
    chosen = files[:: max(1, len(files) // 4)]
    n_rows, n_bytes, decode_s, hash_s, sketch_s = 0, 0.0, 0.0, 0.0, 0.0
    for path in chosen:
        with pq.ParquetFile(path) as file:
            began, elsewhere = time.process_time(), 0.0
            groups = range(0, file.num_row_groups, max(1, file.num_row_groups // _GROUPS))
            for batch in file.iter_batches(65_536, row_groups=list(groups), use_threads=False):
                counted = time.process_time()
                n_rows += len(batch)
                n_bytes += sum(pc.sum(pc.binary_length(batch[c])).as_py() or 0 for c in ("prompt", "system"))
                none = np.zeros(len(batch), bool)
                hash_s += _cpu(lambda prompts=batch["prompt"], n=none: sketch_texts(prompts, select=n))
                sketch_s += _cpu(lambda prompts=batch["prompt"]: sketch_texts(prompts))
                elsewhere += time.process_time() - counted
            decode_s += time.process_time() - began - elsewhere
    scale = sum(pq.read_metadata(f).num_rows for f in files) / n_rows
    return TextLimits(
        n_bytes=scale * n_bytes, decode_s=scale * decode_s, hash_s=scale * hash_s, sketch_s=scale * sketch_s
    )


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
    timings: dict[str, dict[str, float]], n: int, text_bytes: float, limits: dict[str, float], peak: int
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
