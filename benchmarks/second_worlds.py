"""The scan judged on worlds of a second, independent generator (`second_world/`), which shares nothing with `hydrascope.simulate`.

python benchmarks/second_worlds.py OUT [--world mixed evasive small-operator null no-identity] [--seeds 11 12] [-v]
    [--scale F] [--prompts POOL.parquet] [--keep] [--again]

Each world is simulated, then scanned and evaluated in processes of their own, one at a time. A table of the worlds is printed and
written to OUT/table.md, then campaigns by kind and the honest labels of which anybody was accused; `-v` adds a line for each
campaign of each world. Worlds are removed after their scan unless `--keep`. What was evaluated stays in OUT/NAME-SEED.json under a
digest of the code and the options, so that a stopped run goes on and a changed detector is run again; `--again` runs everything.

Seeds 1-9 are for tuning, 10-19, 30-39, 50-59 and so on for judging: no wrapper of a campaign serves both (`second_world.scene.side_of`), and a seed
draws sizes, shares, hours, countries, networks and programs from ranges. `--scale 0.02` makes a world in a second.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from second_world.worlds import WORLDS, make_world

ROOT = Path(__file__).parent.parent
HEADER = (
    "world", "seed", "accounts", "exchanges", "campaigns", "recall", "enforceable", "in a cluster", "honest accused", "in enforceable", "acted on", "B-cubed P / R", "distilled share off by",
)  # fmt: skip


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--world", nargs="+", choices=sorted(WORLDS), default=list(WORLDS), metavar="NAME")
    parser.add_argument("--seeds", nargs="+", type=int, default=[11, 12], metavar="N")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on accounts and volumes")
    parser.add_argument(
        "--prompts", type=Path, help="Parquet pool with a column `prompt` and, where known, `source`"
    )
    parser.add_argument("--keep", action="store_true", help="keep worlds and findings")
    parser.add_argument("--again", action="store_true", help="run what is already there again")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="also by campaign and by accused honest label"
    )
    return parser.parse_args()


def digest(options: argparse.Namespace) -> str:
    """Of everything that a result depends on: both code bases, scale, pool."""
    h = hashlib.sha256(f"{options.scale} {options.prompts}".encode())
    for folder in (ROOT / "benchmarks" / "second_world", ROOT / "src" / "hydrascope"):
        for path in sorted(p for p in folder.rglob("*") if p.suffix in {".py", ".toml", ".sql"}):
            h.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return h.hexdigest()[:16]


def hydrascope(*words: str | Path) -> str:
    """Run a sub-command; what it prints.

    Raises:
        SystemExit: it failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "hydrascope", *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"hydrascope {words[0]} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def judge(name: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Simulate, scan and evaluate one world."""
    folder = options.out / f"{name}-{seed}"
    world, findings = folder / "world", folder / "findings"
    shutil.rmtree(folder, ignore_errors=True)
    world.mkdir(parents=True)
    made = make_world(world, name, seed, scale=options.scale, prompts=options.prompts)
    tables = ("--accounts", world / "accounts.parquet", "--events", world / "events.parquet")
    hydrascope("scan", world / "exchanges", *tables, "--out", findings, "--quiet")
    result = json.loads(hydrascope("evaluate", findings, world / "truth.parquet", "--world", world, "--json"))
    if not options.keep:
        shutil.rmtree(folder)
    return {
        "world": name,
        "seed": seed,
        "side": made.side,
        "n_accounts": made.n_accounts,
        "n_exchanges": made.n_exchanges,
        "evaluation": result,
    }


def result_of(name: str, seed: int, code: str, options: argparse.Namespace) -> dict[str, Any]:
    """The result on disk where it is of this code, else a new one."""
    path = options.out / f"{name}-{seed}.json"
    if path.exists() and not options.again:
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if kept["code"] == code:
            return kept
    sys.stderr.write(f"{name} {seed}\n")
    result = judge(name, seed, options) | {"code": code}
    path.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return result


def percent(share: float | None) -> str:
    """A share, or a dash where there is nothing to share."""
    return "-" if share is None else f"{100 * share:.1f} %"


def row(result: dict[str, Any]) -> tuple[str, ...]:
    """One line of the table."""
    e = result["evaluation"]
    campaigns, alarms = e["campaigns"], e["false_alarms"]
    clustered = sum(c["clustered"] for c in campaigns) / len(campaigns) if campaigns else None
    b = e["bcubed_distillation"]
    pair = f"{b['precision']:.3f} / {b['recall']:.3f}" if campaigns else "-"
    honest = [f"{alarms[k]['n']:,}" for k in ("any_verdict", "enforceable", "acted")]
    figures = [percent(x) for x in (e["recall"], e["enforceable_recall"], clustered)]
    size = (f"{result['n_accounts']:,}", f"{result['n_exchanges']:,}", str(len(campaigns)))
    error = e["share_error"]
    off = f"{error['mean_absolute']:.3f}" if error else "-"
    return result["world"], str(result["seed"]), *size, *figures, *honest, pair, off


def by_campaign(results: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Each kind of campaign, plain means over the worlds and seeds that hold it."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        for campaign in result["evaluation"]["campaigns"]:
            kinds.setdefault(campaign["campaign"], []).append(campaign)
    out: list[tuple[str, ...]] = []
    for name, found in sorted(kinds.items()):
        sizes = [c["n_accounts"] for c in found]
        shares = [
            sum(c[k] for c in found) / len(found) for k in ("recall", "enforceable_recall", "clustered")
        ]
        out.append((name, str(len(found)), f"{min(sizes)}-{max(sizes)}", *map(percent, shares)))
    return out


def accused(results: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Each honest label of which anybody was in a distillation verdict, world by world."""
    return [
        (r["world"], str(r["seed"]), a["label"], str(a["n_accounts"]), *(percent(a[k]) for k in ("any_verdict", "enforceable", "acted")))
        for r in results
        for a in r["evaluation"]["look_alikes"]
        if a["any_verdict"]
    ]  # fmt: skip


def details(results: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Each campaign of each world."""
    return [
        (
            r["world"], str(r["seed"]), c["campaign"], str(c["n_accounts"]),
            *(percent(c[k]) for k in ("recall", "enforceable_recall", "clustered", "volume_recall")), c["best_verdict"] or "-",
        )
        for r in results
        for c in r["evaluation"]["campaigns"]
    ]  # fmt: skip


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [" | ".join(header), "|".join("---" for _ in header), *(" | ".join(r) for r in rows)]
    return "\n".join(f"| {line} |" if "---" not in line else f"|{line}|" for line in lines)


def tables(
    results: list[dict[str, Any]], verbose: bool
) -> list[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Headers and rows of what is printed."""
    shares = ("recall", "enforceable", "in a cluster")
    out = [
        (HEADER, [row(r) for r in results]),
        (("campaign", "worlds", "accounts", *shares), by_campaign(results)),
        (
            ("world", "seed", "honest label", "accounts", "accused", "in enforceable", "acted on"),
            accused(results),
        ),
    ]
    if verbose:
        out.append(
            (("world", "seed", "campaign", "accounts", *shares, "volume", "best match"), details(results))
        )
    return out


def main() -> None:
    """Run it."""
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    code = digest(options)
    results = [result_of(name, seed, code, options) for name in options.world for seed in options.seeds]
    text = "\n".join(table(header, rows) + "\n" for header, rows in tables(results, options.verbose) if rows)
    (options.out / "table.md").write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
