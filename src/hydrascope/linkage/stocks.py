"""Stocks of wordings: accounts that draw on many wordings, each of them too seldom to recur inside any one account.

A template recurs inside an account. Whoever paraphrases a request two hundred times, deals the versions out over a
hundred accounts and hides them under other traffic repeats nothing there; but any two of the accounts have a dozen
rare phrases in common, in different requests. So accounts are compared by the rare shingles that they share, whatever is
explained by templates left out; a group is grown from each dense neighbourhood by the wording that its members hold
and others do not; and its shingles are put together to phrases by the exchanges that they stand in.

People who speak one language or have one subject share phrases too. What is found here is a candidate: that the members
use the whole stock alike, and what for, is for the judge to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from hydrascope.features.wording import SampledShingles, is_enough, is_own
from hydrascope.linkage.mixture import split_by_use
from hydrascope.linkage.templates import Templates, TemplateSettings, find_templates
from hydrascope.stats.variation import effective_number

__all__ = ["Stock", "StockSettings", "find_stocks"]

_LIKE_OTHERS = 1.5
"""A member may repeat a phrase that much oftener than two members have one in common."""
_LEAST_WORDING = 4
"""Shingles, fewer of which are one phrase."""
_BLOCK = 500
"""Accounts compared with all others at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockSettings:
    """What makes a stock, and how much is read to find one."""

    most_accounts: int = 6_000
    """Accounts compared with each other; of more, some, evenly chosen."""
    most_exchanges: int = 96
    """Sampled exchanges of each."""
    most_length: int = 160
    """Shingles of an exchange; a tenth of a longer one is no phrase, so it is not read."""
    most_shingles: int = 20_000_000
    """Of all that is read, about (some 1.5 GB while it is compared): of more, fewer exchanges of each account."""
    explained: float = 0.15
    """A template that its users hold in this share of their exchanges explains those: they are left out."""
    n_neighbours: int = 12
    most_popular: float = 0.1
    """Shingles that more of the accounts hold do not make two accounts alike."""
    least_likeness: float = 0.04
    """Cosine to the fifth neighbour from which an account's neighbourhood is looked at."""
    most_seeds: int = 300
    least_accounts: int = 8
    most_part: float = 0.3
    """Share of the accounts above which what they have in common is the log's language."""
    least_users: float = 0.1
    """Share of a group's accounts that must use a shingle for it to bring in others."""
    least_users_of_phrase: float = 0.05
    """Share of a stock's accounts that use each phrase of it."""
    least_share: float = 0.03
    """Of the median member's exchanges, to hold the stock's wording."""
    least_wordings: float = 4.0
    """Phrases that a member uses in turn, effectively; fewer are templates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """Accounts that draw on the same phrases."""

    accounts: np.ndarray
    """int32[k] codes, ascending: those of the accounts that were read."""
    share: float
    """Share of the median one's exchanges that hold a phrase of the stock."""
    phrases: tuple[np.ndarray, ...]
    """int64[] shingles of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Log:
    """n accounts, e exchanges, s shingles that three accounts hold or more."""

    code: np.ndarray
    """int32[n]."""
    account: np.ndarray
    """int64[e] positions in `code`."""
    length: np.ndarray
    """int64[e] shingles of each exchange, rare ones included."""
    held: csr_array
    """e x s, ones."""
    used: csr_array
    """n x s, ones."""
    shingle: np.ndarray
    """int64[s], ascending."""
    n_users: np.ndarray
    """int64[s]."""
    n_exchanges: np.ndarray
    """int64[n]."""


def find_stocks(part: SampledShingles, settings: StockSettings, templates: TemplateSettings) -> list[Stock]:
    """Stocks of wordings among exchanges that templates do not explain, largest first.

    Args:
        part: exchanges of the accounts to compare.
    """
    log = _log(part)
    if len(log.code) < 3 * settings.least_accounts:
        return []
    groups = _united(_grown(log, settings))
    stocks = [s for accounts in groups for s in _stocks_of(log, accounts, settings, templates)]
    return sorted(stocks, key=lambda s: (-len(s.accounts), s.accounts.tobytes()))


def _log(part: SampledShingles) -> _Log:
    code, account = np.unique(part.account, return_inverse=True)
    shingle, column = np.unique(part.shingle, return_inverse=True)
    shape = (len(part), len(shingle))
    held = csr_array((np.ones(len(column), np.float32), (part.rows(), column)), shape=shape)
    held.sum_duplicates()
    used = _ones(_by_account(held, account, len(code)))
    n_users = np.bincount(used.indices, minlength=len(shingle))
    kept = np.flatnonzero(n_users >= 3)
    return _Log(
        code=code.astype(np.int32),
        account=account,
        length=np.diff(part.offsets),
        held=_ones(held[:, kept]),
        used=used[:, kept],
        shingle=shingle[kept],
        n_users=n_users[kept],
        n_exchanges=np.bincount(account, minlength=len(code)),
    )


def _by_account(held: csr_array, account: np.ndarray, n_accounts: int) -> csr_array:
    """Sums over each account's rows."""
    rows = csr_array(
        (np.ones(len(account), np.float32), (account, np.arange(len(account)))),
        shape=(n_accounts, len(account)),
    )
    return csr_array(rows @ held)


def _ones(table: csr_array) -> csr_array:
    return csr_array((np.ones(len(table.data), np.float32), table.indices, table.indptr), shape=table.shape)


def _neighbourhoods(log: _Log, settings: StockSettings) -> list[tuple[int, np.ndarray]]:
    """Each account and those that share most with it, itself among them (int64[], ascending), densest first.

    Likeness is the cosine of the accounts' shingles, each weighted by the log of the inverse of its popularity.
    """
    n = len(log.code)
    usual = log.n_users > max(50.0, settings.most_popular * n)
    weight = np.where(usual, 0.0, np.log(n / log.n_users))
    table = log.used.multiply(weight.astype(np.float32)[None, :]).tocsr()
    table.eliminate_zeros()
    norm = np.sqrt(np.asarray(table.multiply(table).sum(axis=1)).ravel())
    table = csr_array(table.multiply((1.0 / np.maximum(norm, 1e-9))[:, None]))
    transposed = csr_array(table.T)
    k = min(settings.n_neighbours, n - 1)
    nearest, density = np.zeros((n, k), np.int64), np.zeros(n)
    for start in range(0, n, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, n))
        likeness = (table[rows] @ transposed).toarray()
        likeness[np.arange(len(rows)), rows] = -1.0
        nearest[rows] = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
        found = np.take_along_axis(likeness, nearest[rows], axis=1)
        density[rows] = np.sort(found, axis=1)[:, max(k - 5, 0)]
    order = np.lexsort((np.arange(n), -density))
    dense = order[(density[order] >= settings.least_likeness) & (log.n_exchanges[order] >= 6)]
    return [(i, np.unique(np.append(nearest[i], i))) for i in dense.tolist()]


def _grown(log: _Log, settings: StockSettings) -> list[np.ndarray]:
    """A group from each dense neighbourhood whose account is in none yet: int64[] positions, ascending."""
    found, taken, n_seeds = [], np.zeros(len(log.code), bool), 0
    for account, neighbourhood in _neighbourhoods(log, settings):
        if taken[account]:
            continue
        n_seeds += 1
        group = _grow(log, neighbourhood, settings)
        if group is not None:
            taken[group] = True
            found.append(group)
        if n_seeds == settings.most_seeds:
            break
    return found


def _wording(log: _Log, accounts: np.ndarray, least_users: float) -> np.ndarray:
    """Columns that the accounts hold far more often than others, and many of them: int64[]."""
    inside = np.bincount(log.used[accounts].indices, minlength=len(log.shingle))
    own = is_own(inside, len(accounts), log.n_users - inside, len(log.code) - len(accounts))
    return np.flatnonzero(own & (inside >= least_users * len(accounts)))


def _holding(log: _Log, wording: np.ndarray) -> np.ndarray:
    """bool[e]: the exchanges that hold enough of a wording."""
    wanted = np.zeros(len(log.shingle), np.float32)
    wanted[wording] = 1.0
    return is_enough(log.held @ wanted, log.length)


def _grow(log: _Log, accounts: np.ndarray, settings: StockSettings) -> np.ndarray | None:
    """The accounts that use a neighbourhood's wording at least half as much as its members do; None where it has none."""
    for _ in range(6):
        wording = _wording(log, accounts, settings.least_users)
        if len(wording) < _LEAST_WORDING:
            return None
        n_held = np.bincount(log.account[_holding(log, wording)], minlength=len(log.code))
        share = n_held / np.maximum(log.n_exchanges, 1)
        usual = float(np.median(share[accounts]))
        if usual < settings.least_share:
            return None
        grown = np.flatnonzero((share >= max(0.5 * usual, settings.least_share)) & (n_held >= 3))
        if not settings.least_accounts <= len(grown) <= settings.most_part * len(log.code):
            return None
        if np.array_equal(grown, accounts):
            break
        accounts = grown
    return accounts


def _united(groups: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Groups without those that lie in an earlier one; what overlaps by half becomes one."""
    united: list[np.ndarray] = []
    for group in groups:
        for i, other in enumerate(united):
            common = len(np.intersect1d(group, other, assume_unique=True))
            if common >= 0.5 * min(len(group), len(other)):
                united[i] = np.union1d(group, other)
                break
        else:
            united.append(group)
    return united


def _stocks_of(
    log: _Log, accounts: np.ndarray, settings: StockSettings, templates: TemplateSettings
) -> list[Stock]:
    """Parts of a group that use its phrases each in their own way."""
    wording = _wording(log, accounts, settings.least_users_of_phrase)
    if len(wording) < _LEAST_WORDING:
        return []
    phrases, rows, draws = _draws(log, accounts, wording, templates)
    if not len(phrases):
        return []
    account = np.searchsorted(accounts, log.account[rows])
    used = _ones(_by_account(draws, account, len(accounts)))
    label = _parts(draws, account, used, settings)
    owner = _owners(used, label)
    found = []
    for part in range(int(label.max()) + 1):
        members = _drawing_alike(draws, account, np.flatnonzero(label == part), len(accounts))
        if len(members) < settings.least_accounts:
            continue
        n_users = np.bincount(used[members].indices, minlength=len(phrases))
        chosen = np.flatnonzero((owner == part) & (n_users >= settings.least_users_of_phrase * len(members)))
        mine = np.isin(account, members)
        drawn = draws[mine][:, chosen]
        held = np.bincount(account[mine][np.diff(drawn.indptr) > 0], minlength=len(accounts))[members]
        share = float(np.median(held / log.n_exchanges[accounts[members]]))
        if share >= settings.least_share and _wordings(drawn, account[mine]) >= settings.least_wordings:
            cores = tuple(phrases.core[phrases.core_offsets[t] : phrases.core_offsets[t + 1]] for t in chosen)
            found.append(Stock(accounts=log.code[accounts[members]], share=share, phrases=cores))
    return found


def _parts(draws: csr_array, account: np.ndarray, used: csr_array, settings: StockSettings) -> np.ndarray:
    """int64[]: the part of each account, by all phrases, and within that by those that many of the accounts use.

    Many phrases tell operators apart that share the common ones; few but frequent ones are not drowned by accidents.
    """
    n = used.shape[0]
    often = np.bincount(used.indices, minlength=used.shape[1]) >= settings.least_users * n
    label = split_by_use(draws, account, n, least=settings.least_accounts)
    within = np.zeros(n, np.int64)
    for part in range(int(label.max()) + 1):
        mine = np.flatnonzero(label == part)
        rows = np.flatnonzero(label[account] == part)
        place = np.searchsorted(mine, account[rows])
        within[mine] = split_by_use(
            draws[rows][:, np.flatnonzero(often)], place, len(mine), least=settings.least_accounts
        )
    return np.unique(label * (n + 1) + within, return_inverse=True)[1].astype(np.int64)


def _draws(
    log: _Log, accounts: np.ndarray, wording: np.ndarray, settings: TemplateSettings
) -> tuple[Templates, np.ndarray, csr_array]:
    """Phrases (shingles that stand in the same exchanges), and which of them each exchange of the accounts holds.

    Returns:
        the phrases; int64[r] exchanges that hold any; r x phrases, ones.
    """
    inside = np.zeros(len(log.code), bool)
    inside[accounts] = True
    rows = np.flatnonzero(inside[log.account] & _holding(log, wording))
    by_shingle = log.held[rows][:, wording].tocsc()
    by_shingle.sort_indices()
    phrases = find_templates(
        np.repeat(log.shingle[wording], np.diff(by_shingle.indptr)),
        by_shingle.indices.astype(np.int32),
        settings,
    )
    core, phrase = phrases.flat()
    of = csr_array(
        (np.ones(len(core), np.float32), (np.searchsorted(log.shingle, core), phrase)),
        shape=(len(log.shingle), max(len(phrases), 1)),
    )
    held = csr_array(log.held[rows] @ of)
    enough = held.data >= np.ceil(settings.coverage * np.diff(phrases.core_offsets))[held.indices]
    held.data = enough.astype(np.float32)
    held.eliminate_zeros()
    some = np.diff(held.indptr) > 0
    return phrases, rows[some], csr_array(held[some])


def _owners(used: csr_array, label: np.ndarray) -> np.ndarray:
    """The part whose members use each phrase most, on the mean: int64[phrases]."""
    parts = int(label.max(initial=0)) + 1
    sizes = np.bincount(label, minlength=parts)
    mean = csr_array((1.0 / sizes[label], (label, np.arange(len(label)))), shape=(parts, len(label)))
    return np.asarray((mean @ used).toarray().argmax(axis=0))


def _drawing_alike(draws: csr_array, account: np.ndarray, members: np.ndarray, n_accounts: int) -> np.ndarray:
    """The members that repeat a phrase no oftener than two of them have one in common.

    People keep to their own phrases, and a job sends the same ones every night; a stock is used alike by all. With P
    the chance that two requests of the group hold the same phrase, m requests of a member have m (m - 1) / 2 P such
    pairs, give or take.
    """
    first = _first_phrase(draws)
    for _ in range(3):
        inside = np.zeros(n_accounts, bool)
        inside[members] = True
        rows = np.flatnonzero(inside[account] & (first >= 0))
        if not len(rows):
            return members[:0]
        n_phrase = np.bincount(first[rows]).astype(float)
        alike = float((n_phrase**2).sum()) / len(rows) ** 2
        own, n = np.unique(account[rows].astype(np.int64) * draws.shape[1] + first[rows], return_counts=True)
        pairs = np.bincount(own // draws.shape[1], weights=n * (n - 1) / 2.0, minlength=n_accounts)
        m = np.bincount(account[rows], minlength=n_accounts)
        expected = _LIKE_OTHERS * alike * m * (m - 1) / 2.0
        stays = inside & (pairs <= expected + 3.0 * np.sqrt(expected) + 1.0)
        if stays.sum() == len(members):
            break
        members = np.flatnonzero(stays)
    return members


def _first_phrase(draws: csr_array) -> np.ndarray:
    """int64[r]: the first phrase that each exchange holds, -1 where it holds none."""
    some = np.flatnonzero(np.diff(draws.indptr) > 0)
    first = np.full(draws.shape[0], -1, np.int64)
    if len(some):
        first[some] = np.minimum.reduceat(draws.indices, draws.indptr[some])
    return first


def _wordings(draws: csr_array, account: np.ndarray) -> float:
    """Phrases that an account uses in turn; a request that holds several counts for the first of them."""
    first = _first_phrase(draws)
    some = first >= 0
    return effective_number(account[some], first[some])[0]
