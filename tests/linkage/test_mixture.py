"""A group of accounts is split where its parts use phrases in their own proportions, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from hydrascope.linkage.mixture import split_by_use

N_PHRASES = 60


def draws(rates: list[np.ndarray], n_draws: int, rng: np.random.Generator) -> tuple[csr_array, np.ndarray]:
    """One phrase an exchange, n_draws exchanges an account."""
    account = np.repeat(np.arange(len(rates)), n_draws)
    phrase = np.concatenate([rng.choice(N_PHRASES, n_draws, p=rate) for rate in rates])
    shape = (len(account), N_PHRASES)
    return csr_array((np.ones(len(account)), (np.arange(len(account)), phrase)), shape=shape), account


def proportions(rng: np.random.Generator) -> np.ndarray:
    return rng.dirichlet(np.full(N_PHRASES, 0.5))


@pytest.mark.parametrize("parts", [2, 3])
def test_operators_with_proportions_of_their_own_are_told_apart(parts: int) -> None:
    """Thirty draws an account are enough, whatever the sizes."""
    rng = np.random.default_rng(parts)
    truth = np.repeat(np.arange(parts), [40, 25, 15][:parts])
    rates = [proportions(rng) for _ in range(parts)]
    table, account = draws([rates[t] for t in truth.tolist()], 30, rng)
    label = split_by_use(table, account, len(truth), least=8)
    assert len(np.unique(label)) == parts
    for part in range(parts):
        assert np.bincount(label[truth == part]).max() >= 0.95 * (truth == part).sum()


def test_one_operator_is_hardly_ever_split() -> None:
    """Statistical: of sixty groups that draw alike, two at most fall apart."""
    split = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        table, account = draws([proportions(rng)] * 60, int(rng.integers(4, 40)), rng)
        split += split_by_use(table, account, 60, least=8).max() > 0
    assert split <= 2


def test_too_few_accounts_or_draws_stay_together() -> None:
    """Nothing can be learned from an empty table, one phrase, or a handful."""
    rng = np.random.default_rng(0)
    table, account = draws([proportions(rng) for _ in range(9)], 20, rng)
    assert split_by_use(table, account, 9, least=8).max() == 0
    nothing = csr_array((0, 5), dtype=np.float64)
    assert split_by_use(nothing, np.zeros(0, np.int64), 30, least=8).tolist() == [0] * 30
    same = csr_array(np.ones((60, 1)))
    assert split_by_use(same, np.arange(60) // 2, 30, least=8).max() == 0


@settings(max_examples=150, deadline=None)
@given(
    arrays(np.int8, st.tuples(st.integers(0, 60), st.integers(1, 8)), elements=st.integers(0, 1)),
    st.integers(1, 30),
)
def test_any_table_gives_every_account_a_part(held: np.ndarray, n_accounts: int) -> None:
    """Empty, constant or of one kind: parts are numbered from nought, none smaller than asked unless it is the rest."""
    account = np.arange(len(held)) % n_accounts
    label = split_by_use(csr_array(held.astype(float)), account, n_accounts, least=3)
    assert len(label) == n_accounts
    assert np.unique(label).tolist() == list(range(int(label.max()) + 1))
    assert label.max() == 0 or np.bincount(label).min() >= 3
