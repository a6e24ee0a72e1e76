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

import threading
from dataclasses import dataclass

import numpy as np

from hydrascope.campaigns.observations import Channel, Observations
from hydrascope.campaigns.synchrony import synchrony_bits
from hydrascope.features.carried import Carried
from hydrascope.kernels.membership import (
    carried_weights,
    channel_weights,
    combine_families,
    text_weights,
)
from hydrascope.records import FAMILIES
from hydrascope.stats.density import leave_one_out_bits

__all__ = [
    "COARSE",
    "FAMILY_NAMES",
    "HABITS",
    "OPERATOR",
    "SHARED",
    "Fit",
    "fit_members",
]

FAMILY_NAMES = tuple(FAMILIES)
OPERATOR = [FAMILY_NAMES.index(f) for f in ("identity", "egress", "timing", "lifecycle")]
"""Families that speak of who runs the accounts; the others speak of what software they use."""
HABITS = [FAMILY_NAMES.index(f) for f in ("timing", "lifecycle")]
"""Those of them that need no shared value."""
SHARED = [FAMILY_NAMES.index(f) for f in ("identity", "egress")]
"""Those of them that are nothing else."""
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


class _Scratch(threading.local):
    """Zeroed arrays of this thread for the kernels, which leave them zeroed."""

    def __init__(self) -> None:
        self._counts = np.zeros(0, np.int32)
        self._totals = np.zeros(0)

    def counts(self, n: int) -> np.ndarray:
        """int32[>= n]."""
        if len(self._counts) < n:
            self._counts = np.zeros(2 * n, np.int32)
        return self._counts

    def totals(self, n: int) -> np.ndarray:
        """float64[>= n]."""
        if len(self._totals) < n:
            self._totals = np.zeros(2 * n)
        return self._totals


_SCRATCH = _Scratch()


def fit_members(observations: Observations, members: np.ndarray, *, seed: int) -> Fit:
    """Score each member against the others.

    Args:
        members: int32[k] distinct account codes, k >= 2.
        seed: for the background sample that the timing channel is compared with.
    """
    families = _family_of_channels(observations)
    bits = np.zeros((len(families), len(members)))
    row_of = dict(zip(families, bits, strict=True))
    for name, channel in observations.channels.items():
        _weigh_channel(channel, members, COARSE.get(name, np.inf), row_of[name])
    for name, quantity in observations.quantities.items():
        row_of[name][:] = leave_one_out_bits(quantity, members)
    _weigh_text(observations, members, row_of["template"])
    if observations.carried is not None:
        _weigh_carried(observations.carried, members, row_of["answers"])
    if observations.cycle is not None:
        row_of["synchrony"][:] = synchrony_bits(
            observations.activity, members, seed=seed, base=observations.cycle
        )
    index = np.array([FAMILY_NAMES.index(f) for f in families.values()])
    return Fit(
        members=members,
        channels=row_of,
        families=combine_families(bits, index, _CAPS, _REST, _AGAINST, _FLOOR),
    )


def _family_of_channels(observations: Observations) -> dict[str, str]:
    """Everything that members are compared by, with its family."""
    families = {name: channel.family for name, channel in observations.channels.items()}
    for name in observations.quantities:
        families[name] = "timing" if name == "volume" else "lifecycle"
    families["template"] = "content"
    if observations.carried is not None:
        families["answers"] = "identity"
    if observations.cycle is not None:
        families["synchrony"] = "timing"
    return families


def channel_bits(channel: Channel, members: np.ndarray) -> np.ndarray:
    """float64[k] match weight of each member in one categorical channel; 0 where it has no value.

    P(value | member) is (n - 1 + 0.5 / k) / k with n of the k members that show anything showing the value, the
    account itself left out; P(value | other) likewise among outsiders, half an account added. The best shared
    value counts, less half the log2 of the number of values tried, since several chances to share must be paid
    for, and less half the log2 of the inverse of its share of the account's exchanges.
    """
    out = np.zeros(len(members))
    _weigh_channel(channel, members, np.inf, out)
    return out


def _weigh_channel(channel: Channel, members: np.ndarray, cap: float, out: np.ndarray) -> None:
    channel_weights(
        channel.offsets,
        channel.value,
        channel.share,
        channel.popularity,
        channel.n_known,
        members,
        _FLOOR,
        cap,
        _SCRATCH.counts(len(channel.names)),
        out,
    )


def carried_bits(carried: Carried, members: np.ndarray) -> np.ndarray:
    """float64[k] weight of exchanging answers with the other members, in as many prompts as are no chance (`least_exchanged`), either way.

    Two bounds, and the lower counts, as for text (`template_bits`). By accounts: log2 of the share of the other members that do so over
    the share of outsiders that exchange as many with the group, half an account added to either. By exchanges: of the t answers
    that an account exchanges with anybody, w with the group, w log2(g / q) + (t - w) log2((1 - g) / (1 - q)) over 1 + (t - 1) rho, with g the
    others' part and q the part of all chances to exchange that the group is by what was sent and said: who meets everybody meets the group. Who exchanges nothing gets 0: not all of an operator's accounts grade.
    """
    out = np.zeros(len(members))
    _weigh_carried(carried, members, out)
    return out


def _weigh_carried(carried: Carried, members: np.ndarray, out: np.ndarray) -> None:
    carried_weights(
        carried.offsets,
        carried.partner,
        carried.weight,
        carried.sent,
        carried.said,
        carried.least,
        carried.totals,
        members,
        _ALIKE,
        _SCRATCH.counts(len(carried.sent)),
        out,
    )


def template_bits(observations: Observations, members: np.ndarray) -> np.ndarray:
    """float64[k] weight of using the group's most used texts as the group does.

    Two bounds, and the lower counts. By exchanges: with m matches among n sampled exchanges, m log2(g / o) +
    (n - m) log2((1 - g) / (1 - o)), g the others' mean share and o the outsiders', over 1 + (n - 1) rho since an
    account's exchanges are alike (the design effect of cluster sampling, Kish 1965). By accounts: log2 of the
    share of members over the share of outsiders that use the text in earnest; using a public text a thousand
    times is no more evidence than using it. The best of the group's few leading communities counts.
    """
    out = np.zeros(len(members))
    _weigh_text(observations, members, out)
    return out


def _weigh_text(observations: Observations, members: np.ndarray, out: np.ndarray) -> None:
    usage, earnest = observations.usage, observations.community_share
    text_weights(
        usage.offsets,
        usage.value,
        usage.share,
        observations.usage_total,
        (earnest.indptr, earnest.indices, earnest.data),
        observations.n_users,
        observations.n_sampled,
        observations.n_with_sample,
        members,
        (_LEADING, _ALIKE, _FLOOR),
        _SCRATCH.totals(len(observations.usage_total)),
        out,
    )
