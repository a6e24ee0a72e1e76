"""What recurs inside an account: its heavy shingles, from a bounded sample of its exchanges.

An account's sample is its `n_sketched` exchanges with the lowest ranks, so an account's cost does not grow
with its volume. A shingle is heavy in an account when several different sampled exchanges hold it: wrappers
and system prompts recur, items do not (shared/design: "Content").
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from hydrascope.engine.base import Engine
from hydrascope.kernels.repeats import repeated_values

__all__ = ["Heavy", "Matches", "match_cores", "read_heavy", "read_times", "sample_exchanges", "usual_rate"]


_PER_PASS = 1_000_000
"""Exchanges whose shingles are held in memory at once, some 250 MB."""
_RANKS_PER_PASS = 4_000_000
_NONE = np.zeros(0, np.int64)
_EVERYWHERE = 0.25
"""Share of the accounts that hold a text, from which its usual rate is not taken at its word; see `usual_rate`."""
_MOST_USUAL = 0.01
"""Then no rate above this is called usual."""
_FEW = 3
"""An account with so few sampled exchanges cannot repeat itself: there, once can be enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heavy:
    """m (shingle, account) pairs, sorted by shingle, then account; only shingles heavy in >= 2 accounts."""

    shingle: np.ndarray
    """int64[m]."""
    account: np.ndarray
    """int32[m] codes."""
    n: np.ndarray
    """int64[m] sampled exchanges of the account that hold the shingle."""
    n_sampled: np.ndarray
    """int64[n_accounts] sampled exchanges."""
    passes: list[tuple[int, int]]
    """Ranges of hashed accounts, both ends included, with few enough sampled exchanges to be worked on at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """Which sampled exchanges hold a template: m rows sorted by account, exchange, template."""

    account: np.ndarray
    """int32[m] codes."""
    xid: np.ndarray
    """int64[m]."""
    template: np.ndarray
    """int32[m]."""


def sample_exchanges(engine: Engine, n_sketched: int, *, content: bool = True) -> None:
    """Define `sampled` (account code and hash, xid, system, shingles of the prompt), and `wrapped` (system, shingle).

    An exchange's shingles are those of its prompt and of its system prompt (once a system prompt). They are never put together in one table: system prompts repeat in a million exchanges, and most
    shingles of prompts occur once and are dropped before anything is grouped.
    """
    account, rank = _cuts(engine, n_sketched)
    engine.register("cut", pa.table({"account": account, "rank": rank}))
    keep = "" if content else " AND 1 = 0"
    engine.define(
        "sampled",
        f"""
        SELECT d.code AS account, s.account AS hashed, s.xid AS xid, s.system AS system, s.shingles AS shingles
        FROM shingles s JOIN cut c ON s.account = c.account JOIN dim d ON s.account = d.account
        WHERE s.rank <= c.rank{keep}""",
    )
    engine.define("wrapped", "SELECT system, unnest(shingles) AS shingle FROM systems")


def _cuts(engine: Engine, n_sketched: int) -> tuple[np.ndarray, np.ndarray]:
    """Accounts, int64[n] ascending hashes, and the highest rank in each one's sample.

    In passes over accounts: an engine's window over all ranks holds all of them at once.
    """
    n_rows = int(engine.collect("SELECT count(*) AS n FROM shingles")["n"][0].as_py())
    n_passes = max(1, -(-n_rows // _RANKS_PER_PASS))
    least = (
        -(2**63) + 1
    )  # the lowest of all cannot be written: engines read the minus apart, and the number is too large
    edges = [least + i * (2**64 - 1) // n_passes for i in range(n_passes + 1)]
    accounts, ranks = [_NONE], [_NONE]
    for low, high in pairwise(edges):
        of_pass = f"account <= {high - 1}" if low == least else f"account BETWEEN {low} AND {high - 1}"
        batches = list(engine.stream(f"SELECT account, rank FROM shingles WHERE {of_pass}"))
        if not sum(map(len, batches)):
            continue
        account, rank = (np.concatenate([b[c].to_numpy() for b in batches]) for c in ("account", "rank"))
        order = np.lexsort((rank, account))
        account, rank = account[order], rank[order]
        first = np.flatnonzero(np.append(True, account[1:] != account[:-1]))
        last = np.append(first[1:], len(account)) - 1
        accounts.append(account[first])
        ranks.append(rank[np.minimum(first + n_sketched - 1, last)])
    return np.concatenate(accounts), np.concatenate(ranks)


def read_heavy(engine: Engine, n_accounts: int) -> Heavy:
    """Shingles that are heavy in at least two accounts.

    Heavy means more often than the shingle's usual rate explains (its mean share over accounts, three standard
    deviations and one exchange on top): "write a function that" recurs in everybody's traffic and says nothing.
    An account with three sampled exchanges or fewer cannot repeat itself much: there, once can be enough.
    A shingle that stands in a prompt and in its system prompt is counted in both, up to the sample's size.
    Shares are summed as whole billionths: a sum of fractions would depend on the order that threads meet them in.
    """
    sizes = engine.collect("SELECT account, hashed, count(*) AS n FROM sampled GROUP BY account, hashed")
    n_sampled = np.zeros(n_accounts, np.int64)
    n_sampled[sizes["account"].to_numpy()] = sizes["n"].to_numpy()
    engine.register(
        "sample_sizes", pa.table({"account": np.arange(n_accounts, dtype=np.int32), "n_sampled": n_sampled})
    )
    engine.register("repeated", pa.table({"shingle": _repeated(engine, sizes, n_sampled)}))
    passes = _passes(sizes["hashed"].to_numpy(), sizes["n"].to_numpy())
    held = [_held(low, high) for low, high in passes]
    if len(passes) == 1:  # both questions are asked of one table
        engine.register("counted", engine.collect(f"{held[0]} SELECT account, shingle, n FROM held"))
        held = ["WITH held AS (SELECT account, shingle, n FROM counted)"]
    usual, rate = _usual(engine, held, n_accounts)
    engine.register("usual", pa.table({"shingle": usual, "rate": rate}))
    found = [engine.collect(one + _HEAVY) for one in held]
    shingle, account, n = (
        np.concatenate([_NONE, *(t[c].to_numpy() for t in found)]) for c in ("shingle", "account", "n")
    )
    names, n_users = np.unique(shingle, return_counts=True)
    kept = np.isin(shingle, names[n_users >= 2])
    shingle, account, n = shingle[kept], account[kept], n[kept]
    order = np.lexsort((account, shingle))
    return Heavy(
        shingle=shingle[order],
        account=account[order].astype(np.int32),
        n=n[order],
        n_sampled=n_sampled,
        passes=passes,
    )


_HEAVY = f"""
    , expected AS (SELECT h.account AS account, h.shingle AS shingle, h.n AS n, z.n_sampled * u.rate AS mean
                   FROM held h JOIN usual u ON h.shingle = u.shingle JOIN sample_sizes z ON h.account = z.account
                   WHERE h.n >= 2 OR z.n_sampled <= {_FEW})
    SELECT account, shingle, n FROM expected WHERE n >= 1e0 + mean + 3e0 * sqrt(mean)"""


def _held(low: int, high: int) -> str:
    """The beginning of a query: `held`, the sampled exchanges that hold a candidate, of a range of hashed accounts.

    In ranges, because a large log has hundreds of millions of such pairs, and an engine groups them in memory.
    """
    mine = f"FROM sampled WHERE hashed BETWEEN {low} AND {high}"
    return f"""
        WITH candidates AS (SELECT shingle FROM repeated UNION SELECT shingle FROM wrapped),
        wrappers AS (SELECT account, system, count(*) AS n {mine} AND system IS NOT NULL GROUP BY account, system),
        found AS (SELECT p.account AS account, p.shingle AS shingle, count(*) AS n
                  FROM (SELECT account, unnest(shingles) AS shingle {mine}) p JOIN candidates c ON p.shingle = c.shingle
                  GROUP BY p.account, p.shingle
                  UNION ALL
                  SELECT r.account AS account, w.shingle AS shingle, r.n AS n
                  FROM wrappers r JOIN wrapped w ON r.system = w.system),
        summed AS (SELECT account, shingle, CAST(sum(n) AS BIGINT) AS n FROM found GROUP BY account, shingle),
        held AS (SELECT s.account AS account, s.shingle AS shingle, least(s.n, z.n_sampled) AS n
                 FROM summed s JOIN sample_sizes z ON s.account = z.account)"""


def _usual(engine: Engine, held: list[str], n_accounts: int) -> tuple[np.ndarray, np.ndarray]:
    """Shingles that two accounts or more hold, int64[k], and their mean share over all accounts, float64[k]."""
    parts = [
        engine.collect(f"""{one}
            SELECT h.shingle AS shingle, count(*) AS n,
                   CAST(sum(CAST(round(h.n * 1e9 / z.n_sampled) AS BIGINT)) AS BIGINT) AS share
            FROM held h JOIN sample_sizes z ON h.account = z.account GROUP BY h.shingle""")
        for one in held
    ]
    shingle, n, share = (
        np.concatenate([_NONE, *(t[c].to_numpy() for t in parts)]) for c in ("shingle", "n", "share")
    )
    names, place = np.unique(shingle, return_inverse=True)
    users, total = np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
    np.add.at(users, place, n)
    np.add.at(total, place, share)
    several = users >= 2
    return names[several], usual_rate(total[several] / 1e9, users[several], n_accounts)


def usual_rate(total_share: np.ndarray, n_users: np.ndarray, n_accounts: int) -> np.ndarray:
    """Mean share of exchanges over all accounts that hold a text; at most `_MOST_USUAL` where a quarter of them hold it.

    Few phrases are in a quarter of all accounts' mouths by chance. What stands there may be one campaign, however
    usual that makes it.

    Args:
        total_share: float64[k], the sum over accounts. n_users: int64[k], accounts that hold it at all.
    """
    rate = total_share / n_accounts
    return np.where(n_users >= _EVERYWHERE * n_accounts, np.minimum(rate, _MOST_USUAL), rate)


def _repeated(engine: Engine, sizes: pa.Table, n_sampled: np.ndarray) -> np.ndarray:
    """int64[], ascending: shingles of prompts that recur inside two accounts or more.

    Most shingles of prompts occur once. Only those that recur, and those of system prompts, can be heavy, and only they
    are worth grouping.
    """
    found = [
        _repeated_in(
            list(
                engine.stream(f"SELECT account, shingles FROM sampled WHERE hashed BETWEEN {low} AND {high}")
            ),
            n_sampled <= _FEW,
        )
        for low, high in _passes(sizes["hashed"].to_numpy(), sizes["n"].to_numpy())
    ]
    shingle, n_accounts = np.unique(np.concatenate([_NONE, *found]), return_counts=True)
    return shingle[n_accounts >= 2]


def _passes(hashed: np.ndarray, n: np.ndarray) -> list[tuple[int, int]]:
    """Ranges of hashed accounts, both ends included, with about `_PER_PASS` sampled exchanges each.

    Parts hold their shingles in order of hashed accounts, so a pass reads little that it does not want.
    """
    order = np.argsort(hashed)
    before = np.cumsum(n[order]) - n[order]
    first = np.flatnonzero(np.diff(before // _PER_PASS, prepend=-1))
    last = np.append(first[1:], len(order)) - 1
    ends = hashed[order]
    return list(zip(ends[first].tolist(), ends[last].tolist(), strict=True)) if len(order) else []


def _repeated_in(batches: list[pa.RecordBatch], once: np.ndarray) -> np.ndarray:
    """Shingles that recur in an account, once for each such account."""
    if not batches:
        return np.zeros(0, np.int64)
    account = np.concatenate([b["account"].to_numpy() for b in batches])
    lists = pa.chunked_array([b["shingles"] for b in batches]).combine_chunks()
    offsets = lists.offsets.to_numpy().astype(np.int64)
    order = np.argsort(account, kind="stable")
    _, shingle = repeated_values(order, account.astype(np.int32), offsets, lists.values.to_numpy(), once)
    return shingle


def match_cores(
    engine: Engine,
    shingle: np.ndarray,
    template: np.ndarray,
    *,
    coverage: float,
    passes: list[tuple[int, int]],
) -> Matches:
    """Sampled exchanges that hold at least `coverage` of a template's core shingles.

    Args:
        shingle: int64[k], template: int32[k], the cores, flattened.
        coverage: share of the core that an exchange must hold, a shingle of both prompt and system prompt counting
            twice.
        passes: of `Heavy`.
    """
    sizes = np.bincount(template, minlength=int(template.max(initial=-1)) + 1)
    need = np.maximum(1, np.ceil(coverage * sizes)).astype(np.int64)
    engine.register("cores", pa.table({"shingle": shingle, "template": template, "need": need[template]}))
    columns = []
    for low, high in passes:
        rows = engine.collect(_MATCHED.format(mine=f"hashed BETWEEN {low} AND {high}"))
        kinds = (("account", np.int32), ("xid", np.int64), ("template", np.int32))
        columns.append([rows[c].to_numpy().astype(kind) for c, kind in kinds])
    if not columns:
        columns = [[np.zeros(0, np.int32), _NONE, np.zeros(0, np.int32)]]
    account, xid, found = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    order = np.lexsort((found, xid, account))
    return Matches(account=account[order], xid=xid[order], template=found[order])


_MATCHED = """
    WITH wrapped_cores AS (SELECT w.system AS system, c.template AS template, count(*) AS n, max(c.need) AS need
                           FROM wrapped w JOIN cores c ON w.shingle = c.shingle GROUP BY w.system, c.template),
    found AS (SELECT p.account AS account, p.xid AS xid, c.template AS template, CAST(1 AS BIGINT) AS n, c.need AS need
              FROM (SELECT account, xid, unnest(shingles) AS shingle FROM sampled WHERE {mine}) p
              JOIN cores c ON p.shingle = c.shingle
              UNION ALL
              SELECT s.account AS account, s.xid AS xid, q.template AS template, q.n AS n, q.need AS need
              FROM sampled s JOIN wrapped_cores q ON s.system = q.system WHERE s.{mine})
    SELECT account, xid, template FROM found
    GROUP BY account, xid, template HAVING sum(n) >= max(need)"""


def read_times(engine: Engine, xid: np.ndarray) -> np.ndarray:
    """When some exchanges of the view `exchanges` began: int64[n], microseconds since 1970. Args: xid: int64[n]."""
    wanted, place = np.unique(xid, return_inverse=True)
    engine.register("timed", pa.table({"xid": wanted}))
    rows = engine.collect(
        "SELECT e.xid AS xid, e.at_us AS at_us FROM exchanges e JOIN timed t ON e.xid = t.xid"
    )
    at = np.zeros(len(wanted), np.int64)
    at[np.searchsorted(wanted, rows["xid"].to_numpy())] = rows["at_us"].to_numpy()
    return at[place]
