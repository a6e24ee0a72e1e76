"""Small worlds written inline, for the tests of the simulator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from hydrascope.simulate import WorldFacts, read_scenario, simulate_world

SMALL = """
[world]
days = 3
releases = { "nova-2" = 1.0 }
models = { "nova-1" = 1.0 }

[texts.wrap]
en = "[[Solve|Work out]] this and show your working: {item}"

[groups.people]
label = "background"
elastic = true
accounts = 60
[groups.people.flows.chat]
arrivals = { process = "human", per_day = 8.0, active = 0.8 }

[groups.ring]
label = "distillation"
accounts = 12
life = { burst_day = -3.0, burst_hours = 10.0, first_use_h = 1.0, first_use_sd = 0.3, churn = 0.0 }
[groups.ring.flows.main]
distill = true
arrivals = { process = "queue", per_day = 60.0, steps = 1.0, weekend = 1.0 }
content = { wrappers = ["wrap"], vary = "exchange", variants = 2, items = "queue" }
"""


def write_world(
    folder: Path, text: str = SMALL, *, seed: int = 1, workers: int = 1, scale: float = 1.0
) -> WorldFacts:
    """Simulates a world given as TOML into `folder`/world."""
    file = folder / "scenario.toml"
    file.write_text(text, encoding="utf-8")
    return simulate_world(read_scenario(file), folder / "world", seed=seed, workers=workers, scale=scale)


def log_of(folder: Path) -> pa.Table:
    """The log of a written world."""
    return ds.dataset(folder / "world" / "exchanges").to_table()


def with_truth(folder: Path) -> pa.Table:
    """The log with the label and campaign of each exchange's account."""
    truth = pq.read_table(folder / "world" / "truth.parquet")
    return log_of(folder).drop(["tools"]).join(truth, "account_id")


def volumes(table: pa.Table) -> np.ndarray:
    """Exchanges of each account."""
    return np.array(
        sorted(
            table.group_by("account_id")
            .aggregate([("exchange_id", "count")])["exchange_id_count"]
            .to_pylist()
        )
    )
