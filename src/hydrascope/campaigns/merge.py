"""Parts of one operator together, two operators apart.

Candidates come from shared values, so what lies on two sets of exits arrives in pieces, and what shares a client or
an agent's wording arrives mixed. One question settles both: would the members of one part, each held against the
other part alone, belong to it (`hydrascope.campaigns.membership.belong_to`)?
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from hydrascope.campaigns.membership import ClusterSettings, are_strangers, belong_to
from hydrascope.campaigns.observations import Channel, Observations
from hydrascope.campaigns.profile import Fit, fit_members
from hydrascope.features.incidence import IDENTITY_GRADE

__all__ = ["split", "unite"]

_LIKE = 6.0
"""Bits by which one group's mean member must fit another's profile for the two to be compared at all."""
_MOST_LIKE = 6
"""Groups that each group is compared with for its profile, likest first."""
_CHANNEL_CAP = 6.0
_LEAST_PART = 0.02
"""Least share of a group for a part of it to be looked at: there are at most fifty, whatever the group's size."""
_LEAST_STRANGERS = 0.1
"""The same for parts that need not leave as a whole household does: a few accounts with another program prove nothing."""
_PARTED_BY = {"egress": ("ip", "network"), "client": ("user_agent", "tls"), "configuration": ("decoding",)}
"""Family to channels by which a group's parts are told apart, besides identity."""
_OFTEN = 0.1
"""Share of an account's exchanges from which it shares such a value: anybody is on somebody's network once."""
_COMMON_RATE = 0.2
"""A value is part of a group's profile where this share of the members has it."""


def split(observations: Observations, fit: Fit, settings: ClusterSettings) -> list[Fit]:
    """The group without the parts that only what they share among themselves holds together, and those parts.

    A part is what shares a card, phone, device, key or a company under contract inside the group, and stays if its members belong to the
    rest; or what shares exits, a program or settings, and stays unless all else says of either side that it is none of the other: a
    campaign has many exits, and a class that began in its week has others. Two that leave are no group of their own.
    """
    rest, parts = fit.members, []
    for family, part in _parts(observations, fit.members, settings):
        leaving, left = np.intersect1d(part, rest), np.setdiff1d(rest, part)
        if len(left) < settings.min_members or len(leaving) < len(part):
            continue
        small, large = sorted((leaving, left), key=len)
        if family == "identity":
            stays = belong_to(observations, large, small, settings)
        else:
            stays = not are_strangers(observations, large, small, settings, apart=family)
        if not stays:
            parts.append(leaving)
            rest = left
    if not parts:
        return [fit]
    groups = [m.astype(np.int32) for m in (rest, *parts) if len(m) >= settings.min_members]
    return [fit_members(observations, m, seed=settings.seed) for m in groups]


def _parts(
    observations: Observations, members: np.ndarray, settings: ClusterSettings
) -> Iterator[tuple[str, np.ndarray]]:
    """Members that values of one family tie to each other and to no other member, with the family."""
    channels = observations.channels
    identity = [channels[n].rows_of(members)[:2] for n in sorted(IDENTITY_GRADE & set(channels))]
    for part in _connected(
        [*identity, _companies(observations, members)], members, max(2, int(_LEAST_PART * len(members)))
    ):
        yield "identity", part
    least = max(settings.min_members, int(_LEAST_STRANGERS * len(members)))
    for family, names in _PARTED_BY.items():
        rows = [channels[n].rows_of(members) for n in names if n in channels]
        often = [(who[share >= _OFTEN], value[share >= _OFTEN]) for who, value, share in rows]
        for part in _connected(often, members, least):
            yield family, part


def _connected(
    shared: Sequence[tuple[np.ndarray, np.ndarray]], members: np.ndarray, least: int
) -> list[np.ndarray]:
    """Connected components of the members over values that they share, largest first; those of any size but all."""
    rows, columns, n_values = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], 0
    for who, value in shared:
        _, code = np.unique(value, return_inverse=True)
        rows.append(who)
        columns.append(code + n_values)
        n_values += int(code.max(initial=-1)) + 1
    who, value = np.concatenate(rows), np.concatenate(columns) + len(members)
    size = len(members) + n_values
    graph = csr_array((np.ones(len(who), bool), (who, value)), shape=(size, size))
    label = connected_components(graph, directed=False)[1][: len(members)]
    counts = np.bincount(label)
    chosen = np.flatnonzero((counts >= least) & (counts < len(members)))
    ordered = chosen[np.argsort(-counts[chosen], kind="stable")]
    return [members[label == c] for c in ordered.tolist()]


def _companies(observations: Observations, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the members whose organization has an enterprise contract, and its name: anybody can open another."""
    attributes = observations.population.attributes
    if not {"organization_id", "access_pathway"} <= set(attributes):
        return np.zeros(0, np.int64), np.zeros(0, np.str_)
    names, pathways = attributes["organization_id"], attributes["access_pathway"]
    known = [
        (i, names[m]) for i, m in enumerate(members.tolist()) if names[m] and pathways[m] == "enterprise"
    ]
    return np.array([i for i, _ in known], np.int64), np.array([name for _, name in known], np.str_)


def unite(
    observations: Observations,
    fits: Sequence[Fit],
    links: tuple[np.ndarray, np.ndarray],
    settings: ClusterSettings,
) -> list[Fit]:
    """Unite groups where the members of the smaller belong to the larger."""
    groups = dict(enumerate(fits))
    pairs = _neighbours(observations, fits, links)
    n = len(fits)
    while pairs:
        i, j = pairs.pop(0)
        if i not in groups or j not in groups:
            continue
        small, large = sorted((groups[i].members, groups[j].members), key=len)
        if not belong_to(observations, large, small, settings):
            continue
        del groups[i], groups[j]
        both = np.sort(np.concatenate([large, small]))
        groups[n] = fit_members(observations, both, seed=settings.seed)
        pairs.extend((k, n) for k in _touching(pairs, i, j))
        n += 1
    return list(groups.values())


def _touching(pairs: Sequence[tuple[int, int]], i: int, j: int) -> list[int]:
    others = {x for p in pairs for x in p if {i, j} & set(p)} - {i, j}
    return sorted(others)


def _neighbours(
    observations: Observations, fits: Sequence[Fit], links: tuple[np.ndarray, np.ndarray]
) -> list[tuple[int, int]]:
    """Pairs of groups worth comparing, in a fixed order: linked, with a leading template in common, or alike."""
    if len(fits) < 2:
        return []
    found = _linked(fits, links, len(observations.population))
    found |= _same_text(observations, fits)
    found |= _alike(observations, fits)
    return sorted(found)


def _linked(
    fits: Sequence[Fit], links: tuple[np.ndarray, np.ndarray], n_accounts: int
) -> set[tuple[int, int]]:
    owner = np.full(n_accounts, -1)
    for i, fit in enumerate(fits):
        owner[fit.members] = i
    a, b = owner[links[0]], owner[links[1]]
    crossing = (a >= 0) & (b >= 0) & (a != b)
    return {(int(min(x, y)), int(max(x, y))) for x, y in zip(a[crossing], b[crossing], strict=True)}


def _same_text(observations: Observations, fits: Sequence[Fit]) -> set[tuple[int, int]]:
    leading: dict[int, list[int]] = {}
    for i, fit in enumerate(fits):
        used = np.asarray(observations.community_share[fit.members].sum(axis=0)).ravel()
        for c in np.argsort(-used, kind="stable")[:2].tolist():
            if used[c] > 0.1 * len(fit.members):
                leading.setdefault(c, []).append(i)
    return {(x, y) for held in leading.values() for x in held for y in held if x < y}


def _alike(observations: Observations, fits: Sequence[Fit]) -> set[tuple[int, int]]:
    """Each group with those whose profile of common values its mean member fits best."""
    bits = np.zeros((len(fits), len(fits)))
    for channel in observations.channels.values():
        bits += np.minimum(_profile_bits(channel, fits, len(observations.population)), _CHANNEL_CAP)
    np.fill_diagonal(bits, 0.0)
    best = np.argsort(-bits, axis=1, kind="stable")[:, :_MOST_LIKE]
    return {(min(i, j), max(i, j)) for i, row in enumerate(best.tolist()) for j in row if bits[i, j] >= _LIKE}


def _profile_bits(channel: Channel, fits: Sequence[Fit], n_accounts: int) -> np.ndarray:
    """float64[g, g]: expected bits of a member of the row's group under the common values of the column's."""
    owner = np.concatenate([np.full(len(f.members), i) for i, f in enumerate(fits)])
    who, value, _ = channel.rows_of(np.concatenate([f.members for f in fits]))
    sizes = np.array([len(f.members) for f in fits])
    shape = (len(fits), len(channel.names))
    rate = csr_array((1.0 / sizes[owner[who]], (owner[who], value)), shape=shape)
    rate.sum_duplicates()
    weight = rate.copy()
    usual = (channel.popularity[weight.indices] + 0.5) / (n_accounts + 1.0)
    weight.data = np.where(weight.data >= _COMMON_RATE, np.maximum(np.log2(weight.data / usual), 0.0), 0.0)
    return np.asarray((rate @ weight.T).todense())
