"""Communities of interest: what strangers who like the same things share anyway.

Theory of operation. People with shared interests do act alike, and a permutation over all accounts calls that
surprising. So accounts are put into large communities by the values that they share, values are dealt only within a
community when nulls are made, and the rate of chance sharing between two accounts is multiplied by the lift of
their two communities: sharing between the communities over what the table as a whole would give.

Three rules keep an operator from being taken for a community, and noise for an interest.
1. Communities have at least `LEAST_MEMBERS` accounts, and one is dissolved whose members share many values pairwise,
   or share in knots: interests mix, operators that were swept together do not.
2. They are found on three quarters of the values and their lift is measured on the other quarter, so that a
   community fitted to noise has lift one.
3. An account is moved to a community only if its values, its own entries left out, are likelier there than in the
   whole table. In a table without interests nobody stays, and nothing changes.

Start: Louvain on the bipartite graph (Dugué and Perez, 2015; its resolution limit is a merit here), again within
large communities; then rounds of a multinomial mixture (Nigam et al., Machine Learning 39, 2000) with hard assignment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sknetwork.clustering import Louvain

from hydrascope.linkage.buckets import Buckets
from hydrascope.linkage.incidence import Incidence, value_groups

__all__ = ["Communities", "find_communities", "no_communities"]

LEAST_MEMBERS = 40
MOST_SHARED = 2.0
"""Mean values shared by two members beyond which a group is no community of interest."""
MOST_KNOTTED = 2.0
"""Pairs sharing two values, over those expected if members mix; interests measure 1.0 to 1.3, swept-up operators 2 to 5."""
MIXING_SAMPLE = 600
LEAST_BREADTH = 20.0
FITTED_ACCOUNTS = 50_000
ROUNDS = 8
LOYALTY = 0.5
PULL = 1000.0
"""Rows of the whole table added to each community's counts."""
LEAST_POPULAR = 5
"""Accounts of a value that may speak for a community of at least LEAST_MEMBERS."""
SHRINK = 5.0
LEAST_LIFT = 0.3
LEAST_WORTH = 2.5
"""Lift on held-out values below which a group is dropped; groups fitted to noise reach 1.5."""
HUB_SHARE = 0.05
HELD_OUT = 4
"""One value in so many is held out for measuring the lift."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Communities:
    """Community of each account, 0 for none, and how much more their members share than strangers."""

    group: NDArray[np.int16]
    lift: NDArray[np.float32]
    """(n_channels, n_groups, n_groups) factor on the rate of chance sharing."""

    @property
    def n_groups(self) -> int:
        """Number of communities, without 0."""
        return self.lift.shape[1] - 1


def no_communities(incidence: Incidence) -> Communities:
    """Everyone in community 0."""
    return Communities(
        group=np.zeros(incidence.n_accounts, dtype=np.int16),
        lift=np.ones((max(len(incidence.channels), 1), 1, 1), dtype=np.float32),
    )


def find_communities(incidence: Incidence, buckets: Buckets) -> Communities:
    """Communities of interest of a table; `no_communities` where it shows none."""
    matrix = fitting_matrix(incidence)
    active = np.flatnonzero(np.diff(matrix.indptr))
    if len(active) < 5 * LEAST_MEMBERS:
        return no_communities(incidence)
    sample = active[:: -(-len(active) // FITTED_ACCOUNTS)]
    fitted = matrix[sample]
    group, weights = refine(fitted, split(fitted))
    if len(sample) < len(active):
        group = assign(matrix, weights)
    else:
        group = scatter(group, sample, incidence.n_accounts)
    group = prove(dissolve(group, buckets), buckets)
    if not group.any():
        return no_communities(incidence)
    lift = held_out_lift(group, buckets, len(incidence.channels))
    return Communities(group=group.astype(np.int16), lift=lift)


def held_out(channel: NDArray[np.int16], value: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which values are kept for measuring the lift, by a hash of the value."""
    mixed = (value.astype(np.uint64) + channel.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(40)) % np.uint64(HELD_OUT) == 0


def fitting_matrix(incidence: Incidence) -> sparse.csr_matrix:
    """Accounts by values, without the held-out values, those of one or two accounts and the largest hubs."""
    starts, sizes = value_groups(incidence)
    kept = (sizes >= LEAST_POPULAR) & (sizes <= max(HUB_SHARE * incidence.n_accounts, 50))
    kept &= ~held_out(incidence.channel[starts], incidence.value[starts])
    column = np.repeat(np.where(kept, np.cumsum(kept) - 1, -1), sizes)
    rows = np.flatnonzero(column >= 0)
    shape = (incidence.n_accounts, int(kept.sum()))
    ones = np.ones(len(rows), dtype=np.float32)
    return sparse.csr_matrix((ones, (incidence.account[rows], column[rows])), shape=shape)


def split(matrix: sparse.csr_matrix, depth: int = 3) -> NDArray[np.int64]:
    """Louvain communities of at least `LEAST_MEMBERS`, large ones split again; 0: none."""
    group = np.zeros(matrix.shape[0], dtype=np.int64)
    todo = [(np.arange(matrix.shape[0]), depth)]
    n = 0
    while todo:
        rows, left = todo.pop()
        inside = matrix[rows]
        inside = inside[:, np.flatnonzero(np.diff(inside.tocsc().indptr) >= 2)]
        if not inside.nnz:
            continue
        found = Louvain(random_state=0).fit(inside, force_bipartite=True).labels_row_
        large = np.flatnonzero(np.bincount(found) >= LEAST_MEMBERS)
        for label in large if len(large) > 1 else ():
            members = rows[found == label]
            n += 1
            group[members] = n
            if len(members) >= 3 * LEAST_MEMBERS and left > 1:
                todo.append((members, left - 1))
    return compact(group)


def compact(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Communities renumbered 1, 2, ... with 0 kept for none; small ones are none."""
    size = np.bincount(group, minlength=1)
    size[0] = 0
    number = np.where(size >= LEAST_MEMBERS, np.cumsum(size >= LEAST_MEMBERS), 0)
    return number[group]


def refine(
    matrix: sparse.csr_matrix, group: NDArray[np.int64]
) -> tuple[NDArray[np.int64], tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Rounds of hard assignment; the groups, and the weights that assign an account not seen."""
    n = matrix.shape[0]
    background = np.asarray(matrix.sum(axis=0)).ravel() + 1e-9
    degree = np.diff(matrix.indptr)
    row = np.repeat(np.arange(n), degree)
    transposed = matrix.T.tocsr()
    for _ in range(ROUNDS):
        weights, counts, rows_in = mixture(transposed, group, background)
        score = matrix @ weights[0] + weights[1]
        here, column = group[row], matrix.indices
        own = (counts[column, here] - 1 + PULL * background[column] / background.sum()) / (
            rows_in[here] - degree[row] + PULL
        )
        own = np.where(here == 0, 0.0, own_interest(own * background.sum() / background[column]))
        score[np.arange(n), group] = np.bincount(row, own, minlength=n) + weights[1][group]
        moved = compact(score.argmax(axis=1))
        if np.array_equal(moved, group):
            break
        group = moved
    return group, mixture(transposed, group, background)[0]


def mixture(
    transposed: sparse.csr_matrix, group: NDArray[np.int64], background: NDArray[np.float64]
) -> tuple[tuple[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float64], NDArray[np.float64]]:
    """Log ratio of each value in each community to the whole table, with log shares; counts; rows."""
    n_groups = int(group.max(initial=0)) + 1
    member = sparse.csr_matrix(
        (np.ones(len(group), dtype=np.float32), (np.arange(len(group)), group)), (len(group), n_groups)
    )
    counts = (transposed @ member).toarray().astype(np.float64)
    rows_in = counts.sum(axis=0)
    share = background / background.sum()
    ratio = own_interest((counts + PULL * share[:, None]) / (rows_in + PULL) / share[:, None])
    ratio[:, 0] = 0.0
    prior = np.log((np.bincount(group, minlength=n_groups) + 1.0) / len(group))
    return (ratio.astype(np.float32), prior.astype(np.float32)), counts, rows_in


def own_interest(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log ratio where a member draws a `LOYALTY` share of values from the community and the others from the whole table."""
    return np.log(1.0 - LOYALTY + LOYALTY * ratio)


def assign(
    matrix: sparse.csr_matrix, weights: tuple[NDArray[np.float32], NDArray[np.float32]]
) -> NDArray[np.int64]:
    """Best community of every account, a slice of accounts at a time."""
    step = 50_000
    parts = [
        (matrix[i : i + step] @ weights[0] + weights[1]).argmax(axis=1)
        for i in range(0, matrix.shape[0], step)
    ]
    return compact(np.concatenate(parts))


def scatter(group: NDArray[np.int64], rows: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Groups of some accounts among all; the others have none."""
    everyone = np.zeros(n, dtype=np.int64)
    everyone[rows] = group
    return everyone


def sharing(
    group: NDArray[np.int64], buckets: Buckets, chosen: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Pairs sharing a chosen bucket by community of either, rows by community, and the table's rate."""
    size = buckets.popularity
    rows = np.repeat(chosen, size)
    bucket = np.repeat(np.cumsum(chosen) - 1, size)[rows]
    n_groups = int(group.max(initial=0)) + 1
    table = sparse.csr_matrix(
        (np.ones(len(bucket)), (bucket, group[buckets.members[rows]])), (int(chosen.sum()), n_groups)
    )
    pairs = (table.T @ table).toarray()
    members = np.asarray(table.sum(axis=0)).ravel()
    pairs -= np.diag(members)
    k = size[chosen].astype(np.float64)
    return pairs, members, float((k * (k - 1)).sum() / max(k.sum(), 1.0) ** 2)


def dissolve(group: NDArray[np.int64], buckets: Buckets) -> NDArray[np.int64]:
    """Groups without those that look like operators: members share too much, or share in separate knots."""
    rows = np.ones(len(buckets.row_bucket), dtype=np.float32)
    shape = (buckets.n_accounts, max(buckets.n_buckets, 1))
    shows = sparse.csr_matrix((rows, buckets.row_bucket, buckets.row_ptr), shape=shape)
    bad = np.zeros(int(group.max(initial=0)) + 1, dtype=bool)
    for g in range(1, len(bad)):
        members = np.flatnonzero(group == g)
        bad[g] = knotted(shows[members[:: -(-len(members) // MIXING_SAMPLE)]]) or (
            len(members) <= MIXING_SAMPLE and breadth(shows[members], buckets) < LEAST_BREADTH
        )
    return compact(np.where(bad[group], 0, group))


def knotted(shows: sparse.csr_matrix) -> bool:
    """Whether pairs share two values far oftener than members who mix would, given how much they share in all.

    A community of interest mixes: N(u, v) is about Poisson with mean proportional to d_u d_v. Several operators swept
    together share within each operator and hardly across, so that too many pairs share two values or more.
    """
    shared = sparse.triu(shows @ shows.T, k=1)
    if not shared.nnz:
        return True
    degree = np.diff(shows.indptr).astype(np.float64)
    rate = np.outer(degree, degree)[np.triu_indices(len(degree), k=1)]
    rate *= shared.sum() / max(rate.sum(), 1.0)
    expected = float((1.0 - np.exp(-rate) * (1.0 + rate)).sum())
    twice = float((shared.data >= 2).sum())
    return rate.mean() > MOST_SHARED or twice - 2.0 * np.sqrt(twice) > MOST_KNOTTED * expected


def breadth(shows: sparse.csr_matrix, buckets: Buckets) -> float:
    """Effective number of values that are the members' own: the inverse Simpson index of their uses.

    An interest has dozens of values to like; an operator's accounts pass round a handful.
    """
    count = np.asarray(shows.sum(axis=0)).ravel()
    own = count[(count >= 3) & (2 * count >= buckets.bucket_size)]
    return float(own.sum() ** 2 / max((own**2).sum(), 1.0))


def prove(group: NDArray[np.int64], buckets: Buckets) -> NDArray[np.int64]:
    """Groups without those whose members share held-out values little more than strangers do."""
    held = held_out(buckets.bucket_channel, buckets.bucket_value)
    n_groups = int(group.max(initial=0)) + 1
    seen, due = np.zeros(n_groups), np.zeros(n_groups)
    for c in np.unique(buckets.bucket_channel):
        pairs, rows, rate = sharing(group, buckets, held & (buckets.bucket_channel == c))
        seen += np.diag(pairs)
        due += rows**2 * rate
    proven = seen - 2.0 * np.sqrt(seen) > LEAST_WORTH * due
    return compact(np.where(proven[group], group, 0))


def held_out_lift(group: NDArray[np.int64], buckets: Buckets, n_channels: int) -> NDArray[np.float32]:
    """Observed over expected sharing of held-out values, shrunk to the mean within, between and outside."""
    n_groups = int(group.max()) + 1
    lift = np.ones((n_channels, n_groups, n_groups), dtype=np.float32)
    held = held_out(buckets.bucket_channel, buckets.bucket_value)
    for c in range(n_channels):
        chosen = held & (buckets.bucket_channel == c)
        if chosen.any():
            pairs, rows, rate = sharing(group, buckets, chosen)
            lift[c] = shrunk(pairs, np.outer(rows, rows) * rate)
    return np.maximum(lift, LEAST_LIFT)


def shrunk(observed: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ratios drawn towards the ratio of their kind: within a community, between two, with none."""
    kind = np.where(np.eye(len(observed), dtype=bool), 0, 1)
    kind[0, :] = kind[:, 0] = 2
    kind[0, 0] = 3
    seen = np.bincount(kind.ravel(), observed.ravel(), minlength=4)
    due = np.bincount(kind.ravel(), expected.ravel(), minlength=4)
    mean = (seen + 1.0) / (due + 1.0)
    return (observed + SHRINK * mean[kind]) / (expected + SHRINK)
