"""All that is known of a log once features and templates are computed: what clusters are judged on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array

from hydrascope.features.activity import Activity
from hydrascope.features.carried import Carried
from hydrascope.features.incidence import ChannelRows
from hydrascope.features.population import Population
from hydrascope.features.releases import Moves
from hydrascope.linkage.templates import Templates
from hydrascope.stats.density import Quantity

__all__ = [
    "DECLARED",
    "QUANTITIES",
    "Channel",
    "Observations",
    "Pieces",
    "Usual",
    "index_channels",
    "is_declared",
    "prepare_quantities",
]

QUANTITIES = ("answers", "created_at", "first_seen", "signup_to_use", "synchrony", "volume")
"""Names of what groups are compared by besides shared values; a scan can do without each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel with its values coded 0..v-1 and rows indexed by account."""

    name: str
    family: str
    offsets: np.ndarray
    """int64[n_accounts+1]."""
    value: np.ndarray
    """int32[m] codes."""
    share: np.ndarray
    """float32[m] share of the account's exchanges."""
    names: np.ndarray
    """int64[v] the value's hash."""
    popularity: np.ndarray
    """int64[v] accounts that have the value."""
    n_known: int
    """Accounts that have any value."""

    def rows_of(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Position in `members`, value code and share of each of their rows."""
        starts, lengths = self.offsets[members], self.offsets[members + 1] - self.offsets[members]
        ends = np.cumsum(lengths)
        index = np.repeat(starts - (ends - lengths), lengths) + np.arange(ends[-1] if len(ends) else 0)
        return np.repeat(np.arange(len(members)), lengths), self.value[index], self.share[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """Habits of the background, in order once: each group is held against them."""

    volumes: np.ndarray
    """float64[], ascending: log daily volumes of accounts with enough traffic."""
    signup_to_use_h: np.ndarray
    """float64[], ascending, where known."""
    day_spread: np.ndarray
    """float64[], ascending, where known."""
    length_spread: float | None
    """Median of the accounts' own standard deviations of log prompt length; None where too few have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Accounts in groups of which at least half use a text in earnest: another piece of a campaign is no witness that its text is public."""

    templates: np.ndarray
    """int64[t]."""
    communities: np.ndarray
    """int64[c]."""


DECLARED = 1 / 3
"""Share of declared members from which a group is known to the operator's records."""
EARNEST = 0.03
"""Share of its exchanges from which an account uses a template in earnest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """Aligned with the accounts' codes."""

    population: Population
    channels: Mapping[str, Channel]
    activity: Activity
    templates: Templates
    community: np.ndarray
    """int32[t] community of each template."""
    template_share: csr_array
    """accounts x templates: share of the account's sampled exchanges that hold the template."""
    template_holders: np.ndarray
    """int64[t] accounts that hold each template at all ..."""
    template_users: np.ndarray
    """... and those that hold it in `EARNEST` of their exchanges or more."""
    community_share: csr_array
    """accounts x communities: share that hold any template of it, where it is used in earnest."""
    usage: Channel
    """Communities as values, however little used; `share` is of the account's sampled exchanges."""
    n_sampled: np.ndarray
    """int64[n_accounts] sampled exchanges behind those shares."""
    usage_total: np.ndarray
    """float64[communities]: sum over accounts of the share that holds the community's templates."""
    n_users: np.ndarray
    """int64[communities]: accounts that use the community's templates in earnest."""
    n_with_sample: int
    """Accounts with any sampled exchange."""
    quantities: Mapping[str, Quantity]
    """Numbers that groups are compared by: see `prepare_quantities`."""
    cycle: np.ndarray | None
    """float64[n_hours], the common cycle of activity; None where common hours must not be used."""
    moves: Moves | None = None
    """Who moved to which released model."""
    refused: np.ndarray | None = None
    """int64[n_accounts] refused exchanges; None where the log has no stop reasons."""
    carried: Carried | None = None
    """Who sends whose answers; None where the log holds none."""
    background: np.ndarray | None = None
    """int64[b] accounts that no operator ties to others: what is usual in this log. None: all accounts."""
    usual: Usual | None = None
    """Their habits, where they were put in order."""
    pieces: Pieces | None = None
    """Users of texts in groups that send them as one, once there are groups."""
    organization_size: Mapping[str, int] = field(default_factory=dict)
    """Accounts of each organization in the log."""


def prepare_quantities(population: Population, activity: Activity) -> dict[str, Quantity]:
    """Sign-up, first use, the wait between them and the daily volume, with their densities.

    First use is unknown for accounts that were active in the log's first two days: they may be older.
    """
    hour = 3.6e9
    interior = population.first_at > population.first_at.min() + 48 * hour
    created = np.where(population.created_at >= 0, population.created_at / hour, np.nan)
    first_seen = np.where(interior, population.first_at / hour, np.nan)
    waited = np.where(
        activity.signup_to_use_h >= 0, np.log10(np.maximum(activity.signup_to_use_h, 0) + 0.1), np.nan
    )
    volume = np.where(population.n >= 5, np.log(activity.per_active_day), np.nan)
    return {
        "created_at": Quantity.prepare(created, (1.0, 12.0, 72.0), 8.0),
        "first_seen": Quantity.prepare(first_seen, (1.0, 12.0, 72.0), 6.0),
        "signup_to_use": Quantity.prepare(waited, (0.15, 0.4), 4.0),
        "volume": Quantity.prepare(volume, (0.06, 0.2, 0.5), 5.0),
    }


def is_declared(population: Population, members: np.ndarray) -> np.ndarray:
    """bool[k]: accounts (int32[k] codes) that the operator's records declare to be something, a reseller or an evaluator."""
    values = population.attributes.get("declared")
    if values is None:
        return np.zeros(len(members), bool)
    return np.array([values[m] is not None for m in members.tolist()], bool)


def index_channels(rows: Mapping[str, ChannelRows], n_exchanges: np.ndarray) -> dict[str, Channel]:
    """Code each channel's values and index its rows by account."""
    return {name: _index(r, n_exchanges) for name, r in rows.items()}


def _index(rows: ChannelRows, n_exchanges: np.ndarray) -> Channel:
    names, value = np.unique(rows.value, return_inverse=True)
    offsets = np.searchsorted(rows.account, np.arange(len(n_exchanges) + 1)).astype(np.int64)
    return Channel(
        name=rows.name,
        family=rows.family,
        offsets=offsets,
        value=value.astype(np.int32),
        share=(rows.count / np.maximum(n_exchanges[rows.account], 1)).astype(np.float32),
        names=names,
        popularity=np.bincount(value, minlength=len(names)),
        n_known=int((np.diff(offsets) > 0).sum()),
    )
