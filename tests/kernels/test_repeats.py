"""What recurs inside an account is found as by counting with a dictionary."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hydrascope.kernels.repeats import repeated_values


def counted(account: np.ndarray, lists: list[np.ndarray], once: np.ndarray) -> set[tuple[int, int]]:
    """The pairs by their definition."""
    seen = Counter((int(a), int(v)) for a, held in zip(account, lists, strict=True) for v in held)
    return {pair for pair, n in seen.items() if n >= 2 or once[pair[0]]}


@pytest.mark.parametrize("seed", range(8))
def test_pairs_are_those_of_the_definition_each_once(seed: int) -> None:
    """Accounts of no list to many, lists of none to hundreds, values that collide in the table."""
    rng = np.random.default_rng(seed)
    n, n_accounts = int(rng.integers(0, 400)), 30
    account = rng.integers(0, n_accounts, n).astype(np.int32)
    pool = rng.integers(-(2**62), 2**62, 500) & ~np.int64(0x3FF if seed % 2 else 0)
    lists = [rng.choice(pool, min(int(rng.zipf(1.5)), 300), replace=False) for _ in range(n)]
    once = rng.random(n_accounts) < 0.3
    flat = np.concatenate([np.zeros(0, np.int64), *lists]).astype(np.int64)
    offsets = np.cumsum([0, *(len(v) for v in lists)]).astype(np.int64)
    owners, values = repeated_values(np.argsort(account, kind="stable"), account, offsets, flat, once)
    found = list(zip(owners.tolist(), values.tolist(), strict=True))
    assert len(found) == len(set(found))
    assert set(found) == {(a, v) for a, v in counted(account, [np.unique(v) for v in lists], once)}
