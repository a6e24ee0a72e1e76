"""A table of strangers with operators among them, for tests of linkage."""

from __future__ import annotations

import numpy as np

from hydrascope.linkage.incidence import ChannelSpec, Incidence, incidence_from_rows

CHANNELS = (ChannelSpec(name="ip", family="ip"), ChannelSpec(name="page", family="page"))


def strangers_and_groups(
    seed: int, *, n: int, values: int, groups: int, size: int, rows: int, pool: int
) -> Incidence:
    """Strangers of unequal activity in two channels; the first accounts also draw from their group's pool.

    Args:
        seed: of all draws.
        n: accounts.
        values: that strangers draw from, some more often than others.
        groups, size: number of groups, and accounts of each.
        rows, pool: draws of each member, and values of each group's pool.
    """
    rng = np.random.default_rng(seed)
    account = np.repeat(np.arange(n), np.minimum(rng.lognormal(2.0, 0.8, n), 80).astype(int))
    value = (values * rng.random(len(account)) ** 1.4).astype(int)
    who = np.repeat(np.arange(groups * size), rows)
    account = np.concatenate((account, who))
    value = np.concatenate((value, 10_000 + (who // size) * pool + rng.integers(0, pool, len(who))))
    return incidence_from_rows(
        account, rng.integers(0, 2, len(account)), value, n_accounts=n, channels=CHANNELS
    )
