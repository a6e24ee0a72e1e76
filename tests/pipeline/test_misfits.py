"""Members whom all evidence puts outside an accused operator's group leave it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from hydrascope.campaigns.judge import Judged
from hydrascope.campaigns.observations import Observations
from hydrascope.pipeline.detect import _misfits

N = 1030
"""Accounts of the log: against any one of them being among the thirty members stand about five bits."""
MEMBERS = np.arange(100, 130, dtype=np.int32)


def leaving(bits: list[float], *, verdict: str = "distillation", origin: str = "core") -> list[int]:
    """Members that leave a group of thirty, the first of which show so many bits and the others twelve."""
    fit = SimpleNamespace(bits=np.array(bits + [12.0] * (len(MEMBERS) - len(bits))))
    judged = SimpleNamespace(
        verdict=verdict, members=MEMBERS, candidate=SimpleNamespace(origin=origin, fit=fit)
    )
    log = cast(Observations, SimpleNamespace(population=range(N)))
    return _misfits(log, cast(Judged, judged)).tolist()


def test_an_account_that_the_whole_group_does_not_explain_leaves() -> None:
    """A research group with the campaign's wording and nothing else of it; one that may as well belong stays."""
    assert leaving([-5.4, 0.3, 5.0]) == [100, 101]


@pytest.mark.parametrize(("verdict", "origin"), [("reseller", "core"), ("distillation", "remainder")])
def test_who_is_not_accused_or_held_by_text_alone_is_left_as_it_is(verdict: str, origin: str) -> None:
    """A text's users were chosen by it, and nobody is accused by the other verdicts."""
    assert leaving([-5.4], verdict=verdict, origin=origin) == []
