"""What a landing costs in the journal of a state that holds many files.

python benchmarks/watch_journal.py [--files 100000 500000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hydrascope.pipeline.watch.journal import Change, Journal, JournalFile, LandedFile, Part, tail_of

ROOMS = ("rows", "shingles", "texts", "systems", "values", "rejects")


def main() -> None:
    """Print a table: CPU seconds of a change, of putting all changes into the whole, and of opening."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--files", type=int, nargs="+", default=[100_000, 500_000])
    print("| files | journal MB | a landing, CPU ms | bytes written | all anew, CPU s | opened, CPU s |")
    print("|---|---|---|---|---|---|")
    for n in parser.parse_args().files:
        with tempfile.TemporaryDirectory() as folder:
            print(_row(Path(folder) / "journal.json", n))


def _row(path: Path, n: int) -> str:
    files = tuple(
        LandedFile(
            path=f"/var/log/exchanges/2026-11-25/{i:09d}.parquet",
            format="contract",
            size_bytes=123_456,
            modified_ns=1_764_103_456_123_456_789,
            n_exchanges=100,
        )
        for i in range(n)
    )
    part = Part(
        name="00000001",
        files=dict.fromkeys(ROOMS, 1_000),
        n_exchanges=100,
        first_us=0,
        last_us=1,
        digests=dict.fromkeys(ROOMS, 64 * "a"),
    )
    whole_s = _cpu_s(lambda: JournalFile(path, Journal(files=files)))
    kept = JournalFile(path)
    times = sorted(_cpu_s(lambda: kept.change(Change(landed=files[:1], added=(part,)))) for _ in range(50))
    opened_s = _cpu_s(lambda: JournalFile(path))
    line = tail_of(path).stat().st_size / len(times)
    return f"| {n:,} | {path.stat().st_size / 1e6:.0f} | {times[25] * 1e3:.1f} | {line:.0f} | {whole_s:.2f} | {opened_s:.2f} |"


def _cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
