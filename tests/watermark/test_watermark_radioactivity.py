"""The weighted test is exact: never too small a p, whatever the weights, and uniform decoys."""

from __future__ import annotations

import numpy as np
import pytest
from audit_world import MARK, base_model, small_traffic, small_world, student_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, kstest, wilcoxon

from hydrascope.errors import RefusalError
from hydrascope.lab.provider import AccountPlan, serve
from hydrascope.watermark.audit_probes import Probe, first_seen
from hydrascope.watermark.audit_weights import weigh_rows
from hydrascope.watermark.keys import decoy_keys
from hydrascope.watermark.radioactivity import (
    Items,
    ProbeSums,
    WeightedNull,
    clipped,
    merge_items,
    signed_rank_log10_p,
    strongest_items,
)
from hydrascope.watermark.trace import MarkTest, decoy_check, key_sums


def rows_of(suspect, probes):
    """(contexts, tokens, weights) of every probe, width 2."""
    for probe in probes:
        ids, weights = weigh_rows(suspect, base_model(), probe.tokens, top=False)
        places = first_seen(probe.tokens, 2, probe.start)
        row, column = np.nonzero(np.abs(weights[places]) >= 1e-3)
        at = places[row]
        yield probe.tokens[at[:, None] + np.arange(-1, 1)], ids[at, column], weights[at, column]


def items_of(cluster: str) -> Items:
    """Items of a student on the answers served to `north`."""
    served = [
        a
        for r, a in zip(small_traffic().rows, small_traffic().answers, strict=True)
        if "north" in r["account_id"]
    ]
    sums = ProbeSums()
    for rows in rows_of(student_of(cluster), [Probe("p", tokens, 24) for tokens in served[:120]]):
        sums.add(*rows)
    return clipped(sums.items(), 0.1)


@given(st.integers(60, 400), st.floats(0.5, 0.95), st.sampled_from([0.25, 0.5]))
@settings(max_examples=40, deadline=None)
def test_the_bound_is_never_below_the_exact_binomial_tail(n: int, share: float, gamma: float) -> None:
    """With equal weights the exact p is known; the bound may only be larger, and not by much."""
    wins = int(share * n)
    exact = binom.logsf(wins - 1, n, gamma) / np.log(10)
    null = WeightedNull(np.ones(n), gamma=gamma)
    bound = float(null.log10_p(wins - gamma * n)[0])
    assert exact - 1e-9 <= bound <= exact + 2.5


def test_the_saddlepoint_estimate_is_close_to_the_exact_tail() -> None:
    """Equal weights, far tail: within five percent of the exponent."""
    exact = binom.logsf(139, 200, 0.5) / np.log(10)
    estimate = WeightedNull(np.ones(200), gamma=0.5).saddlepoint_log10_p(40.0)
    assert estimate == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("null", ["bernoulli", "exponential"])
def test_weighted_sums_of_random_marks_exceed_their_bound_no_more_often_than_it_says(null: str) -> None:
    """4,000 simulated keys over heavy-tailed weights of both signs."""
    rng = np.random.default_rng(5)
    w = rng.normal(size=500) * rng.random(500) ** 6
    draws = rng.random((4000, 500)) < 0.25 if null == "bernoulli" else rng.exponential(size=(4000, 500))
    tested = WeightedNull(w, null=null, gamma=0.25)
    p = 10 ** tested.log10_p(draws @ w - tested.mean)
    for level in (0.1, 0.01, 0.001):
        assert (p <= level).mean() <= level * 1.5


def test_one_hundred_thousand_null_audits_accuse_nobody() -> None:
    """1e5 audits of two keys each on a student that saw none: nothing under 1e-6 after Holm."""
    items = strongest_items(items_of("nobody"), 200)
    test = MarkTest(items, MARK)
    log10_p = test.log10_p(key_sums(items, decoy_keys(11, 200_000), MARK)).reshape(-1, 2)
    holm_least = np.minimum(log10_p.min(axis=1) + np.log10(2), 0.0)
    assert len(holm_least) == 100_000
    assert holm_least.min() > -6


@pytest.mark.parametrize("student", ["nobody", "south"])
def test_two_thousand_decoy_keys_are_uniform(student: str) -> None:
    """On a student of unmarked text, and on one of another key's text."""
    assert decoy_check(MarkTest(items_of(student), MARK), seed=3, n=2000).ks_p > 0.05


@pytest.mark.parametrize("student", ["nobody", "north"])
def test_true_keys_on_their_own_served_answers_are_uniform_if_the_student_never_saw_them(
    student: str,
) -> None:
    """The probe itself was chosen by the key: 100 keys, each on what was served under it, still fair."""
    keys = decoy_keys(31, 100)
    plans = [AccountPlan(account_id=f"a{i:03d}", n_exchanges=5, key=k, mark=MARK) for i, k in enumerate(keys)]
    served = serve(small_world(), plans, seed=12, answer_tokens=60)
    z = []
    for i, key in enumerate(keys):
        mine = [a for r, a in zip(served.rows, served.answers, strict=True) if r["account_id"] == f"a{i:03d}"]
        sums = ProbeSums()
        for rows in rows_of(student_of(student), [Probe("p", tokens, 24) for tokens in mine]):
            sums.add(*rows)
        test = MarkTest(clipped(sums.items(), 0.1), MARK)
        z.append(test.tests([key])[0].z)
    assert kstest(z, "norm").pvalue > 0.05


def test_counts_of_decoys_are_uniform_too() -> None:
    """Text only: randomised binomial p-values of 2,000 decoys on the student's own argmax tokens."""
    rng = np.random.default_rng(2)
    pairs = rng.integers(0, 420, (4000, 3)).astype(np.int32)
    items = merge_items(pairs[:, :2], pairs[:, 2], np.ones(4000))
    items.weights[:] = 1.0
    n = len(items)
    sums = key_sums(items, decoy_keys(8, 2000), MARK)
    p = binom.sf(sums, n, 0.25) + rng.random(2000) * binom.pmf(sums, n, 0.25)
    assert kstest(p, "uniform").pvalue > 0.05


@given(st.permutations(range(6)), st.integers(1, 5))
@settings(max_examples=15, deadline=None)
def test_probes_may_come_in_any_order_and_any_split(order: list[int], cut: int) -> None:
    """Adding up is a merge: what was split or shuffled gives the same items."""
    rng = np.random.default_rng(1)
    parts = [
        (rng.integers(0, 5, (30, 2)), rng.integers(0, 9, 30), rng.integers(1, 9, 30) / 8) for _ in range(6)
    ]
    whole = ProbeSums()
    for part in parts:
        whole.add(*part)
    shuffled = ProbeSums()
    for i in order[:cut]:
        shuffled.add(*parts[i])
    shuffled.items()
    for i in order[cut:]:
        shuffled.add(*parts[i])
    for left, right in zip(_columns(whole.items()), _columns(shuffled.items()), strict=True):
        np.testing.assert_allclose(left, right)


def _columns(items: Items) -> tuple[np.ndarray, ...]:
    return items.contexts, items.context_of, items.tokens, items.weights


def test_a_pair_that_comes_a_hundred_times_is_one_item() -> None:
    """De-duplication over the whole corpus, weights added."""
    items = merge_items(np.tile([[3, 4]], (100, 1)), np.full(100, 7), np.full(100, 0.5))
    assert len(items) == 1
    assert items.weights.tolist() == [50.0]


def test_rare_large_ids_are_kept_apart_too() -> None:
    """Contexts too wide to pack into one integer take the slow path to the same answer."""
    big = 2**31 - 2
    items = merge_items(
        np.array([[big, 1, big], [big, 1, big], [1, big, big]]), np.array([1, 1, 1]), np.ones(3)
    )
    assert items.contexts.tolist() == [[1, big, big], [big, 1, big]]
    assert items.weights.tolist() == [1.0, 2.0]


def test_a_context_counts_only_where_it_is_first_seen_in_the_fed_text() -> None:
    """Later on, the text fed before it may already depend on its mark."""
    assert first_seen(np.array([5, 6, 5, 6, 5, 6, 9], np.int32), 2, 0).tolist() == [1, 2, 6]


def test_a_handful_of_items_is_refused() -> None:
    """No p-value from one token."""
    with pytest.raises(RefusalError, match="at least 50"):
        MarkTest(merge_items(np.array([[1, 2]]), np.array([3]), np.array([0.4])), MARK)


def test_signed_ranks_agree_with_wilcoxon_and_stay_on_the_safe_side() -> None:
    """The bound is never below the exact p and within a decade and a half of it."""
    d = np.random.default_rng(4).normal(0.6, 1.0, 45)
    exact = np.log10(wilcoxon(d, alternative="greater", method="exact").pvalue)
    assert exact <= signed_rank_log10_p(d) <= exact + 1.5
