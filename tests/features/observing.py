"""Random exchanges with gaps in every column, and engines with them as the views of the pipeline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hydrascope.engine.duckdb import DuckEngine
from hydrascope.features.observed import observe_exchanges
from hydrascope.kernels.strings import hash_strings
from hydrascope.schema import EXCHANGES

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday


def batch_of(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Rows in the canonical schema; ids, lines and files are filled in."""
    filled = [
        {
            "exchange_id": f"x{i}",
            "source_file": 0,
            "source_line": i + 1,
            "prompt": "one two three four five six",
        }
        | r
        for i, r in enumerate(rows)
    ]
    return pa.RecordBatch.from_pylist(filled, schema=EXCHANGES)


def at(hours: float) -> datetime:
    """Hours after the start."""
    return START + timedelta(hours=hours)


def random_rows(n: int, seed: int) -> list[dict[str, Any]]:
    """Exchanges of twelve accounts in which any value may be missing."""
    rng = np.random.default_rng(seed)

    def maybe(value: Any) -> Any:
        return value if rng.random() < 0.6 else None

    return [
        {
            "started_at": at(float(rng.uniform(0, 300))),
            "account_id": f"a{rng.integers(12)}",
            "prompt": maybe(f"tell me about item {rng.integers(40)} and its many uses today"),
            "system": maybe(f"system prompt number {rng.integers(3)}"),
            "client_ip": maybe(f"192.0.{rng.integers(3)}.{rng.integers(250)}"),
            "user_agent": maybe(f"agent/{rng.integers(3)}"),
            "model": maybe("large"),
            "tools": maybe([None, "b", "a"][: rng.integers(4)]),
            "temperature": maybe(float(rng.integers(3)) / 2),
            "top_p": maybe(0.9),
            "max_tokens": maybe(int(rng.integers(3)) * 100),
            "input_tokens": maybe(int(rng.integers(100))),
            "reasoning": maybe(bool(rng.random() < 0.5)),
            "status": maybe(200),
        }
        for _ in range(n)
    ]


def engine_on(rows: list[dict[str, Any]], spill: Path) -> DuckEngine:
    """An engine with the views `exchanges` and `value_names` of some rows."""
    engine = DuckEngine(memory_bytes=512 << 20, threads=2, spill=spill)
    batch = batch_of(rows)
    engine.register("exchanges", observe_exchanges(batch, rate=0.25).rows)
    accounts = pa.array(sorted(set(batch["account_id"].to_pylist())))
    names = {"channel": ["account"] * len(accounts), "value": hash_strings(accounts), "text": accounts}
    engine.register("value_names", pa.table(names))
    return engine
