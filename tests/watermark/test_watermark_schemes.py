"""Schemes, gates and tails: what marks do to logits, what scores say, and that p-values are exact."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hydrascope.errors import RefusalError, UsageError
from hydrascope.watermark import (
    Gumbel,
    Mark,
    RedGreen,
    Scheme,
    binomial_log10_p,
    decoy_keys,
    dedup_pairs,
    gamma_log10_p,
    holm,
)
from hydrascope.watermark.betting import Capital, binomial_log10_e, gamma_log10_e
from hydrascope.watermark.pairs import SeenPairs, keep_served, served_contexts, windows
from hydrascope.watermark.pvalues import bounded_mean_log10_p, chernoff_log10_p, shown_p, uniform_ks
from hydrascope.watermark.schemes.gates import ContextHistory, ProseGate, entropy_nats, is_open, prose_mask
from hydrascope.watermark.schemes.synthid import SynthID, layer_weights, tournament
from hydrascope.watermark.schemes.vllm_philox import VllmGumbel, dual_keys
from hydrascope.watermark.score import score_keys

KEY, OTHER = decoy_keys(11, 2, sliced=False)
V = 300


def chain(step, n: int = 400, width: int = 2, seed: int = 0) -> np.ndarray:  # type: ignore[no-untyped-def]
    """A text from a random first-order model; `step(logits, context, rng)` chooses each token."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(V, V)) * 1.5
    tokens = list(rng.integers(0, V, width))
    for _ in range(n):
        tokens.append(step(table[tokens[-1]], tokens, rng))
    return np.array(tokens)


def draw(logits: np.ndarray, rng: np.random.Generator) -> int:
    """One token from softmax(logits)."""
    return int(np.argmax(logits + rng.gumbel(size=len(logits))))


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("gamma", [0.5, 0.25])
def test_a_red_green_mark_is_found_with_its_key_and_no_other(width: int, gamma: float) -> None:
    """400 tokens at delta 2."""
    mark = RedGreen(KEY, width, gamma, 2.0)
    text = chain(lambda logits, context, rng: draw(mark.bias(logits, context), rng), width=width)
    pairs = dedup_pairs([text], width)
    assert mark.log10_p(*pairs) < -10
    assert RedGreen(OTHER, width, gamma).log10_p(*pairs) > -3


def test_bias_moves_green_logits_by_delta_and_nothing_else() -> None:
    """One row, a batch, and a context that is too short."""
    mark = RedGreen(KEY, 2, 0.25, 1.5)
    logits = np.random.default_rng(0).normal(size=(2, V))
    green = mark.green_list([3, 4], V)
    assert np.allclose(mark.bias(logits[0], [3, 4]) - logits[0], 1.5 * green)
    assert np.allclose(mark.bias(logits, [[3, 4], [4, 3]])[0], mark.bias(logits[0], [3, 4]))
    assert (mark.bias(logits[0], [3]) == logits[0]).all()
    assert (mark.score([[3, 4]] * V, np.arange(V)) == green).all()


def test_gumbel_max_is_found_and_does_not_distort() -> None:
    """The true key's p is tiny; over fresh contexts each token appears as often as it should."""
    mark = Gumbel(KEY, 2)
    text = chain(lambda logits, context, rng: mark.sample(logits, context))
    pairs = dedup_pairs([text], 2)
    assert mark.log10_p(*pairs) < -50
    assert Gumbel(OTHER, 2).log10_p(*pairs) > -3
    logits = np.log([0.5, 0.3, 0.2])
    chosen = [mark.sample(logits, [i, i + 1]) for i in range(4000)]
    assert stats.chisquare(np.bincount(chosen), 4000 * np.array([0.5, 0.3, 0.2])).pvalue > 1e-3


def test_a_tournament_is_found_and_does_not_distort_on_average() -> None:
    """The true key's bound is tiny; averaged over contexts the distribution is the model's."""
    mark = SynthID(KEY, 2, layers=20)
    text = chain(lambda logits, context, rng: draw(mark.bias(logits, context), rng))
    pairs = dedup_pairs([text], 2)
    assert mark.log10_p(*pairs) < -20
    assert SynthID(OTHER, 2, layers=20).log10_p(*pairs) > -3
    p = np.array([0.5, 0.3, 0.2])
    after = np.mean([np.exp(mark.bias(np.log(p), [i, i + 1])) for i in range(4000)], axis=0)
    assert np.abs(after - p).max() < 0.02


def test_a_tournament_of_nothing_changes_nothing() -> None:
    """All bits equal, and no layer at all."""
    logits = np.log([0.5, 0.3, 0.2])
    assert np.allclose(np.exp(tournament(logits, np.ones((3, 5)))), [0.5, 0.3, 0.2])
    assert layer_weights(30).mean() == pytest.approx(1.0)


def test_the_engines_gumbel_is_found_from_its_handle() -> None:
    """Every output token is scored, the first after padding."""
    mark = VllmGumbel(KEY.handle, 4)
    tokens: list[int] = []
    rng = np.random.default_rng(0)
    for _ in range(120):
        tokens.append(mark.sample(rng.normal(size=V), ([-1] * 4 + tokens)[-4:]))
    context, token = dedup_pairs([tokens], 4, pad=-1)
    assert len(token) == 120
    assert mark.log10_p(context, token) < -50
    assert VllmGumbel(OTHER.handle, 4).log10_p(context, token) > -3


def test_the_engines_dual_key_mark_is_found_and_stays_valid() -> None:
    """Nine tokens in ten under one derived key; unmarked keys' doubled p is not too small."""
    mark = Mark(scheme=Scheme.VLLM_DUAL_GUMBEL, context_width=4)
    schemes = [VllmGumbel(handle, 4) for handle in dual_keys(KEY.handle)]
    rng, tokens = np.random.default_rng(0), [1]
    for _ in range(150):
        tokens.append(schemes[int(rng.random() < 0.1)].sample(rng.normal(size=V), ([-1] * 4 + tokens)[-4:]))
    pairs = dedup_pairs([tokens], 4, pad=-1)
    keys = [KEY, *decoy_keys(4, 400, sliced=False)]
    log10_p = score_keys(mark, keys, *pairs).log10_p
    assert log10_p[0] < -30
    assert (log10_p[1:] < -1).mean() < 0.15


def test_widths_are_checked_when_a_scheme_is_made() -> None:
    """Not when it is first used."""
    for make in (lambda: RedGreen(KEY, 5), lambda: RedGreen(KEY, 2, 0.3), lambda: Gumbel(KEY, 0)):
        with pytest.raises(UsageError):
            make()


@settings(max_examples=50, deadline=None)
@given(
    texts=st.lists(st.lists(st.integers(0, 3), max_size=30), max_size=6),
    width=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_pairs_are_distinct_and_do_not_depend_on_order_or_repetition(
    texts: list[list[int]], width: int, seed: int
) -> None:
    """The same set whatever the order, and however often a text comes; equal to a set of tuples."""
    context, token = dedup_pairs(texts, width)
    rows = [tuple(row) for row in np.column_stack([context, token]).tolist()]
    plain = {tuple(t[i : i + width + 1]) for t in texts for i in range(len(t) - width)}
    assert len(rows) == len(set(rows))
    assert set(rows) == plain
    shuffled = [texts[i] for i in np.random.default_rng(seed).permutation(len(texts))]
    assert [tuple(r) for r in np.column_stack(dedup_pairs(shuffled + texts, width)).tolist()] == rows


def test_contexts_of_a_texts_own_prompt_and_code_are_left_out() -> None:
    """What follows a prompt's context may be copied; masks drop single tokens."""
    context, token = dedup_pairs([[1, 2, 3, 4]], 1, prompts=[[9, 2, 9]])
    assert token.tolist() == [2, 4]
    context, token = dedup_pairs([[1, 2, 3, 4], [7]], 1, masks=[[True, False, True, True], [True]])
    assert token.tolist() == [3, 4]
    assert context.tolist() == [[2], [3]]


def test_the_served_filter_keeps_contexts_not_pairs() -> None:
    """A served context with a token that was never served after it stays."""
    context, token = dedup_pairs([[1, 2, 5], [8, 9]], 1)
    context, token = keep_served(context, token, served_contexts([[1, 2, 3]], 1))
    assert np.column_stack([context, token]).tolist() == [[1, 2], [2, 5]]
    assert len(keep_served(context, token, served_contexts([], 1))[1]) == 0


def test_seen_pairs_come_once_in_order() -> None:
    """Over several texts."""
    seen = SeenPairs()
    assert seen.observe(*windows([1, 2, 1, 2], 1))[1].tolist() == [2, 1]
    assert seen.observe(*windows([2, 1, 3], 1))[1].tolist() == [3]
    assert len(seen) == 3


def exact_tail(k: int, n: int, gamma: Fraction) -> float:
    """log10 of the binomial tail in rational arithmetic."""
    total = sum(math.comb(n, j) * gamma**j * (1 - gamma) ** (n - j) for j in range(k, n + 1))
    return math.log10(total.numerator) - math.log10(total.denominator)


@pytest.mark.parametrize("gamma", [Fraction(1, 2), Fraction(1, 4)])
def test_binomial_tails_equal_rational_arithmetic_however_far(gamma: Fraction) -> None:
    """Relative error of log10 p below 1e-9, from p = 1 to p = 1e-700."""
    for n, ks in ((1, (0, 1)), (10, range(11)), (1200, (300, 640, 900, 1190, 1200))):
        for k in ks:
            assert float(binomial_log10_p(k, n, float(gamma))) == pytest.approx(
                exact_tail(k, n, gamma), rel=1e-9, abs=1e-12
            )


def test_gamma_tails_go_on_where_doubles_end() -> None:
    """Against scipy where it can, and by the Poisson sum in logarithms where it cannot."""
    assert float(gamma_log10_p(130.0, 100)) == pytest.approx(math.log10(stats.gamma.sf(130, 100)))
    terms = [-2500.0 + j * math.log(2500.0) - math.lgamma(j + 1) for j in range(500)]
    assert float(gamma_log10_p(2500.0, 500)) == pytest.approx(
        np.logaddexp.reduce(terms) / math.log(10), rel=1e-9
    )


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 400), share=st.floats(0, 1), gamma=st.sampled_from([0.5, 0.25]))
def test_bounds_never_undercut_the_exact_tail(n: int, share: float, gamma: float) -> None:
    """Chernoff with one weight and Hoeffding on the mean, against the exact binomial."""
    k = round(n * share)
    exact = float(binomial_log10_p(k, n, gamma))
    assert chernoff_log10_p(k, [1.0], [n], gamma) >= exact - 1e-9
    assert bounded_mean_log10_p(k / n, n, gamma) >= exact - 1e-9
    if k > n * gamma:
        assert chernoff_log10_p(k, [1.0], [n], gamma) == pytest.approx(
            bounded_mean_log10_p(k / n, n, gamma), rel=1e-3, abs=1e-6
        )


def test_holm_adjusts_counts_absent_tests_and_stops() -> None:
    """Step-down, monotone, capped at one; committed keys that were not computed count."""
    assert (10 ** holm([-3.0, -1.0, -2.0])).round(6).tolist() == [0.003, 0.1, 0.02]
    assert float(10 ** holm([-3.0], n_tests=50)[0]) == pytest.approx(0.05)
    assert holm([0.0, 0.0]).tolist() == [0.0, 0.0]


def test_nothing_has_no_p_value() -> None:
    """No pairs, impossible counts, no decoys."""
    for bad in (
        lambda: binomial_log10_p(0, 0, 0.5),
        lambda: binomial_log10_p(3, 2, 0.5),
        lambda: gamma_log10_p(1.0, 0),
    ):
        with pytest.raises(RefusalError):
            bad()
    with pytest.raises(RefusalError):
        uniform_ks([0.5] * 3)
    with pytest.raises(RefusalError):
        chernoff_log10_p(1.0, [], [])
    assert shown_p(-31) == "< 1e-30 (below PRF assurance)"


def test_capital_is_a_fair_bet_that_grows_under_the_mark() -> None:
    """Its mean under the null is at most one at any n (exact sum over k); a small shift pays in the end."""
    for n in (1, 20, 200):
        k = np.arange(n + 1)
        mean = (stats.binom.pmf(k, n, 0.25) * 10 ** binomial_log10_e(k, n, 0.25)).sum()
        assert mean == pytest.approx(1.0, rel=1e-9)
    assert float(binomial_log10_e(2700, 10_000, 0.25)) > 2
    assert float(gamma_log10_e(1050.0, 1000)) < float(gamma_log10_e(1300.0, 1000))
    rng = np.random.default_rng(0)
    crossed = 0
    for _ in range(400):
        capital = Capital.start(1)
        for _ in range(30):
            capital = capital.observe(np.array([rng.binomial(50, 0.25)]), 50, 0.25)
        crossed += bool(capital.log10_p[0] <= math.log10(0.05))
    assert crossed <= stats.binom.ppf(0.999, 400, 0.05)


def test_sure_tokens_are_left_alone() -> None:
    """Below 0.3 nats."""
    assert entropy_nats(np.zeros(8)) == pytest.approx(math.log(8))
    assert entropy_nats([0.0, -np.inf]) == pytest.approx(0.0)
    assert not is_open([10.0, 0.0, 0.0])
    assert is_open([1.0, 0.0, 0.0])


def test_a_context_is_marked_once_in_a_generation() -> None:
    """Then forgotten when the history is full."""
    history = ContextHistory(limit=2)
    assert [history.observe(c) for c in ([1, 2], [1, 2], [2, 3], [3, 4], [1, 2])] == [
        True,
        False,
        True,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("pieces", "prose"),
    [
        (["Run ", "`", "ls", "`", " now"], [True, True, False, False, True]),
        (["Here:\n", "```py", "\nx", "=1\n", "```", "\nDone"], [True, True, False, False, False, True]),
        (['{"a": ', '"}', '", [1', "]}", " fine"], [True, False, False, False, True]),
        (["I think {", "this} ", "is prose"], [True, True, True]),
        (["<tool_call>", '{"x":1}', "</tool_call>", " ok"], [True, False, False, True]),
    ],
)
def test_code_json_and_tool_arguments_are_not_prose(pieces: list[str], prose: list[bool]) -> None:
    """A token is prose where the text before it leaves us in prose."""
    assert prose_mask(pieces).tolist() == prose


@settings(max_examples=50, deadline=None)
@given(text=st.text(alphabet='ab`{}"\\\n[] ', max_size=60), cut=st.integers(0, 60))
def test_the_gate_reads_characters_however_they_are_cut(text: str, cut: int) -> None:
    """Two pieces or one: the same state after."""
    whole, parts = ProseGate(), ProseGate()
    whole.observe(text)
    parts.observe(text[:cut])
    parts.observe(text[cut:])
    assert whole == parts
