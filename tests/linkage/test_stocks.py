"""Stocks of wordings: accounts that share many phrases and repeat none are found, people who keep to their own are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hydrascope.features.wording import SampledShingles
from hydrascope.linkage.stocks import Stock, StockSettings, find_stocks
from hydrascope.linkage.templates import TemplateSettings

Draw = Callable[[np.random.Generator, int], int]
"""From an account's number to a phrase."""
N_EXCHANGES = 40
N_PEOPLE = 400


def log(draws: list[Draw], cover: float, rng: np.random.Generator) -> SampledShingles:
    """Accounts that each send N_EXCHANGES exchanges, 1 - cover of them with a phrase of three shingles, then people.

    Every exchange also holds some words of common speech and some that nobody else uses.
    """
    rows: list[list[int]] = []
    free = 10**9
    for account in range(len(draws) + N_PEOPLE):
        for _ in range(N_EXCHANGES):
            words = [10**6 + int(w) for w in rng.zipf(1.3, 6) if w < 10**5] + list(range(free, free + 6))
            free += 6
            if account < len(draws) and rng.random() >= cover:
                phrase = draws[account](rng, account)
                words += [10 * phrase + i for i in range(3)]
            rows.append(sorted(set(words)))
    n = len(draws) + N_PEOPLE
    return SampledShingles(
        account=np.repeat(np.arange(n, dtype=np.int32), N_EXCHANGES),
        xid=np.arange(n * N_EXCHANGES),
        offsets=np.cumsum([0, *map(len, rows)]),
        shingle=np.array([w for row in rows for w in row], np.int64),
    )


def stocks(part: SampledShingles) -> list[Stock]:
    """With the settings that are shipped."""
    return find_stocks(part, StockSettings(), TemplateSettings())


def from_stock(first: int, size: int) -> Draw:
    """Any phrase of a stock, by anybody."""
    return lambda rng, _: first + int(rng.integers(size))


def of_one_s_own(first: int, size: int, own: int) -> Draw:
    """One of the few phrases of a common language that an account likes."""
    return lambda rng, account: (
        first + int(np.random.default_rng(account).integers(size, size=own)[rng.integers(own)])
    )


@pytest.mark.parametrize(("size", "cover"), [(60, 0.0), (60, 0.5), (60, 0.75), (200, 0.0), (200, 0.5)])
def test_accounts_that_draw_on_one_stock_are_found_though_none_repeats_itself(
    size: int, cover: float
) -> None:
    """Nine in ten of eighty accounts, and nobody else; under much cover if each phrase is dealt to some of them."""
    rng = np.random.default_rng(size)
    (found,) = stocks(log([from_stock(0, size)] * 80, cover, rng))
    assert (found.accounts < 80).sum() >= 72
    assert (found.accounts >= 80).sum() <= 1
    assert found.share == pytest.approx(1 - cover, abs=0.15)


def test_two_stocks_are_two() -> None:
    """Two operators in one log, each with phrases of its own and some that both use."""
    rng = np.random.default_rng(1)
    draws = [from_stock(0, 120)] * 60 + [from_stock(100, 120)] * 60
    found = stocks(log(draws, 0.5, rng))
    assert len(found) == 2
    for stock in found:
        sides = np.bincount(stock.accounts >= 60, minlength=2)
        assert sides.max() >= 50 and sides.min() <= 2


@pytest.mark.parametrize("own", [2, 5])
def test_people_of_one_language_who_keep_to_their_own_phrases_are_no_stock(own: int) -> None:
    """They share a hundred phrases as a campaign does, but each likes a few of them."""
    rng = np.random.default_rng(own)
    assert not stocks(log([of_one_s_own(0, 100, own)] * 80, 0.3, rng))


def test_strangers_and_short_logs_have_none() -> None:
    """Nobody shares more than common speech; and a dozen accounts are not enough to compare."""
    rng = np.random.default_rng(2)
    part = log([], 0.0, rng)
    assert not stocks(part)
    assert not stocks(part.take(np.flatnonzero(part.account < 12)))


def test_the_order_of_the_exchanges_changes_nothing() -> None:
    """Engines hand rows out in orders of their own; each reader sorts them by account and exchange."""
    rng = np.random.default_rng(3)
    part = log([from_stock(0, 60)] * 40, 0.5, rng)
    mixed = part.take(rng.permutation(len(part))).first(N_EXCHANGES)
    for one, other in zip(stocks(part), stocks(mixed), strict=True):
        assert one.accounts.tolist() == other.accounts.tolist()
        assert [p.tolist() for p in one.phrases] == [p.tolist() for p in other.phrases]
