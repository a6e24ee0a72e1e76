"""Whom does a scan accuse among people who send what the public asks? A pool of prompts, dealt to accounts by their source.

    python benchmarks/public_prompts.py ../shared/data/prompts_dev.parquet OUT

No simulator has a hand in it: every account sends prompts of one public source (a benchmark, a data set of dialogues, a gallery of roles), about
sixty, at even loads over three weeks, with no table of accounts. Such accounts are alike in what they send and in nothing else, so that groups will be
found; sources that were made to train models on may well look like it, but nobody here may be acted on. Prints the groups of 20 or more accounts, and all that are accused.
Where the pool has answers (`response`) they stand in the log, and it is printed between accounts of which sources answers are carried: by chance, where no conversation was dealt to two.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from hydrascope.engine.duckdb import DuckEngine
from hydrascope.features.carried import read_carried
from hydrascope.features.observer import ObserveSettings, PartObserver
from hydrascope.features.population import read_population
from hydrascope.ingest import Rejects, open_log

START, DAYS = 1.78e9, 21
PER_ACCOUNT = 60
SHOWN = 20


def main() -> None:
    """Writes OUT/log.jsonl, scans it to OUT/findings, prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool", type=Path, help="Parquet with source, system and prompt")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    log, findings = options.out / "log.jsonl", options.out / "findings"
    rows = sorted(deal(options.pool), key=lambda row: row["started_at"])
    log.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    print(f"{len(rows)} exchanges of {len({row['account_id'] for row in rows})} accounts\n")
    command = [sys.executable, "-m", "hydrascope", "scan", log, "--out", findings, "--quiet"]
    subprocess.run(command, check=True)
    show(findings)
    show_carried(log, options.out / "passages")


def deal(pool: Path) -> list[dict[str, Any]]:
    """Exchanges: the prompts of a source in random order, `PER_ACCOUNT` to an account."""
    rng = np.random.default_rng(5)
    sources: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in pq.read_table(pool, columns=["source", "prompt", "system", "response"]).to_pylist():
        sources[row["source"]].append(row)
    dealt: list[dict[str, Any]] = []
    for source, rows in sorted(sources.items()):
        n_accounts = max(1, len(rows) // PER_ACCOUNT)
        for place, index in enumerate(rng.permutation(len(rows)).tolist()):
            dealt.append(
                {
                    "exchange_id": f"x{len(dealt)}",
                    "started_at": int(START + rng.uniform(0, DAYS * 86_400)),
                    "account_id": f"{source}/{place % n_accounts}",
                    "system": rows[index]["system"],
                    "prompt": rows[index]["prompt"],
                    "completion": rows[index]["response"],
                    "model": "m",
                }
            )
    return dealt


def show(findings: Path) -> None:
    """The groups, largest first."""
    members: dict[str, list[str]] = defaultdict(list)
    for row in pq.read_table(
        findings / "accounts.parquet", columns=["account_id", "campaign_id"]
    ).to_pylist():
        members[row["campaign_id"]].append(row["account_id"].rsplit("/", 1)[0])
    document = json.loads((findings / "campaigns.json").read_text(encoding="utf-8"))
    print("| mostly | accounts | verdict | probability | enforceable | wording that elicits |")
    print("|---|---|---|---|---|---|")
    for group in sorted(document["campaigns"], key=lambda g: -len(members[g["campaign_id"]])):
        sources = members[group["campaign_id"]]
        if len(sources) < SHOWN and group["verdict"] != "distillation":
            continue
        source, _ = Counter(sources).most_common(1)[0]
        elicits = group["observables"].get("elicitation")
        print(
            f"| {source} | {len(sources)} | {group['verdict']} | {group['probability']:.2f} "
            f"| {'yes' if group['enforceable'] else 'no'} | {'' if elicits is None else f'{elicits:.0%}'} |"
        )


def show_carried(log: Path, folder: Path) -> None:
    """Prompts that hold an answer of another account, by source."""
    with PartObserver(folder, "log", ObserveSettings()) as observer:
        for part in open_log([str(log)]).parts():
            for batch in part.batches(Rejects()):
                observer.observe(batch)
    engine = DuckEngine(memory_bytes=1 << 30, threads=2, spill=folder / "spill")
    for room, view in (("rows", "exchanges"), ("values", "value_names"), ("passages", "passages")):
        engine.view(view, [str(folder / room / "log.parquet")])
    accounts = read_population(engine, None).account_id
    carried = read_carried(engine, len(accounts))
    if carried is None:
        return
    source = np.array([a.rsplit("/", 1)[0] for a in accounts], object)
    prompts = {name: int(carried.sent[source == name].sum()) for name in np.unique(source)}
    held = Counter(source[carried.reader[np.unique(carried.xid, return_index=True)[1]]].tolist())
    print(f"\n{sum(held.values())} of {sum(prompts.values())} prompts hold an answer of another account:\n")
    print("| source | prompts beside an answer | that hold another account's |")
    print("|---|---|---|")
    for name, n in held.most_common():
        print(f"| {name} | {prompts[name]} | {n} |")


if __name__ == "__main__":
    main()
