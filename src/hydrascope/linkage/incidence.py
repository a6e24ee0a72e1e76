"""The coded table that linkage works on: which account showed which value in which channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hydrascope.errors import UsageError
from hydrascope.records import FAMILIES

__all__ = ["ChannelSpec", "Incidence", "incidence_from_rows", "value_groups"]

VALUE_CAP = 50
"""Most accounts in a bucket that still makes candidates (shared/design: "Linkage")."""
IDENTITY_CAP = 200
"""The same for identity-grade values, where a bucket of 200 is one payer and not a coincidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSpec:
    """One channel and what its evidence may weigh."""

    name: str
    family: str
    """Channels of one family are correlated: their evidence is discounted and capped together."""
    identity: bool = False
    """A card, phone, device or key: one value is meant to be one person."""
    cap: int = 0
    """Most accounts that may share a value before it stops making candidates; 0: 50, or 200 for identity."""

    @property
    def bucket_cap(self) -> int:
        """The cap in force."""
        return self.cap or (IDENTITY_CAP if self.identity else VALUE_CAP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incidence:
    """Distinct (account, channel, value) rows, in any order.

    Values are codes: equal codes in one channel are equal values, and codes of different channels are unrelated.
    Build it with `incidence_from_rows`, which merges repeats and puts rows in canonical order.
    """

    account: NDArray[np.int32]
    channel: NDArray[np.int16]
    value: NDArray[np.int64]
    count: NDArray[np.int32]
    """Rows merged into each row here."""
    n_accounts: int
    channels: tuple[ChannelSpec, ...]

    @property
    def families(self) -> tuple[str, ...]:
        """Families present, the known ones first in their order, then the others by name."""
        named = {spec.family for spec in self.channels}
        return (*(f for f in FAMILIES if f in named), *sorted(named - FAMILIES.keys()))

    def __len__(self) -> int:
        return len(self.account)


def incidence_from_rows(
    account: NDArray[np.integer],
    channel: NDArray[np.integer],
    value: NDArray[np.integer],
    *,
    n_accounts: int,
    channels: tuple[ChannelSpec, ...],
    count: NDArray[np.integer] | None = None,
) -> Incidence:
    """Merges repeated rows and sorts by (channel, value, account), so that input order cannot matter.

    Raises:
        UsageError: arrays of unequal length, or codes outside their range.
    """
    if not len(account) == len(channel) == len(value):
        raise UsageError("account, channel and value must be of one length", hint="one entry for each row")
    if len(account) and (account.min() < 0 or account.max() >= n_accounts):
        raise UsageError(f"account codes must lie in 0..{n_accounts - 1}", hint="raise n_accounts")
    if len(channel) and (channel.min() < 0 or channel.max() >= len(channels)):
        raise UsageError(f"channel codes must lie in 0..{len(channels) - 1}", hint="name every channel")
    order = canonical_order(account, channel, value, n_accounts)
    a, c, v = account[order], channel[order], value[order]
    first = np.ones(len(order), dtype=bool)
    if len(order):
        first[1:] = (a[1:] != a[:-1]) | (c[1:] != c[:-1]) | (v[1:] != v[:-1])
    starts = np.flatnonzero(first)
    ones = np.ones(len(order), dtype=np.int64) if count is None else count[order].astype(np.int64)
    merged = np.add.reduceat(ones, starts) if len(starts) else ones
    return Incidence(
        account=a[starts].astype(np.int32),
        channel=c[starts].astype(np.int16),
        value=v[starts].astype(np.int64),
        count=np.minimum(merged, np.iinfo(np.int32).max).astype(np.int32),
        n_accounts=n_accounts,
        channels=channels,
    )


def canonical_order(
    account: NDArray[np.integer], channel: NDArray[np.integer], value: NDArray[np.integer], n_accounts: int
) -> NDArray[np.int64]:
    """Rows by (channel, value, account); one integer key where it fits, which sorts several times faster."""
    if not len(account):
        return np.zeros(0, dtype=np.int64)
    low = int(value.min())
    span = int(value.max()) - low + 1
    if (int(channel.max()) + 1) * span * n_accounts >= 2**62:
        return np.lexsort((account, value, channel))
    key = (channel.astype(np.int64) * span + (value.astype(np.int64) - low)) * n_accounts + account
    return np.argsort(key)


def value_groups(incidence: Incidence) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Start and size of each value's rows; the rows are sorted by (channel, value)."""
    c, v = incidence.channel, incidence.value
    first = np.ones(len(c), dtype=bool)
    if len(c):
        first[1:] = (c[1:] != c[:-1]) | (v[1:] != v[:-1])
    starts = np.flatnonzero(first)
    return starts, np.diff(np.append(starts, len(c)))
