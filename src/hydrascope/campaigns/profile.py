"""How well an account fits the rest of a group: leave-one-out match weights, family by family.

For each channel the weight is log2 of P(what the account shows | it belongs to the group) over
P(the same | any other account of the log). The first is estimated from the *other* members, the second from
all non-members, so an account is never evidence for itself and a large campaign does not hide in its own
background. A value that no other member shows is a miss, and counts against the account in proportion to how
usual sharing is inside the group (Good and Turing's estimate of the mass of unseen values).

Within a family the strongest channel counts in full, further support at a quarter and what speaks against at a
half, since channels of one family are far from independent (an address implies its network and its ASN); each
family is capped (`hydrascope.records.FAMILIES`). Coarse channels, where strangers meet for reasons that no
independence model sees (one cloud, one mail provider, one plan), are capped lower still.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hydrascope.campaigns.observations import Channel, Observations
from hydrascope.campaigns.synchrony import synchrony_bits
from hydrascope.records import FAMILIES
from hydrascope.stats.density import leave_one_out_bits

__all__ = ["FAMILY_NAMES", "Fit", "fit_members"]

FAMILY_NAMES = tuple(FAMILIES)
_CAPS = np.array([FAMILIES[f] for f in FAMILY_NAMES])
COARSE = {"asn": 2.5, "email_domain": 3.0, "access_pathway": 1.5, "plan": 0.75, "model": 1.5, "platform": 1.5}
"""Channel to the most bits it may give one account."""
_FLOOR = -6.0
_REST = 0.25
_AGAINST = 0.5
_LEADING = 3
_ALIKE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """k members scored against the rest of their group."""

    members: np.ndarray
    """int32[k] account codes."""
    channels: dict[str, np.ndarray]
    """float64[k] bits by channel, uncapped."""
    families: np.ndarray
    """float64[k, 7] bits by family, capped, in the order of `FAMILY_NAMES`."""

    @property
    def bits(self) -> np.ndarray:
        """float64[k] over all families."""
        return self.families.sum(axis=1)

    def family(self, name: str) -> np.ndarray:
        """float64[k] bits of one family."""
        return self.families[:, FAMILY_NAMES.index(name)]


def fit_members(observations: Observations, members: np.ndarray, *, seed: int) -> Fit:
    """Score each member against the others.

    Args:
        members: int32[k] distinct account codes, k >= 2.
        seed: for the background sample that the timing channel is compared with.
    """
    by_channel = {
        name: np.minimum(channel_bits(c, members), COARSE.get(name, np.inf))
        for name, c in observations.channels.items()
    }
    family_of = {name: c.family for name, c in observations.channels.items()}
    for name, quantity in observations.quantities.items():
        by_channel[name] = leave_one_out_bits(quantity, members)
        family_of[name] = "timing" if name == "volume" else "lifecycle"
    by_channel["template"], family_of["template"] = template_bits(observations, members), "content"
    if observations.cycle is not None:
        by_channel["synchrony"] = synchrony_bits(
            observations.activity, members, seed=seed, base=observations.cycle
        )
        family_of["synchrony"] = "timing"
    families = np.stack(
        [
            _combine([b for n, b in by_channel.items() if family_of[n] == f], len(members))
            for f in FAMILY_NAMES
        ],
        axis=1,
    )
    return Fit(members=members, channels=by_channel, families=np.minimum(families, _CAPS))


def template_bits(observations: Observations, members: np.ndarray) -> np.ndarray:
    """float64[k] weight of using the group's most used texts as the group does.

    Two bounds, and the lower counts. By exchanges: with m matches among n sampled exchanges, m log2(g / o) +
    (n - m) log2((1 - g) / (1 - o)), g the others' mean share and o the outsiders', over 1 + (n - 1) rho since an
    account's exchanges are alike (the design effect of cluster sampling, Kish 1965). By accounts: log2 of the
    share of members over the share of outsiders that use the text in earnest; using a public text a thousand
    times is no more evidence than using it. The best of the group's few leading communities counts.
    """
    n = observations.n_sampled[members].astype(float)
    sampled = int((n > 0).sum())
    who, community, share = observations.usage.rows_of(members)
    if sampled < 2 or not len(who):
        return np.zeros(len(members))
    codes, inside = np.unique(community, return_inverse=True)
    total = np.bincount(inside, weights=share)
    best = np.full(len(members), -np.inf)
    for c in np.argsort(-total, kind="stable")[:_LEADING].tolist():
        mine = np.zeros(len(members))
        mine[who[inside == c]] = share[inside == c]
        outside = max(float(observations.usage_total[codes[c]] - total[c]), 0.0)
        other = (outside + 0.02) / (observations.n_with_sample - sampled + 1)
        by_exchange = _usage_bits(mine, n, (total[c] - mine) / max(sampled - 1, 1), other)
        best = np.maximum(
            best, np.minimum(by_exchange, _user_bits(observations, members, int(codes[c]), sampled))
        )
    return np.where(n > 0, np.maximum(best, _FLOOR), 0.0)


def _usage_bits(mine: np.ndarray, n: np.ndarray, group: np.ndarray, other: float) -> np.ndarray:
    g, o = np.clip(group, 1e-4, 0.98), min(max(other, 1e-6), 0.98)
    weight = n * (mine * np.log2(g / o) + (1 - mine) * np.log2((1 - g) / (1 - o)))
    return weight / (1 + np.maximum(n - 1, 0) * _ALIKE)


def _user_bits(observations: Observations, members: np.ndarray, community: int, sampled: int) -> np.ndarray:
    table = observations.community_share
    starts, lengths = table.indptr[members], table.indptr[members + 1] - table.indptr[members]
    ends = np.cumsum(lengths)
    index = np.repeat(starts - (ends - lengths), lengths) + np.arange(ends[-1] if len(ends) else 0)
    hit = (table.indices[index] == community) & (table.data[index] > 0)
    uses = np.bincount(np.repeat(np.arange(len(members)), lengths)[hit], minlength=len(members)) > 0
    outside = observations.n_users[community] - uses.sum()
    group = (uses.sum() - uses + 0.5) / max(sampled, 1)
    return np.log2(group / ((outside + 0.5) / (observations.n_with_sample - sampled + 1)))


def _combine(bits: list[np.ndarray], n: int) -> np.ndarray:
    if not bits:
        return np.zeros(n)
    stacked = np.stack(bits)
    strongest = stacked.max(axis=0)
    support = np.maximum(stacked, 0).sum(axis=0) - np.maximum(strongest, 0)
    against = np.minimum(stacked, 0).sum(axis=0) - np.minimum(strongest, 0)
    return np.maximum(strongest + _REST * support + _AGAINST * against, _FLOOR)


def channel_bits(channel: Channel, members: np.ndarray) -> np.ndarray:
    """float64[k] match weight of each member in one categorical channel; 0 where it has no value."""
    k = len(members)
    who, value, share = channel.rows_of(members)
    known = np.bincount(who, minlength=k) > 0
    n_known = int(known.sum())
    if n_known < 2:
        return np.zeros(k)
    codes, inside = np.unique(value, return_inverse=True)
    n_inside = np.bincount(inside)[inside]
    outside = channel.popularity[codes][inside] - n_inside
    n_outside = max(channel.n_known - n_known, 1)
    p_group = (n_inside - 1 + 0.5 / n_known) / (n_known - 1 + 1.0)
    p_other = (outside + 0.5) / (n_outside + 1.0)
    bits = np.log2(p_group / p_other)
    shared = n_inside > 1
    tried = np.bincount(who[shared], minlength=k)  # several chances to share: pay for them
    best = np.full(k, -np.inf)
    np.maximum.at(best, who[shared], bits[shared] + np.log2(np.maximum(share[shared], 1e-3)) * 0.5)
    best -= np.log2(np.maximum(tried, 1)) * 0.5
    miss = _miss_bits(np.isfinite(best) & known, known, p_other[shared], codes[inside][shared])
    return np.where(known, np.where(np.isfinite(best), best, miss), 0.0)


def _miss_bits(hit: np.ndarray, known: np.ndarray, p_other: np.ndarray, codes: np.ndarray) -> float:
    """Weight of sharing nothing where sharing is usual: log2 P(no hit | member) / P(no hit | other)."""
    n = int(known.sum())
    rate = (hit.sum() + 0.5) / (n + 1.0)
    _, first = np.unique(codes, return_index=True)
    rate_other = min(float(p_other[first].sum()), 0.98) if len(first) else 0.0
    return float(max(np.log2((1 - rate) / (1 - min(rate_other, rate))), _FLOOR))
