"""Which exact prompts are sent by more than one account, and which accounts repeat their own.

Later turns of a conversation are no items: "answer in JSON alone" is sent over and over by whoever follows up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hydrascope.engine.base import Engine
from hydrascope.features.repeats import read_passes, repeats_of

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
    """int64[n_accounts] exchanges with a prompt that counts: long enough, and the first of its conversation where that is known."""
    n_distinct: np.ndarray
    """int64[n_accounts] distinct prompts among them."""


def read_items(engine: Engine, n_accounts: int, n_exchanges: int) -> Items:
    """Group the view `exchanges` by exact prompt."""
    n_items, n_distinct = np.zeros(n_accounts, np.int64), np.zeros(n_accounts, np.int64)
    shared = [np.zeros((3, 0), np.int64)]
    for part in read_passes(
        engine,
        "d.code AS account, e.prompt AS prompt",
        "FROM exchanges e JOIN dim d ON e.account = d.account "
        f"WHERE e.prompt IS NOT NULL AND e.n_words >= {MIN_WORDS} AND coalesce(e.turns, 1) <= 1",
        "e.prompt",
        n_exchanges,
    ):
        n_items += np.bincount(part["account"], minlength=n_accounts)
        again = repeats_of(part["prompt"])
        account, prompt, n = _distinct_pairs(part["account"][again].astype(np.int64), part["prompt"][again])
        n_distinct -= np.bincount(account, weights=n - 1, minlength=n_accounts).astype(np.int64)
        several = np.zeros(len(prompt), bool)  # accounts: pairs are sorted by prompt
        several[1:] |= prompt[1:] == prompt[:-1]
        several[:-1] |= prompt[1:] == prompt[:-1]
        shared.append(np.stack([account[several], prompt[several], n[several]]))
    account, prompt, n = np.concatenate(shared, axis=1)
    order = np.lexsort((prompt, account))
    return Items(
        account=account[order].astype(np.int32),
        prompt=prompt[order],
        n=n[order],
        n_items=n_items,
        n_distinct=n_items + n_distinct,
    )


def _distinct_pairs(account: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct (account, value) with the times that each occurs, sorted by value, then account."""
    order = np.lexsort((account, value))
    account, value = account[order], value[order]
    first = np.ones(len(account), bool)
    first[1:] = (account[1:] != account[:-1]) | (value[1:] != value[:-1])
    starts = np.flatnonzero(first)
    return account[starts], value[starts], np.diff(np.append(starts, len(account)))
