"""Which exact prompts are sent by more than one account, and which accounts repeat their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hydrascope.engine.base import Engine

__all__ = ["Items", "read_items"]

MIN_WORDS = 5
"""Shorter prompts ("hi", "continue") are everybody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """Prompts sent by at least two accounts: m (account, prompt) rows sorted by account; and per-account counts."""

    account: np.ndarray
    """int32[m] codes."""
    prompt: np.ndarray
    """int64[m] hashes."""
    n: np.ndarray
    """int64[m] exchanges."""
    n_items: np.ndarray
    """int64[n_accounts] exchanges with a prompt long enough to count."""
    n_distinct: np.ndarray
    """int64[n_accounts] distinct prompts among them."""


def read_items(engine: Engine, n_accounts: int) -> Items:
    """Group the view `exchanges` by exact prompt."""
    engine.define(
        "sent",
        f"""
        SELECT account, prompt, count(*) AS n FROM exchanges
        WHERE prompt IS NOT NULL AND n_words >= {MIN_WORDS} GROUP BY account, prompt""",
    )
    rows = engine.collect("""
        WITH repeated AS (SELECT prompt FROM sent GROUP BY prompt HAVING count(*) >= 2)
        SELECT d.code AS account, s.prompt AS prompt, s.n AS n
        FROM sent s JOIN repeated r ON s.prompt = r.prompt JOIN dim d ON s.account = d.account""")
    sizes = engine.collect("""
        SELECT d.code AS account, CAST(sum(s.n) AS BIGINT) AS n, count(*) AS n_distinct
        FROM sent s JOIN dim d ON s.account = d.account GROUP BY d.code""")
    n_items, n_distinct = np.zeros(n_accounts, np.int64), np.zeros(n_accounts, np.int64)
    n_items[sizes["account"].to_numpy()] = sizes["n"].to_numpy().astype(np.int64)
    n_distinct[sizes["account"].to_numpy()] = sizes["n_distinct"].to_numpy()
    account, prompt = rows["account"].to_numpy(), rows["prompt"].to_numpy()
    order = np.lexsort((prompt, account))
    return Items(
        account=account[order].astype(np.int32),
        prompt=prompt[order],
        n=rows["n"].to_numpy()[order],
        n_items=n_items,
        n_distinct=n_distinct,
    )
