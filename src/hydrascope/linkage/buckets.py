"""Incidence to buckets: the values that 2..cap accounts share, in the order that the pair kernel walks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hydrascope.kernels.incidence import arrange, popularity_sums, ranked_degrees
from hydrascope.kernels.permute import shuffle_within
from hydrascope.kernels.ranges import ranges
from hydrascope.linkage.incidence import Incidence, value_groups

__all__ = ["Buckets", "Strata", "build_buckets", "permute_buckets", "stratify"]

PerBucket = tuple[NDArray[np.int16], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]
"""Channel, value, rate and popularity of each bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """Both directions of the graph between accounts and shared values, with what scoring needs of each."""

    bucket_ptr: NDArray[np.int64]
    members: NDArray[np.int32]
    row_ptr: NDArray[np.int64]
    row_bucket: NDArray[np.int32]
    row_at: NDArray[np.int64]
    row_degree: NDArray[np.float32]
    """d(k): values of the row's account and channel that are no more popular than the row's, by row of an account."""
    member_degree: NDArray[np.float32]
    """The same, by member of a bucket."""
    bucket_channel: NDArray[np.int16]
    bucket_value: NDArray[np.int64]
    bucket_rate: NDArray[np.float64]
    """S(k) / E(k)^2 of the bucket's channel at its popularity k."""
    bucket_size: NDArray[np.int64]
    """Popularity k in the table; permuted tables keep it even where a deal dropped a member."""
    n_accounts: int

    @property
    def n_buckets(self) -> int:
        """Number of values that make candidates."""
        return len(self.bucket_channel)

    @property
    def popularity(self) -> NDArray[np.int64]:
        """Accounts in each bucket."""
        return np.diff(self.bucket_ptr)


def build_buckets(incidence: Incidence) -> Buckets:
    """The values shared by 2..cap accounts of each channel, sorted by (family, channel, popularity, value).

    Degrees d(k) and rows E(k) count rows of values with at most k accounts alone. What is more popular than the shared
    value, or nobody else's, can neither make a link nor hide one, so an account cannot flood its way out of its
    links with hubs or with noise.
    """
    starts, sizes = value_groups(incidence)
    channel = incidence.channel[starts].astype(np.int16)
    caps = np.array([spec.bucket_cap for spec in incidence.channels] or [0], dtype=np.int64)
    kept = np.flatnonzero((sizes >= 2) & (sizes <= caps[channel]))
    family = np.array([incidence.families.index(s.family) for s in incidence.channels] or [0])
    order = kept[np.lexsort((starts[kept], sizes[kept], channel[kept], family[channel[kept]]))]
    rows = ranges(starts[order], sizes[order])
    ptr = np.concatenate(([0], np.cumsum(sizes[order])))
    return assemble(
        ptr,
        incidence.account[rows],
        incidence.n_accounts,
        (
            channel[order],
            incidence.value[starts[order]],
            bucket_rates(channel[order], sizes[order], caps),
            sizes[order],
        ),
    )


def bucket_rates(
    channel: NDArray[np.int16], size: NDArray[np.int64], caps: NDArray[np.int64]
) -> NDArray[np.float64]:
    """S(k) / E(k)^2 of each bucket."""
    rate = np.zeros(len(channel))
    for c in np.unique(channel):
        mine = channel == c
        squares, rows = popularity_sums(size[mine], int(caps[c]))
        rate[mine] = squares[size[mine]] / rows[size[mine]] ** 2
    return rate


def assemble(
    ptr: NDArray[np.int64], account: NDArray[np.int32], n_accounts: int, per_bucket: PerBucket
) -> Buckets:
    """Buckets from rows sorted by bucket, with degrees counted."""
    bucket_ptr, members, row_ptr, row_bucket, row_at = arrange(ptr, account, n_accounts)
    channel, value, rate, size = per_bucket
    row_degree, member_degree = ranked_degrees(row_ptr, row_bucket, row_at, channel, size)
    return Buckets(
        bucket_ptr=bucket_ptr,
        members=members,
        row_ptr=row_ptr,
        row_bucket=row_bucket,
        row_at=row_at,
        row_degree=row_degree,
        member_degree=member_degree,
        bucket_channel=channel,
        bucket_value=value,
        bucket_rate=rate,
        bucket_size=size,
        n_accounts=n_accounts,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Strata:
    """Rows that may be dealt among each other: one channel, accounts of one stratum."""

    group_ptr: NDArray[np.int64]
    group_rows: NDArray[np.int64]


def stratify(buckets: Buckets, stratum: NDArray[np.int32]) -> Strata:
    """Groups the rows by (channel, stratum of the account)."""
    channel = np.repeat(buckets.bucket_channel, buckets.popularity).astype(np.int64)
    key = channel * (int(stratum.max(initial=0)) + 1) + stratum[buckets.members]
    rows = np.argsort(key, kind="stable")
    return Strata(group_ptr=np.flatnonzero(np.diff(key[rows], prepend=-1, append=-1)), group_rows=rows)


def permute_buckets(buckets: Buckets, strata: Strata, seed: int) -> Buckets:
    """A null table: values dealt anew among the accounts of a stratum, channel by channel.

    Every account keeps its number of shared values in the channel and every value its popularity (short of the
    few deals that give an account the same value twice, which are dropped).
    """
    return assemble(
        buckets.bucket_ptr,
        shuffle_within(strata.group_ptr, strata.group_rows, buckets.members, seed),
        buckets.n_accounts,
        (buckets.bucket_channel, buckets.bucket_value, buckets.bucket_rate, buckets.bucket_size),
    )
