"""Answers that come back through another account: who sends, word for word, what the model said to somebody else.

A pipeline that harvests on some accounts and cleans, grades or asks for the reasoning on others carries answers, or
the signatures that came with them, from one to the other. A passage (`sketch.passages`) was *born in an answer* where
the first text of the log that holds it is an answer, and only one account was ever answered so: what people quote, what
templates say and what the model says to everybody is not. It is *carried* where another account's later prompt holds it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hydrascope.engine.base import Engine
from hydrascope.features.repeats import read_passes, repeats_of

__all__ = [
    "LEAST_CARRIED",
    "LEAST_SHARE",
    "Carried",
    "carried_prompts",
    "carried_share",
    "least_exchanged",
    "read_carried",
]

MOST_READERS = 3
"""Accounts whose prompts hold a passage; more have it from somewhere else, be it from whoever published the answer."""
LEAST_CARRIED = 2
"""Prompts with answers of a group from which an account exchanges answers with it: one may be chance ..."""
LEAST_SHARE = 0.005
"""... and share of its prompts: of thousands, chance makes a few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """Who sends whose answers, among n accounts: m prompts, one for each account whose answers they hold."""

    source: np.ndarray
    """int32[m] the account that was given the answers ..."""
    reader: np.ndarray
    """int32[m] ... and the one that sent them; sorted by both."""
    xid: np.ndarray
    """int64[m] the prompts."""
    sent: np.ndarray
    """int64[n] prompts of each account that could hold something known ..."""
    said: np.ndarray
    """int64[n] ... and answers that it was given which could be known again."""
    least: np.ndarray
    """int64[n] prompts from which each is said to exchange answers with others."""
    totals: tuple[int, int, int]
    """Of all accounts: prompts, answers, and the accounts that have any."""
    offsets: np.ndarray
    """int64[n+1] into `partner` and `weight`: both ways in one."""
    partner: np.ndarray
    """int32[] accounts that it exchanges answers with."""
    weight: np.ndarray
    """int64[] prompts that hold them."""


def read_carried(engine: Engine, n_accounts: int) -> Carried | None:
    """Go through the view `passages`; None where the log holds no answers."""
    n_rows = int(engine.collect("SELECT count(*) AS n FROM passages")["n"][0].as_py())
    if not n_rows:
        return None
    sent, said = np.zeros(n_accounts, np.int64), np.zeros(n_accounts, np.int64)
    found = [np.zeros((3, 0), np.int64)]
    for part in read_passes(
        engine,
        "d.code AS account, p.xid AS xid, p.at_us AS at_us, p.answer AS answer, p.leads AS leads, p.passage AS passage",
        "FROM passages p JOIN dim d ON p.account = d.account WHERE p.passage IS NOT NULL",
        "p.passage",
        n_rows,
    ):
        leads, answer = part.pop("leads") == 1, part["answer"] == 1
        sent += np.bincount(part["account"][leads & ~answer], minlength=n_accounts)
        said += np.bincount(part["account"][leads & answer], minlength=n_accounts)
        found.append(_carried(part))
    return _summed(np.unique(np.concatenate(found, axis=1), axis=1), sent, said)


def _carried(part: dict[str, np.ndarray]) -> np.ndarray:
    """int64[3, k]: the account that was answered, the one that sends it, its exchange; a row a passage."""
    again = repeats_of(part["passage"])
    rows = {name: column[again].astype(np.int64) for name, column in part.items()}
    order = np.lexsort((rows["answer"], rows["at_us"], rows["passage"]))  # of one exchange, the prompt first
    rows = {name: column[order] for name, column in rows.items()}
    first = np.flatnonzero(np.diff(rows["passage"], prepend=rows["passage"][:1] - 1) != 0)
    group = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(order))))
    answered = rows["answer"] == 1
    source = rows["account"][first]
    stranger = rows["account"] != source[group]
    born = answered[first] & (np.bincount(group[answered & stranger], minlength=len(first)) == 0)
    sends = ~answered & stranger & born[group]
    readers = np.unique(np.stack([group[sends], rows["account"][sends]]), axis=1)[0]
    sends &= (np.bincount(readers, minlength=len(first)) <= MOST_READERS)[group]
    return np.stack([source[group], rows["account"], rows["xid"]])[:, sends]


def _summed(carried: np.ndarray, sent: np.ndarray, said: np.ndarray) -> Carried:
    source, reader, xid = carried
    n = len(sent)
    edge, weight = np.unique(np.concatenate([source * n + reader, reader * n + source]), return_counts=True)
    return Carried(
        source=source.astype(np.int32),
        reader=reader.astype(np.int32),
        xid=xid,
        sent=sent,
        said=said,
        least=least_exchanged(sent),
        totals=(int(sent.sum()), int(said.sum()), int((sent + said > 0).sum())),
        offsets=np.searchsorted(edge // n, np.arange(n + 1)).astype(np.int64),
        partner=(edge % n).astype(np.int32),
        weight=weight.astype(np.int64),
    )


def least_exchanged(sent: np.ndarray) -> np.ndarray:
    """int64[n] of accounts that sent so many prompts which could be known again (int64[n])."""
    return np.maximum(np.ceil(LEAST_SHARE * sent), LEAST_CARRIED).astype(np.int64)


def carried_prompts(carried: Carried, members: np.ndarray) -> np.ndarray:
    """int64[], ascending: prompts of a group that hold an answer another member was given. Args: members: int32[k] codes."""
    return _prompts(carried, members)[0]


def _prompts(carried: Carried, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Members' prompts that hold members' answers, and those that hold outsiders'; a prompt may hold both."""
    inside = np.zeros(len(carried.sent), bool)
    inside[members] = True
    mine, theirs = inside[carried.reader], inside[carried.source]
    return np.unique(carried.xid[mine & theirs]), np.unique(carried.xid[mine & ~theirs])


def carried_share(carried: Carried, members: np.ndarray) -> float | None:
    """Share of a group's prompts that hold an answer another member was given, less what chance gives; None where no prompt could be known again.

    Chance does not care who was answered: with q the group's part of all answers, the prompts that hold outsiders' answers tell of
    q / (1 - q) times as many that hold members'. A lower bound: of a short answer often no passage is kept.

    Args:
        members: int32[k] codes.
    """
    total = int(carried.sent[members].sum())
    if not total:
        return None
    within, outside = map(len, _prompts(carried, members))
    said = int(carried.said[members].sum())
    by_chance = outside * said / max(carried.totals[1] - said, 1)
    return max(within - by_chance, 0.0) / total
