"""Accounts that have sent nothing and hold an accused campaign's cards, phones, devices or addresses: its reserve.

An operator registers accounts before it uses them, and the next pool is drawn from these when one is banned. No log shows
what they do, so they are no members, have no probability, and nothing is to be done to them automatically: they are
whom to look at before a ban, and whom to watch after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.campaigns.findings import Finding, Standby
from hydrascope.campaigns.observations import Channel, Observations
from hydrascope.campaigns.succession import OUTSIDE
from hydrascope.kernels.strings import hash_strings

__all__ = ["with_standby"]

HOLDING = ("payment_fingerprint", "phone_fingerprint", "device_fingerprint", "signup_ip")
"""Channels of the accounts table whose values belong to one operator, where they are private at all."""
LEAST_CHANNELS = 2
"""In which an account shares a campaign's private values: a card alone is also held by whom it was stolen from, an address by whoever lived there before."""
LEAST_HOLDERS = 2
"""Members that share a value, for it to be the campaign's and not one member's own."""


def with_standby(
    observations: Observations,
    accounts: pa.Table | None,
    events: pa.Table | None,
    findings: Sequence[Finding],
) -> list[Finding]:
    """The findings, those that accuse with the silent accounts that share their private values in two channels.

    An account goes to the campaign with which it shares most channels, of equals to the one whose cards it holds. Those that the records declare, or
    that were banned, are left out. Without an accounts table nothing is added.

    Args:
        accounts: rows of `hydrascope.schema.ACCOUNTS`, those of the log and others.
        events: rows of `hydrascope.schema.EVENTS`.
    """
    guilty = [i for i, f in enumerate(findings) if f.judged.verdict == "distillation"]
    silent = _silent(observations, accounts, events)
    if not guilty or silent is None or not len(silent):
        return list(findings)
    owner = np.full((len(silent), len(HOLDING)), -1)
    for c, name in enumerate(HOLDING):
        if name in observations.channels:
            groups = [findings[i].judged.members for i in guilty]
            owner[:, c] = _owners(observations.channels[name], groups, silent[name].combine_chunks())
    n_shared = ((owner[:, :, None] == owner[:, None, :]) & (owner[:, :, None] >= 0)).sum(axis=2)
    best = n_shared.argmax(axis=1)
    found: dict[int, list[Standby]] = {}
    for row in np.flatnonzero(n_shared.max(axis=1) >= LEAST_CHANNELS).tolist():
        whose = owner[row, best[row]]
        found.setdefault(guilty[whose], []).append(_standby(silent, row, owner[row] == whose))
    return [replace(f, standby=tuple(found.get(i, ()))) for i, f in enumerate(findings)]


def _silent(
    observations: Observations, accounts: pa.Table | None, events: pa.Table | None
) -> pa.Table | None:
    """Accounts of the table without an exchange in the log, neither declared nor banned, in the order of their ids."""
    if accounts is None:
        return None
    away = pa.array(observations.population.account_id, pa.string())
    if events is not None:
        banned = events.filter(pc.equal(events["kind"], "account_banned"))
        away = pa.concat_arrays([away, banned["subject"].cast(pa.string()).combine_chunks()])
    seen = pc.is_in(accounts["account_id"], value_set=away)
    declared = pc.greater(pc.fill_null(pc.utf8_length(accounts["declared"]), 0), 0)
    return accounts.filter(pc.invert(pc.or_(seen, declared))).sort_by("account_id")


def _owners(channel: Channel, groups: Sequence[np.ndarray], held: pa.Array) -> np.ndarray:
    """int64[n] the group whose private value each text is, -1 where it is of none: no value is private to two."""
    private = [_private(channel, members) for members in groups]
    values = np.concatenate(private)
    if not len(values):
        return np.full(len(held), -1)
    order = np.argsort(values, kind="stable")
    whose = np.repeat(np.arange(len(groups)), [len(p) for p in private])[order]
    hashed = pc.fill_null(hash_strings(held), 0).to_numpy(zero_copy_only=False)
    place = np.minimum(np.searchsorted(values[order], hashed), len(values) - 1)
    matches = (values[order][place] == hashed) & pc.is_valid(held).to_numpy(zero_copy_only=False)
    return np.where(matches, whose[place], -1)


def _private(channel: Channel, members: np.ndarray) -> np.ndarray:
    """int64[] hashes of the values that two members share and hardly anybody else who sends anything has."""
    _, value, _ = channel.rows_of(members)
    codes, n = np.unique(value, return_counts=True)
    theirs = (n >= LEAST_HOLDERS) & (channel.popularity[codes] - n <= OUTSIDE * n)
    return np.asarray(channel.names[codes[theirs]])


def _standby(silent: pa.Table, row: int, shared: np.ndarray) -> Standby:
    created = silent["created_at"][row].cast(pa.int64()).as_py()
    return Standby(
        account_id=silent["account_id"][row].as_py(),
        created_us=created,
        shares=tuple(name for name, holds in zip(HOLDING, shared.tolist(), strict=True) if holds),
    )
