"""How many of an account's exchanges the model or a filter refused."""

from __future__ import annotations

import numpy as np

from hydrascope.engine.base import Engine

__all__ = ["REFUSALS", "read_refusals"]

REFUSALS = (
    "refusal",
    "refused",
    "content_filter",
    "content_filtered",
    "safety",
    "blocked",
    "guardrail_intervened",
    "prohibited_content",
)
"""Stop reasons of the common APIs that mean a refusal, in lower case."""


def read_refusals(engine: Engine, n_accounts: int) -> np.ndarray | None:
    """int64[n_accounts] refused exchanges; None where the log has no stop reasons at all."""
    known = engine.collect("SELECT count(*) AS n FROM value_names WHERE channel = 'stop'")
    if not known["n"].to_pylist()[0]:
        return None
    names = ", ".join(f"'{name}'" for name in REFUSALS)
    rows = engine.collect(f"""
        SELECT d.code AS account, count(*) AS n
        FROM exchanges e JOIN (SELECT DISTINCT value FROM value_names WHERE channel = 'stop' AND lower(text) IN ({names})) r
          ON e.stop = r.value JOIN dim d ON e.account = d.account GROUP BY d.code""")
    refused = np.zeros(n_accounts, np.int64)
    refused[rows["account"].to_numpy()] = rows["n"].to_numpy()
    return refused
