"""Accounts that no candidate held, brought to the group that they belong to.

A group is refined from accounts that one side of the search put together: links, a block, a text. Others of the same
operator may have come from no side. They are found in two ways: quiet users of the group's text, whom the whole evidence puts there;
and accounts that share any rare value with it, whom its operator's traces alone put there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hydrascope.campaigns.membership import ClusterSettings, bits_against, rarity
from hydrascope.campaigns.observations import Channel, Observations
from hydrascope.campaigns.profile import COARSE, HABITS, OPERATOR, SHARED, Fit, fit_members
from hydrascope.kernels.ranges import ranges

__all__ = ["attach", "find_strays"]

_LEAST_LIFT = 3.0
"""Bits by which a value must be commoner in a group than elsewhere for its other users to be looked at."""
_CHANNEL_CAP = 8.0
"""Most bits that one channel counts in choosing whom to look at."""
_USERS_EACH = 20
_USERS = 2_000
"""Users of a group's values that are looked at: so many for each of its members, and so many more; rarest values first."""


def attach(observations: Observations, fits: Sequence[Fit], settings: ClusterSettings) -> list[Fit]:
    """Add to each group the unclaimed users of its texts whom the whole evidence puts there.

    These are accounts too quiet to show an operator by themselves; nothing may speak against one, and a text
    that outsiders use as well is too weak to bring anybody in.
    """
    free = _in_no_group(observations, fits)
    grown = []
    for fit in fits:
        users = _unclaimed_users(observations, fit, free, settings)
        if 0 < len(users) <= 2 * len(fit.members):
            fit = _grow(observations, fit, users, settings)
            free[fit.members] = False
        grown.append(fit)
    return grown


def _in_no_group(observations: Observations, fits: Sequence[Fit]) -> np.ndarray:
    free = np.ones(len(observations.population), bool)
    for fit in fits:
        free[fit.members] = False
    return free


def _grow(observations: Observations, core: Fit, users: np.ndarray, settings: ClusterSettings) -> Fit:
    """The core with the users that fit it, each held against the core alone: users may resemble each other.

    All evidence must overcome the odds against any account of the log, and that of an operator those against any
    user of the text, since using it is what all of them have in common. Where the text is public and the members plainly live alike, so must
    they: the honest users of an agent whose sessions a campaign replays share all but that.
    """
    bits = bits_against(observations, core.members, users, seed=settings.seed)
    least = rarity(observations, len(core.members)) + settings.min_posterior_bits
    odds = float(np.log2(len(users) / len(core.members))) + settings.min_posterior_bits
    operator = bits[:, OPERATOR].sum(axis=1)
    joins = (bits.sum(axis=1) >= least) & (operator >= max(odds, -settings.max_against_bits))
    if len(users) >= settings.public_users * len(core.members):
        joins &= _lives_alike(core, bits, settings)
    if not joins.any():
        return core
    members = np.sort(np.concatenate([core.members, users[joins]])).astype(np.int32)
    return fit_members(observations, members, seed=settings.seed)


def _unclaimed_users(
    observations: Observations, fit: Fit, free: np.ndarray, settings: ClusterSettings
) -> np.ndarray:
    share = observations.community_share
    used = np.asarray((share[fit.members] > 0).sum(axis=0)).ravel()
    leading = np.flatnonzero(
        (used >= 0.5 * len(fit.members)) & (observations.n_users <= settings.max_users * len(fit.members))
    )
    if not len(leading):
        return np.zeros(0, np.int32)
    users = np.unique(share[:, leading].tocoo().coords[0])
    return users[free[users]].astype(np.int32)


def find_strays(
    observations: Observations,
    fits: Sequence[Fit],
    settings: ClusterSettings,
    *,
    never: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Of each group, the accounts in none that share a rare value with it and belong to it for its operator's traces.

    An account goes to the group that explains it best, a group's size counting as its prior; one whose purpose the operator's
    records declare goes to none.

    Args:
        never: int32[] codes of accounts that are brought to no group.

    Returns:
        int32[] codes, ascending, for each group.
    """
    free = _in_no_group(observations, fits)
    free &= ~_declared(observations)
    if never is not None:
        free[never] = False
    best = np.full(len(free), -np.inf)
    owner = np.full(len(free), -1)
    users_of = {channel.name: _users_by_value(channel) for channel in _telling(observations)}
    for i, fit in enumerate(fits):
        least = rarity(observations, len(fit.members)) + settings.min_posterior_bits
        asked = _sharers(observations, users_of, fit, free, least)
        if not len(asked):
            continue
        bits = bits_against(observations, fit.members, asked, seed=settings.seed, at_once=_at_once(fit))
        joins = _belongs(fit, bits, least, settings)
        asked, score = asked[joins], bits[joins].sum(axis=1) + np.log2(len(fit.members))
        wins = score > best[asked]
        best[asked[wins]], owner[asked[wins]] = score[wins], i
    return [np.flatnonzero(owner == i).astype(np.int32) for i in range(len(fits))]


def _declared(observations: Observations) -> np.ndarray:
    known = observations.population.attributes.get("declared")
    if known is None:
        return np.zeros(len(observations.population), bool)
    return np.array([bool(value) for value in known], bool)


def _belongs(core: Fit, bits: np.ndarray, least: float, settings: ClusterSettings) -> np.ndarray:
    """Whether the operator's families, and also all families but the strongest, overcome the odds against any account of the log.

    The second is what a neighbour on the same exit lacks. Where the members plainly live alike an account must do so too, or
    share so much with them that its habits need not speak.
    """
    rest = bits.sum(axis=1) - bits.max(axis=1)
    joins = bits[:, OPERATOR].sum(axis=1) >= max(least, settings.min_operator_bits)
    joins &= rest >= max(least, settings.min_rest_bits)
    shares_much = bits[:, SHARED].sum(axis=1) >= least + settings.spare_bits
    return np.asarray(joins & (shares_much | _lives_alike(core, bits, settings)))


def _lives_alike(core: Fit, bits: np.ndarray, settings: ClusterSettings) -> np.ndarray:
    """Whether an account shows its part of the habits of a group that plainly lives alike; all do where it does not."""
    usual = float(np.median(core.families[:, HABITS].sum(axis=1)))
    if usual < settings.strong_habit_bits:
        return np.ones(len(bits), bool)
    return np.asarray(bits[:, HABITS].sum(axis=1) >= settings.habit_share * usual)


def _at_once(core: Fit) -> int:
    """Outsiders that a group is asked about together: few beside its members, so that they hardly speak for each other."""
    return max(1, len(core.members) // 40)


def _telling(observations: Observations) -> list[Channel]:
    """Channels whose values few enough accounts share for one to say something, texts among them."""
    return [c for n, c in observations.channels.items() if n not in COARSE] + [observations.usage]


def _users_by_value(channel: Channel) -> tuple[np.ndarray, np.ndarray]:
    """Accounts in order of value: int64[v+1] offsets, int32[m] codes."""
    account = np.repeat(np.arange(len(channel.offsets) - 1, dtype=np.int32), np.diff(channel.offsets))
    order = np.argsort(channel.value, kind="stable")
    return np.concatenate(
        [[0], np.cumsum(np.bincount(channel.value, minlength=len(channel.names)))]
    ), account[order]


def _sharers(
    observations: Observations,
    users_of: dict[str, tuple[np.ndarray, np.ndarray]],
    core: Fit,
    free: np.ndarray,
    least: float,
) -> np.ndarray:
    """Free accounts that share most with a group, at most two for each of its members: int32[].

    Those whose values alone would not overcome the odds are not asked: two families must, and habits are one of them.
    """
    found, weights = [np.zeros(0, np.int32)], [np.zeros(0)]
    for channel in _telling(observations):
        users, weight = _users_of_values(channel, *users_of[channel.name], core.members)
        kept = free[users]
        found.append(users[kept])
        weights.append(weight[kept])
    account, place = np.unique(np.concatenate(found), return_inverse=True)
    score = np.bincount(place, weights=np.concatenate(weights), minlength=len(account))
    order = np.lexsort((account, -score))[: 2 * len(core.members)]
    return np.sort(account[order[score[order] >= least]])


def _users_of_values(
    channel: Channel, starts: np.ndarray, users: np.ndarray, members: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Users of the values that a group shares more than others do, each once, with the bits of its best one."""
    _, value, _ = channel.rows_of(members)
    codes, n = np.unique(value, return_counts=True)
    usual = (channel.popularity[codes] - n + 0.5) / (max(channel.n_known - len(members), 0) + 1.0)
    lift = np.minimum(np.log2(n / len(members) / usual), _CHANNEL_CAP)
    chosen = np.flatnonzero((lift >= _LEAST_LIFT) & (channel.popularity[codes] > n))
    chosen = chosen[np.argsort(channel.popularity[codes[chosen]], kind="stable")]
    within = np.cumsum(channel.popularity[codes[chosen]]) <= _USERS + _USERS_EACH * len(members)
    chosen = chosen[within]
    length = channel.popularity[codes[chosen]]
    who = users[ranges(starts[codes[chosen]], length)]
    bits = np.repeat(lift[chosen], length)
    order = np.lexsort((-bits, who))
    first = np.append(True, np.diff(who[order]) > 0) if len(order) else np.zeros(0, bool)
    return who[order][first], bits[order][first]
