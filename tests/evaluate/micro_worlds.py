"""A world small enough to reason about, written the way the contract says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope.evaluate.world import World, read_world

START = datetime(2026, 3, 2, tzinfo=UTC)
WORDS = [
    f"{a}{b}"
    for a in ("ba", "be", "bo", "bu", "ca", "ce", "co", "cu", "da", "de", "do", "du")
    for b in ("lan", "mer", "tus", "vik")
]
WRAPPER = "Solve the task below and articulate the reasoning behind your answer inside think tags."


def exchange(i: int, account: str, at: datetime, prompt: str, ip: str) -> dict[str, object]:
    return {
        "exchange_id": f"x{i:06d}",
        "account_id": account,
        "started_at": at,
        "prompt": prompt,
        "client_ip": ip,
        "user_agent": "sdk/1.0",
        "tls_fingerprint": "t13d",
    }


def write_world(folder: Path, *, n_honest: int = 40, n_campaign: int = 20, per_account: int = 32) -> World:
    """Honest accounts chat from their own address on their own topic; a campaign wraps items, in step, from
    one address block and two cards."""
    rng = np.random.default_rng(7)
    rows, accounts, truth = [], [], []
    for a in range(n_honest + n_campaign):
        mine = a >= n_honest
        name = f"c{a:03d}" if mine else f"h{a:03d}"
        topic = rng.choice(WORDS, 12)
        for j in range(per_account):
            words = " ".join(rng.choice(WORDS if mine else topic, 8))
            at = START + timedelta(hours=6 * j, seconds=float(rng.uniform(0, 3_000 if mine else 21_600)))
            prompt = f"{WRAPPER} {words}" if mine else words
            ip = f"10.9.9.{a % 8}" if mine else f"10.1.{a}.1"
            rows.append(exchange(len(rows), name, at, prompt, ip))
        card = f"card{a % 2}" if mine else f"own{a}"
        accounts.append({"account_id": name, "created_at": START, "payment_fingerprint": card})
        truth.append(
            {
                "account_id": name,
                "label": "wrap" if mine else "stranger",
                "campaign": "wrap" if mine else None,
            }
        )
    folder.mkdir(parents=True, exist_ok=True)
    events = [
        {"kind": "model_release", "at": START + timedelta(days=d), "subject": f"model-{d}"} for d in (1, 3)
    ]
    for file, table in (("exchanges", rows), ("accounts", accounts), ("truth", truth), ("events", events)):
        pq.write_table(pa.Table.from_pylist(table), folder / f"{file}.parquet")
    return read_world(folder)
