"""FRAUDAR's greedy rule: the densest block of accounts and values, columns weighted by 1 / log(degree + 5).

Source: Hooi, Song, Beutel, Shah, Shin, Faloutsos, "FRAUDAR: Bounding Graph Fraud in the Face of Camouflage",
KDD 2016. Values are addresses, agents with TLS, cards, devices, mail domains and the first 80 characters of
prompts. The greedy peeling removes the node of least weight until nothing is left and keeps the densest
state; blocks are taken one after another by removing their edges. Sees: accounts that share a set of values
as a set. Blind to: unique identities; and it always returns a block, guilty or not, since density has no
error rate. Scale: O(edges log nodes) in a Python heap, about 300,000 edges a minute.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt

from hydrascope.evaluate.findings import Findings
from hydrascope.evaluate.peers.alarm import raise_alarms
from hydrascope.evaluate.world import Log

__all__ = ["DenseBlockSettings", "detect_dense_blocks", "peel_densest"]

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

LOG_VALUES = {
    "ip": "client_ip",
    "client": "user_agent || coalesce(tls_fingerprint, '')",
    "prompt": "left(prompt, 80)",
}
ACCOUNT_VALUES = {"card": "payment_fingerprint", "device": "device_fingerprint", "mail": "email_domain"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseBlockSettings:
    """How many blocks are taken, and which are too small to flag."""

    n_blocks: int = 5
    least: int = 10
    """Accounts in a block."""


def detect_dense_blocks(log: Log, settings: DenseBlockSettings = DenseBlockSettings()) -> Findings:
    """Flag the densest blocks; the score falls with the block's density relative to the first."""
    accounts, rows, columns = read_edges(log)
    groups: dict[str, str] = {}
    scores: dict[str, float] = {}
    densest = 0.0
    for i in range(settings.n_blocks):
        block, inside, density = peel_densest(rows, columns, len(accounts))
        densest = max(densest, density)
        names = [accounts[b] for b in block if accounts[b] not in groups]
        if not density:
            break
        if len(names) >= settings.least:
            groups |= dict.fromkeys(names, f"block:{i}")
            scores |= dict.fromkeys(names, density / densest)
        rows, columns = rows[~inside], columns[~inside]
    return raise_alarms(log, groups, scores)


def read_edges(log: Log) -> tuple[list[str], Ints, Ints]:
    """Accounts, and the (account, value) edges as positions, values of two accounts or more."""
    queries = [
        f"SELECT DISTINCT account_id, '{name}' || ({value}) AS v FROM {source}"
        for source, values in ((log.sql, LOG_VALUES), (log.accounts_sql, ACCOUNT_VALUES))
        for name, value in values.items()
    ]
    with duckdb.connect() as db:
        db.sql(f"CREATE TEMP TABLE e AS {' UNION ALL '.join(queries)}")
        table = db.sql(f"""SELECT account_id, v FROM e WHERE v IN (SELECT v FROM e GROUP BY v HAVING count(*) > 1)
            AND account_id IN (SELECT account_id FROM {log.sql}) ORDER BY ALL""").fetchall()
    names, rows = np.unique([a for a, _ in table], return_inverse=True)
    _, columns = np.unique([v for _, v in table], return_inverse=True)
    return names.tolist(), rows.astype(np.int64), columns.astype(np.int64)


def peel_densest(rows: Ints, columns: Ints, n_rows: int) -> tuple[Ints, npt.NDArray[np.bool_], float]:
    """The densest block by greedy peeling: its rows, a mark on its edges, its weight per node.

    >>> peel_densest(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 2]), 3)[0].tolist()
    [0, 1]
    """
    if not len(rows):
        return rows, np.zeros(0, dtype=np.bool_), 0.0
    ends = np.stack([rows, columns + n_rows], axis=1)
    weight = (1 / np.log(np.bincount(columns) + 5))[columns]
    n = int(ends.max()) + 1
    left = np.bincount(ends.ravel(), np.repeat(weight, 2), minlength=n).astype(np.float64)
    removed = peel_order(ends, weight, left)
    rank = np.empty(n)
    rank[removed] = np.arange(len(removed))
    # an edge leaves with the first of its ends: weight that is left before each removal
    gone = np.bincount(rank[ends].min(axis=1).astype(np.int64), weight, minlength=n)
    density = (weight.sum() - np.concatenate([[0], np.cumsum(gone)[:-1]])) / np.arange(n, 0, -1)
    start = int(np.argmax(density))
    kept = np.asarray(removed[start:])
    inside = rank[ends].min(axis=1) >= start
    return np.sort(kept[kept < n_rows]), inside, float(density[start])


def peel_order(ends: Ints, weight: Reals, left: Reals) -> list[int]:
    """Nodes in the order of removal, the least remaining weight first, ties by position."""
    n = len(left)
    order = np.argsort(ends.ravel(), kind="stable")
    starts = np.searchsorted(ends.ravel()[order], np.arange(n + 1))
    heap = [(float(left[v]), v) for v in range(n)]
    heapq.heapify(heap)
    alive, removed = np.ones(n, dtype=bool), []
    while heap:
        w, v = heapq.heappop(heap)
        if not alive[v] or w > left[v] + 1e-12:
            continue
        alive[v] = False
        removed.append(v)
        for i in order[starts[v] : starts[v + 1]]:
            other = int(ends[i // 2, 1 - i % 2])
            if alive[other]:
                left[other] -= weight[i // 2]
                heapq.heappush(heap, (float(left[other]), other))
    return removed
