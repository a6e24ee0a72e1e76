"""A campaign in the midst of a relay's customers is a group of its own where its text is nobody else's."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from scipy.sparse import csr_array
from stated_log import N, everyone, group, observed

from hydrascope.campaigns import inner
from hydrascope.campaigns.content import ContentSource
from hydrascope.campaigns.inner import inner_groups
from hydrascope.campaigns.membership import ClusterSettings
from hydrascope.campaigns.observations import Observations

RELAY = group(0, 100)
NO_TEXTS = cast(ContentSource, None)


def log(users: np.ndarray) -> Observations:
    """Hundred customers of one relay; the users send a text in half of their exchanges."""
    observations = observed({"ip": everyone(RELAY, 1)})
    share = np.zeros((N, 1))
    share[users] = 0.5
    observations.community_share = csr_array(share)  # type: ignore[misc]
    observations.n_users = np.array([len(users)])  # type: ignore[misc]
    return observations


def found(monkeypatch: pytest.MonkeyPatch, users: np.ndarray, asks: float) -> list[list[int]]:
    """Members of the inner groups of the relay, where the text asks so surely."""
    monkeypatch.setattr(inner, "asks_for", lambda *_: asks)
    return [c.members.tolist() for c in inner_groups(log(users), NO_TEXTS, RELAY, ClusterSettings())]


def test_the_users_of_a_text_that_asks_are_looked_at_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty of the hundred, picked from all of them."""
    assert found(monkeypatch, group(20, 30), 0.9) == [list(range(20, 50))]


@pytest.mark.parametrize(
    "users",
    [group(0, 90), group(0, 8), np.append(group(0, 30), group(500, 20))],
    ids=["all", "few", "public"],
)
def test_a_text_of_the_whole_group_of_few_or_of_others_is_not(
    users: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group was asked for it already; few say too little; what strangers send as well is public."""
    assert found(monkeypatch, users, 0.9) == []


def test_customers_with_an_application_of_their_own_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text asks for no training signal."""
    assert found(monkeypatch, group(20, 30), 0.1) == []
