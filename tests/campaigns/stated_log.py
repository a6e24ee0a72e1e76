"""A log in which accounts show what is stated of them, and a value of their own otherwise."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
from scipy.sparse import csr_array

from hydrascope.campaigns.observations import Channel, Observations, index_channels
from hydrascope.campaigns.profile import Fit, fit_members
from hydrascope.features.incidence import CHANNELS, ChannelRows

N = 3000


class People(SimpleNamespace):
    """N accounts with what is declared of them."""

    attributes: dict[str, list[str | None]]

    def __len__(self) -> int:
        return N


def observed(
    shown: dict[str, dict[int, int]],
    organization: dict[int, str] | None = None,
    pathway: str = "enterprise",
) -> Observations:
    """A log of N accounts in which each channel gives accounts a value of their own but where one is stated."""
    held = organization or {}
    attributes: dict[str, list[str | None]] = {
        "organization_id": [held.get(a) for a in range(N)],
        "access_pathway": [pathway if a in held else "self_serve" for a in range(N)],
    }
    channels: dict[str, Channel] = {}
    for name, stated in shown.items():
        value = np.array([stated.get(a, 1_000_000 + a) for a in range(N)], np.int64)
        rows = ChannelRows(
            name=name,
            family=CHANNELS[name],
            account=np.arange(N, dtype=np.int32),
            value=value,
            count=np.ones(N, np.int64),
        )
        channels |= index_channels({name: rows}, np.ones(N))
    none = np.zeros(0, np.int64)
    rows = ChannelRows(
        name="template", family="content", account=none.astype(np.int32), value=none, count=none
    )
    usage = index_channels({"template": rows}, np.ones(N))["template"]
    return cast(
        Observations,
        SimpleNamespace(
            population=People(attributes=attributes),
            channels=channels,
            quantities={},
            cycle=None,
            carried=None,
            usage=usage,
            usage_total=np.zeros(0),
            community_share=csr_array((N, 1)),
            n_users=np.zeros(1, np.int64),
            n_sampled=np.ones(N, np.int64),
            n_with_sample=N,
        ),
    )


def group(start: int, size: int) -> np.ndarray:
    """Codes of consecutive accounts."""
    return np.arange(start, start + size, dtype=np.int32)


def everyone(members: np.ndarray, value: int) -> dict[int, int]:
    """The members on one value."""
    return dict.fromkeys(members.tolist(), value)


def fit(observations: Observations, members: np.ndarray) -> Fit:
    """The members scored against each other."""
    return fit_members(observations, members, seed=0)


def sizes(fits: list[Fit]) -> list[int]:
    """Sizes of groups, largest first."""
    return sorted((len(f.members) for f in fits), reverse=True)
