"""What a tick and a detection cost at the size of a state: 10,000 exchanges landed into ten million.

    python benchmarks/watch_ticks.py [--exchanges 10M] [--ticks 70] [--per-tick 10000] [--state DIR] [--detect] [--recent-hours 24]

The world is made here and not by the simulator, which would take some ten CPU minutes: accounts with their own addresses,
keys and uneven volumes, a few thousand system prompts that many share, prompts put together from phrases, and groups of
accounts that send one wrapper around different items. It is written as the contract's Parquet and landed like any log, so
the state is what `hydrascope watch` makes; the files go when they are landed. A tick is what `watch` does at a look: land,
merge, publish. A state made with `--state` is kept and grown by the ticks of each run.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.engine.limits import parse_size
from hydrascope.pipeline import ScanSettings
from hydrascope.pipeline.watch import State, detect_state, land_files, merge_parts, open_state

SIZES = {"100k": 100_000, "1M": 1_000_000, "10M": 10_000_000}
START_US = 1_772_400_000_000_000
SPAN_US = 30 * 86_400_000_000
PER_ACCOUNT, GROUPS, GROUP_SIZE = 200, 5, 200
WORDS = 3_000


class World:
    """Exchanges of accounts numbered from 0; the first `GROUPS * GROUP_SIZE` of them work in groups."""

    def __init__(self, n_accounts: int) -> None:
        chance = np.random.default_rng(17)
        self.n_accounts = n_accounts
        words = [
            "".join(chance.choice(list("aeioulnrstmdk"), size=chance.integers(3, 9))) for _ in range(WORDS)
        ]
        self._phrases = pa.array([" ".join(chance.choice(words, 8)) for _ in range(40_000)])
        self._systems = pa.array(
            ["You are an assistant. " + " ".join(chance.choice(words, 40)) for _ in range(3_000)]
        )
        self._wrappers = pa.array([" ".join(chance.choice(words, 30)) for _ in range(GROUPS)] + [""])
        weight = chance.lognormal(0.0, 1.0, n_accounts)
        weight[: GROUPS * GROUP_SIZE] = 1.0  # a queue is split evenly
        self._cumulated = np.cumsum(weight / weight.sum())
        self._system_of = np.minimum(chance.zipf(1.3, n_accounts), 3_000) - 1
        self._agents = pa.array([f"client/{i}.0" for i in range(40)])
        self._models = pa.array([f"model-{i}" for i in range(5)])

    def exchanges(self, first: int, n: int) -> pa.Table:
        """Exchanges number `first` to `first + n` - 1."""
        chance = np.random.default_rng(first)
        account = np.minimum(np.searchsorted(self._cumulated, chance.random(n)), self.n_accounts - 1)
        group = np.where(account < GROUPS * GROUP_SIZE, account // GROUP_SIZE, GROUPS)
        codes = pa.array(account)
        names = pc.binary_join_element_wise("acct", codes.cast(pa.string()), "_")
        address = [pc.cast(pa.array(p), pa.string()) for p in _address(account, chance.integers(0, 2, n))]
        phrases = [self._phrases.take(pa.array(chance.integers(0, len(self._phrases), n))) for _ in range(3)]
        return pa.table(
            {
                "exchange_id": pc.binary_join_element_wise(
                    "x", pa.array(np.arange(first, first + n)).cast(pa.string()), ""
                ),
                "started_at": pa.array(START_US + chance.integers(0, SPAN_US, n)).cast(
                    pa.timestamp("us", tz="UTC")
                ),
                "account_id": names,
                "api_key_id": pc.binary_join_element_wise("key", codes.cast(pa.string()), "_"),
                "client_ip": pc.binary_join_element_wise(*address, "."),
                "user_agent": self._agents.take(pa.array(account % 40)),
                "model": self._models.take(pa.array(chance.integers(0, 5, n))),
                "system": self._systems.take(pa.array(self._system_of[account])),
                "prompt": pc.binary_join_element_wise(self._wrappers.take(pa.array(group)), *phrases, " "),
                "input_tokens": pa.array(chance.integers(20, 400, n), pa.int32()),
                "output_tokens": pa.array(chance.integers(20, 2_000, n), pa.int32()),
            }
        )


def _address(account: np.ndarray, second: np.ndarray) -> list[np.ndarray]:
    number = account * 2 + second
    return [10 + number // (1 << 24), (number >> 16) & 255, (number >> 8) & 255, number & 255]


def main() -> int:
    """Build, tick, and print the table."""
    asked = _arguments()
    n = SIZES[asked.exchanges]
    world = World(max(n // PER_ACCOUNT, 2 * GROUPS * GROUP_SIZE))
    folder = asked.state or Path(tempfile.mkdtemp(prefix="hydrascope-ticks-"))
    inbox = folder.with_name(folder.name + "-inbox")
    inbox.mkdir(exist_ok=True)
    try:
        with open_state(folder) as state:
            _build(state, world, n, inbox)
            held = _held(state)
            walls, cpus = _tick(state, world, held, asked, inbox)
            _print(held, world.n_accounts, walls, cpus, len(state.journal.parts))
            out = folder.with_name(folder.name + "-findings")
            if asked.recent_hours is not None:
                _detect(state, out, asked.memory, asked.recent_hours)
            if asked.detect:
                _detect(state, out, asked.memory, None)
    finally:
        shutil.rmtree(inbox)
        if asked.state is None:
            shutil.rmtree(folder)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--exchanges", choices=SIZES, default="10M")
    parser.add_argument("--ticks", type=int, default=70)
    parser.add_argument("--per-tick", type=int, default=10_000)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--detect", action="store_true")
    parser.add_argument("--recent-hours", type=float, help="a detection over the last hours as well")
    parser.add_argument("--memory", default="4GB")
    return parser.parse_args()


def _held(state: State) -> int:
    return sum(p.n_exchanges for p in state.journal.parts)


def _build(state: State, world: World, n: int, inbox: Path) -> None:
    step = min(500_000, n)
    for first in range(_held(state), n - step + 1, step):
        sys.stderr.write(f"\rbuilding a state of {n:,} exchanges: {first:,}")
        _land(state, world.exchanges(first, step), inbox / f"base-{first}.parquet")
    sys.stderr.write("\n")
    state.publish()


def _land(state: State, exchanges: pa.Table, path: Path) -> None:
    pq.write_table(exchanges, path)
    land_files(state, [str(path)])
    path.unlink()


def _tick(
    state: State, world: World, held: int, asked: argparse.Namespace, inbox: Path
) -> tuple[np.ndarray, np.ndarray]:
    walls, cpus = [], []
    for number in range(asked.ticks):
        path = inbox / f"tick-{held + number}.parquet"
        pq.write_table(world.exchanges(held + number * asked.per_tick, asked.per_tick), path)
        wall, cpu = time.perf_counter(), time.process_time()
        land_files(state, [str(path)])
        merge_parts(state)
        state.publish()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        path.unlink()
    return np.array(walls), np.array(cpus)


def _print(held: int, n_accounts: int, walls: np.ndarray, cpus: np.ndarray, n_parts: int) -> None:
    print(
        f"{held:,} exchanges of {n_accounts:,} accounts held, {len(walls)} ticks, {n_parts} parts afterwards\n"
    )
    print("| a tick | median | 90 % | longest |\n|---|---|---|---|")
    for name, times in (("wall s", walls), ("CPU s", cpus)):
        print(f"| {name} | {np.median(times):.2f} | {np.quantile(times, 0.9):.2f} | {times.max():.2f} |")
    print(f"\npeak memory {_peak_mb():,} MB")


def _detect(state: State, out: Path, memory: str, hours: float | None) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    detect_state(state, out, settings=ScanSettings(memory_bytes=parse_size(memory)), recent_hours=hours)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    manifest = json.loads((out / "manifest.json").read_text())
    timings, n = manifest["timings"], manifest["exchanges"]
    what = "the whole state" if hours is None else f"the last {hours:g} hours"
    print(
        f"\ndetection over {what}: {n:,} exchanges, {wall:.0f} s, {cpu:.0f} CPU s, peak memory {_peak_mb():,} MB"
    )
    print("\n| stage | wall s | CPU s |\n|---|---|---|")
    for name, spent in timings.items():
        print(f"| {name} | {spent['wall_s']:.1f} | {spent['cpu_s']:.1f} |")
    shutil.rmtree(out)


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    raise SystemExit(main())
