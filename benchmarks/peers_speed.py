"""Our kernels beside other people's libraries on the same input, in one run: seconds, memory, and whether they agree.

    make bench-peers                     # or: python benchmarks/peers_speed.py [--section link] [--scale 0.1]

Every contender works in a process of its own, so that peak memory is its own. Importing and compiling are not timed,
reading the input file is. Processor seconds are those of all threads; where one pass takes under two seconds, the
least of three. A contender that takes more than `--limit` processor seconds is stopped and said so.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PAGE = 1 << 20
SIZES = {"exchanges": 1_000_000, "texts": 20_000, "records": 50_000, "nodes": 1_000_000}
AGREEMENT = {"sketch": 0.05, "features": 0.0, "components": 0.0}
"""Section to the most that a result may differ: root mean square of similarities, or none at all."""


def main() -> int:
    """Print the tables; 1 if a result that must agree does not."""
    asked = _arguments()
    folder = asked.folder or Path(tempfile.gettempdir()) / f"hydrascope-peers-{asked.scale:g}"
    if asked.one:
        resource.setrlimit(resource.RLIMIT_CPU, (asked.limit, asked.limit))
        return _one(folder, *asked.one)
    folder.mkdir(parents=True, exist_ok=True)
    work = importlib.import_module("peers_work")
    _make_inputs(folder, asked.scale)
    wrong = 0
    for section in asked.section or work.SECTIONS:
        rows = [_measure(folder, section, name, asked.limit) for name in work.SECTIONS[section]]
        wrong += _print(section, rows)
    return int(wrong > 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--section", action="append", help="sketch, link, components or features; repeatable")
    parser.add_argument("--scale", type=float, default=1.0, help="of all inputs")
    parser.add_argument("--folder", type=Path, help="where inputs are made and kept")
    parser.add_argument("--limit", type=int, default=300, help="processor seconds a contender may take")
    parser.add_argument("--one", nargs=2, metavar=("SECTION", "CONTENDER"), help=argparse.SUPPRESS)
    return parser.parse_args()


def _make_inputs(folder: Path, scale: float) -> None:
    inputs = importlib.import_module("peers_inputs")
    n = {name: max(int(size * scale), 100) for name, size in SIZES.items()}
    inputs.make_log(folder, n["exchanges"])
    inputs.make_texts(folder, n["texts"])
    inputs.make_records(folder, n["records"])
    inputs.make_graph(folder, n["nodes"])


def _one(folder: Path, section: str, name: str) -> int:
    """Child: do the work, keep its result, print what it took."""
    module = importlib.import_module("peers_features" if section == "features" else "peers_work")
    work, table = getattr(module, f"{section}_{name}")(folder)
    before = _memory("VmRSS")
    passes: list[tuple[float, float]] = []
    result: Any = None
    while not passes or (len(passes) < 3 and sum(cpu for cpu, _ in passes) < 2):
        cpu, wall = _cpu_s(), time.perf_counter()
        result = work()
        passes.append((_cpu_s() - cpu, time.perf_counter() - wall))
    peak = _memory("VmHWM")
    results = folder / "results"
    results.mkdir(exist_ok=True)
    importlib.import_module("pyarrow.parquet").write_table(
        table(result), results / f"{section}_{name}.parquet"
    )
    cpu_s, wall_s = min(passes)
    print(json.dumps({"cpu_s": cpu_s, "wall_s": wall_s, "peak": peak, "before": before}))
    return 0


def _cpu_s() -> float:
    own, children = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _memory(field: str) -> int:
    """Bytes; of this program alone, while `ru_maxrss` begins at what the parent had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field))


def _measure(folder: Path, section: str, name: str, limit: int) -> dict[str, Any]:
    command = [
        sys.executable,
        __file__,
        "--folder",
        str(folder),
        "--limit",
        str(limit),
        "--one",
        section,
        name,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode < 0:
        return {
            "name": name,
            "failed": f"stopped by signal {-done.returncode} (`--limit {limit}`, or memory)",
        }
    if done.returncode:
        return {"name": name, "failed": (done.stderr.strip().splitlines() or ["failed"])[-1][:90]}
    checks = importlib.import_module("peers_checks")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"name": name, **figures, "check": getattr(checks, section)(folder, name)}


def _print(section: str, rows: list[dict[str, Any]]) -> int:
    """The section's table; how many results differ that must not."""
    least = next((row["cpu_s"] for row in rows if "cpu_s" in row), None)
    heading = {"sketch": "RMS error of Jaccard", "link": "pair recall, precision"}.get(section, "result")
    print(
        f"\n### {section}\n\n| contender | CPU s | x ours | wall s | peak MB | before the work MB | {heading} |"
    )
    print("|---|---|---|---|---|---|---|")
    wrong = 0
    for row in rows:
        if "failed" in row:
            print(f"| {row['name']} | | | | | | {row['failed']} |")
            continue
        figures = [row["cpu_s"], row["cpu_s"] / max(least or 1e-9, 1e-9), row["wall_s"]]
        cells = [
            f"{figures[0]:.3f}",
            f"{figures[1]:.1f}",
            f"{figures[2]:.3f}",
            *(f"{row[k] / PAGE:.0f}" for k in ("peak", "before")),
        ]
        text, error = row["check"]
        if error is not None and error > AGREEMENT.get(section, 1.0):
            wrong, text = wrong + 1, f"**{text}**"
        print(f"| {row['name']} | {' | '.join(cells)} | {text} |")
    sys.stdout.flush()
    return wrong


if __name__ == "__main__":
    raise SystemExit(main())
