"""Does an exchange cost the same whether a campaign has fifty accounts or twenty-five thousand?

    python benchmarks/cluster_growth.py [--accounts 50 500 5000 25000] [--exchanges 1M] [--folder DIR]

Each world has the same honest half and one campaign, which sends the other half from ever more accounts.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from hydrascope.engine.limits import parse_size
from hydrascope.pipeline import ScanResult, ScanSettings, scan
from hydrascope.simulate import read_scenario, simulate_world

SCENARIO = "scale/16m"
CAMPAIGN = "pivot"
SMALL = ("load_balanced", "many_pathways")
"""Campaigns of the scenario that are left out."""
DAYS = 10
HONEST_A_DAY = 360_000
"""Exchanges of the scenario's honest half."""
SIZES = {"100k": 100_000, "1M": 1_000_000}
STAGES = ("read", "features", "templates", "links", "clusters", "verdicts")


def main() -> int:
    """Print one row a size."""
    asked = _arguments()
    folder = asked.folder or Path(tempfile.gettempdir()) / "hydrascope-growth"
    print(
        "| accounts of the campaign | exchanges | "
        + " | ".join(STAGES)
        + " | all, us of CPU an exchange | found |"
    )
    print("|---|---|" + "---|" * (len(STAGES) + 2))
    for n in asked.accounts:
        world = _world(folder / f"{asked.exchanges}-{n}", n, SIZES[asked.exchanges], asked.workers)
        out = Path(tempfile.mkdtemp(prefix="hydrascope-growth-"))
        try:
            _print(n, _scan(world, out, asked), world)
        finally:
            shutil.rmtree(out, ignore_errors=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--accounts", type=int, nargs="+", default=[50, 500, 5_000, 25_000])
    parser.add_argument("--exchanges", choices=SIZES, default="1M")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def _world(folder: Path, n_accounts: int, n_exchanges: int, workers: int) -> Path:
    """The world with a campaign of so many accounts, made once."""
    if (folder / "world.json").exists():
        return folder
    scenario = read_scenario(SCENARIO)
    honest = n_exchanges / 2 / DAYS / HONEST_A_DAY
    groups = []
    for group in scenario.groups:
        if group.name == CAMPAIGN:
            flow = group.flows[0]
            arrivals = replace(flow.arrivals, per_day=n_exchanges / 2 / DAYS / n_accounts)
            groups.append(replace(group, accounts=n_accounts, flows=(replace(flow, arrivals=arrivals),)))
        elif group.name not in SMALL:
            groups.append(replace(group, accounts=max(1, round(group.accounts * honest))))
    world = replace(scenario.world, days=DAYS, releases={}, outages=())
    simulate_world(replace(scenario, world=world, groups=tuple(groups)), folder, workers=workers)
    return folder


def _scan(world: Path, out: Path, asked: argparse.Namespace) -> ScanResult:
    settings = ScanSettings(memory_bytes=parse_size(asked.memory), workers=asked.workers)
    return scan(
        [str(world / "exchanges")],
        out,
        accounts=str(world / "accounts.parquet"),
        events=str(world / "events.parquet"),
        settings=settings,
    )


def _print(n_accounts: int, result: ScanResult, world: Path) -> None:
    timings, n = result.manifest["timings"], result.n_exchanges
    parts = [f"{timings[s]['cpu_s'] / n * 1e6:.2f}" for s in STAGES]
    total = sum(t["cpu_s"] for t in timings.values()) / n * 1e6
    largest = max(
        (
            size
            for size, verdict in zip(
                result.campaigns["n_accounts"].to_pylist(),
                result.campaigns["verdict"].to_pylist(),
                strict=True,
            )
            if verdict == "distillation"
        ),
        default=0,
    )
    print(f"| {n_accounts:,} | {n:,} | {' | '.join(parts)} | {total:.1f} | {largest:,} |", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
