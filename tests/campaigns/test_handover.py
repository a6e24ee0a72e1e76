"""A text's use goes over from one pool to another; two operators at work with one text stay two."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from stated_log import N, everyone, fit, group, observed

from hydrascope.campaigns.cluster import Candidate
from hydrascope.campaigns.handover import HOUR_US, Handover, find_handover, shared_texts
from hydrascope.campaigns.judge import Judged
from hydrascope.campaigns.observations import Observations
from hydrascope.engine.duckdb import DuckEngine
from hydrascope.features.content import Matches
from hydrascope.features.surroundings import Happenings
from hydrascope.pipeline.pools import unite_pools

DAY_US = 24 * HOUR_US
SIZES = (40, 90)
NEVER = {0: np.full(40, -1), 1: np.full(90, -1)}


def uses(start_day: float, stop_day: float, n: int = 400, seed: int = 0) -> np.ndarray:
    """Times spread evenly over some days."""
    rng = np.random.default_rng(seed)
    return np.sort((start_day + (stop_day - start_day) * rng.random(n)) * DAY_US).astype(np.int64)


def handover(one: np.ndarray, other: np.ndarray) -> Handover | None:
    """Without bans."""
    return find_handover(one, other, SIZES, NEVER)


def test_the_later_pool_takes_up_the_text_hours_after_the_first_left_off() -> None:
    """Ten days, three hours of silence, ten days."""
    found = handover(uses(0, 10), uses(10 + 3 / 24, 20, seed=1))
    assert found is not None
    assert (found.n_before, found.n_after) == SIZES
    assert found.gap_h == pytest.approx(3, abs=2.5)
    assert found.bits > 4
    assert "they left off" in found.sentence


def test_tests_of_the_later_pool_and_stragglers_of_the_first_do_not_hide_it() -> None:
    """One use in thirty lies on the wrong side."""
    first = np.sort(np.append(uses(0, 10), uses(10, 20, 12, seed=2)))
    second = np.sort(np.append(uses(10.1, 20, seed=1), uses(0, 10, 12, seed=3)))
    assert handover(first, second) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param((0, 20), (0, 20), id="both at work all the time"),
        pytest.param((0, 12), (8, 20), id="they overlap for days"),
        pytest.param((0, 8), (10, 20), id="two days lie between them"),
    ],
)
def test_like_wording_without_a_handover_ties_nothing(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    """Two campaigns may have bought one wrapper."""
    assert handover(uses(*one), uses(*other, seed=1)) is None


def test_a_handful_of_uses_has_no_beginning_and_no_end() -> None:
    """Nineteen are too few."""
    assert handover(uses(0, 10, 19), uses(10, 20)) is None


def test_bans_before_the_second_began_are_counted_and_said() -> None:
    """Thirty of forty in the tenth day, five later, five never."""
    at = np.concatenate([np.full(30, 10 * DAY_US), np.full(5, 15 * DAY_US), np.full(5, -1)])
    found = find_handover(uses(0, 10), uses(10.1, 20, seed=1), SIZES, {0: at, 1: NEVER[1]})
    assert found is not None
    assert found.n_banned == 30
    assert "30 of them were banned" in found.sentence


def test_bans_excuse_a_longer_trial_of_the_second_pool() -> None:
    """One use in twelve of the second before the first was banned: a handover where that was banned, else none."""
    second = np.sort(np.append(uses(10.1, 20, seed=1), uses(0, 10, 36, seed=3)))
    banned = np.full(40, 10 * DAY_US)
    assert handover(uses(0, 10), second) is None
    assert find_handover(uses(0, 10), second, SIZES, {0: banned, 1: NEVER[1]}) is not None


@given(st.floats(0, 25), st.floats(1, 10), st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_it_does_not_matter_which_pool_is_named_first(start: float, days: float, seed: int) -> None:
    """Only who is called the earlier depends on the times."""
    one, other = uses(0, 10, seed=seed), uses(start, start + days, seed=seed + 1)
    a = find_handover(one, other, (40, 40), {0: NEVER[0], 1: NEVER[0]})
    b = find_handover(other, one, (40, 40), {0: NEVER[0], 1: NEVER[0]})
    assert a == b


def test_strangers_pools_seldom_hand_over() -> None:
    """Two pools of ten days each that begin at any time of sixty: both within a day by chance in about one of thirty."""
    rng = np.random.default_rng(5)
    starts = rng.uniform(0, 50, (400, 2))
    found = [handover(uses(a, a + 10, 60, i), uses(b, b + 10, 60, i + 1)) for i, (a, b) in enumerate(starts)]
    assert sum(h is not None for h in found) / len(found) < 0.08


@pytest.mark.parametrize(("outside", "tied"), [(0, True), (5, True), (30, False)])
def test_a_text_that_others_use_as_well_ties_nobody(outside: int, tied: bool) -> None:
    """Fifty accounts in two groups use it, and some strangers."""
    share = np.zeros((200, 2))
    share[:50, 1] = 0.4
    share[100 : 100 + outside, 1] = 0.4
    observations = cast(Observations, SimpleNamespace(template_share=csr_array(share)))
    groups = [np.arange(20, dtype=np.int32), np.arange(20, 50, dtype=np.int32)]
    assert shared_texts(observations, groups) == ({(0, 1): 1} if tied else {})


FIRST, SECOND, THIRD = group(0, 20), group(100, 30), group(200, 25)


def united(verdict: str, spill: Path, *, second_begins: float = 10.1, second: float = 0.99) -> list[Judged]:
    """Three groups: two hand one text over, the third has one of its own. All are accused but the second where it is less likely; the union as stated."""
    pools = ((FIRST, 0, 0.0, 10.0), (SECOND, 0, second_begins, 20.0), (THIRD, 1, 0.0, 20.0))
    share = np.zeros((N, 2))
    account, template, at = [], [], []
    for seed, (members, text, start, stop) in enumerate(pools):
        share[members, text] = 0.9
        times = uses(start, stop, 10 * len(members), seed)
        account.append(np.repeat(members, 10))
        template.append(np.full(len(times), text, np.int32))
        at.append(times)
    log = observed({"ip": everyone(FIRST, 1) | everyone(SECOND, 2) | everyone(THIRD, 3)})
    log.template_share = csr_array(share)  # type: ignore[misc]
    xid = np.arange(sum(map(len, at)), dtype=np.int64)
    matches = Matches(
        offsets=np.searchsorted(np.concatenate(account), np.arange(N + 1)),
        xid=xid,
        template=np.concatenate(template),
    )
    engine = DuckEngine(memory_bytes=512 << 20, threads=1, spill=spill)
    engine.register("exchanges", pa.table({"xid": xid, "at_us": np.concatenate(at)}))

    def judged(candidate: Candidate, verdict: str = verdict, p: float = 0.99) -> Judged:
        made = SimpleNamespace(
            candidate=candidate, members=candidate.members, verdict=verdict, p_distillation=p
        )
        return cast(Judged, made)

    parts = [
        judged(
            Candidate(members=members, origin="core", fit=fit(log, members), pool=len(members)),
            "distillation" if members is not SECOND or second > 0.9 else "inconclusive",
            second if members is SECOND else 0.99,
        )
        for members, *_ in pools
    ]
    never = Happenings(banned_at=np.full(N, -1))
    return unite_pools(engine, log, matches, never, parts, judged, seed=0)


def test_pools_that_hand_over_are_one_campaign_with_the_reason(tmp_path: Path) -> None:
    """The third group is left alone."""
    alone, both = united("distillation", tmp_path)
    assert alone.members.tolist() == THIRD.tolist()
    assert both.members.tolist() == [*FIRST, *SECOND]
    assert [h.n_after for h in both.candidate.handovers] == [30]


def test_pools_stay_apart_where_their_union_is_not_accused_or_nothing_is_handed_over(tmp_path: Path) -> None:
    """Nobody is accused, or cleared, for a union."""
    assert [len(j.members) for j in united("inconclusive", tmp_path)] == [20, 30, 25]
    assert [len(j.members) for j in united("distillation", tmp_path, second_begins=3.0)] == [20, 30, 25]


def test_a_pool_that_is_likely_but_not_accused_joins_the_one_that_it_takes_over_from(tmp_path: Path) -> None:
    """A relay's, for one; an unlikely one stays what it is."""
    assert [len(j.members) for j in united("distillation", tmp_path, second=0.8)] == [25, 50]
    assert [len(j.members) for j in united("distillation", tmp_path, second=0.3)] == [20, 30, 25]
