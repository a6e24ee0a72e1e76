"""A community that only its text makes is held by those whom the text puts there."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from stated_log import N, group, observed

from hydrascope.campaigns.cluster import community_members, remainders
from hydrascope.campaigns.membership import ClusterSettings
from hydrascope.campaigns.observations import index_channels
from hydrascope.features.incidence import ChannelRows

N_SAMPLED = 60
SENDERS, OTHERS = group(0, 150), group(500, 20)


def left(share_of_senders: float, share_of_others: float) -> list[list[int]]:
    """Members of the groups made of one text, which senders and others hold in parts of their sixty exchanges."""
    observations = observed({})
    share = np.zeros(N)
    share[SENDERS], share[OTHERS] = share_of_senders, share_of_others
    users = np.flatnonzero(share).astype(np.int32)
    rows = ChannelRows(
        name="template",
        family="content",
        account=users,
        value=np.zeros(len(users), np.int64),
        count=np.round(share[users] * N_SAMPLED).astype(np.int64),
    )
    usage = index_channels({"template": rows}, np.full(N, float(N_SAMPLED)))["template"]
    observations.usage = usage  # type: ignore[misc]
    observations.usage_total = np.array([usage.share.sum()])  # type: ignore[misc]
    observations.community_share = csr_array(share[:, None])  # type: ignore[misc]
    observations.n_users = np.array([len(users)])  # type: ignore[misc]
    observations.n_sampled = np.full(N, N_SAMPLED)  # type: ignore[misc]
    found = remainders(
        observations, community_members(observations, ClusterSettings()), [], ClusterSettings()
    )
    return [c.members.tolist() for c in found]


def test_who_sends_a_groups_text_now_and_then_is_not_in_it() -> None:
    """The others send little else; three of sixty exchanges hold a piece of it by the way."""
    assert left(1.0, 0.05) == [SENDERS.tolist()]


def test_who_sends_other_things_too_stays() -> None:
    """Half of the traffic is cover."""
    assert left(1.0, 0.5) == [np.union1d(SENDERS, OTHERS).tolist()]


def test_a_text_that_all_send_now_and_then_keeps_all() -> None:
    """Under heavy cover one exchange in ten is what everybody sends."""
    assert left(0.1, 0.1) == [np.union1d(SENDERS, OTHERS).tolist()]
