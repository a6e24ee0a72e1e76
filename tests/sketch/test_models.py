"""The labels' small models: their logits are the formula's, shipped ones are nearly the same, unknown words say nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrascope.sketch.models import UNKNOWN, HiddenModel, LinearModel, place_vocabulary

N_FEATURES = 50
VOCABULARY = np.arange(0, N_FEATURES, 2, dtype=np.int32)


def linear(seed: int = 0, rest: int | None = None) -> LinearModel:
    """Three classes; odd features are unknown."""
    rng = np.random.default_rng(seed)
    return LinearModel(
        vocabulary=VOCABULARY,
        place=place_vocabulary(VOCABULARY, N_FEATURES),
        weights=rng.normal(size=(len(VOCABULARY), 3)).astype(np.float32),
        bias=rng.normal(size=3).astype(np.float32),
        rest=rest,
    )


def hidden(seed: int = 0) -> HiddenModel:
    """Four units; odd features are unknown."""
    rng = np.random.default_rng(seed)
    return HiddenModel(
        vocabulary=VOCABULARY,
        place=place_vocabulary(VOCABULARY, N_FEATURES),
        weights=rng.normal(size=(len(VOCABULARY), 5)).astype(np.float32),
        bias=rng.normal(size=4).astype(np.float32),
        out=rng.normal(size=4).astype(np.float32),
        offset=0.3,
    )


def sets(*features: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Bounds and features of texts."""
    return np.cumsum([0, *map(len, features)]), np.concatenate([np.array(f, np.int32) for f in features])


def test_a_linear_model_adds_up_the_words_it_knows() -> None:
    """Over the root of how many they are; others count nowhere."""
    model = linear()
    logits = model.score(*sets([0, 4, 7], [8]))
    assert logits[0] == pytest.approx(model.weights[[0, 2]].sum(axis=0) / np.sqrt(2) + model.bias, abs=1e-5)
    assert logits[1] == pytest.approx(model.weights[4] + model.bias, abs=1e-5)


def test_a_hidden_model_is_its_units_and_its_straight_path() -> None:
    """Units below zero are silent."""
    model = hidden()
    mean = model.weights[[0, 2, 5]].sum(axis=0) / np.sqrt(3)
    units = np.maximum(mean[:4] + model.bias, 0)
    assert model.score(*sets([0, 4, 10, 11]))[0] == pytest.approx(mean[4] + units @ model.out + 0.3, abs=1e-5)


def test_two_words_can_mean_together_what_neither_means_alone() -> None:
    """One unit that needs both: what a sum of words cannot say."""
    weights = np.zeros((len(VOCABULARY), 2), np.float32)
    weights[:2, 0] = 1.0
    model = HiddenModel(
        vocabulary=VOCABULARY,
        place=place_vocabulary(VOCABULARY, N_FEATURES),
        weights=weights,
        bias=np.array([-1.2], np.float32),
        out=np.array([10.0], np.float32),
        offset=-1.0,
    )
    assert (model.score(*sets([0], [2], [0, 2])) > 0).tolist() == [False, False, True]


def test_texts_of_unknown_words_belong_to_the_rest() -> None:
    """Surely, whatever the bias says."""
    assert linear(rest=1).score(*sets([1, 3], []))[:, 1].tolist() == [UNKNOWN, UNKNOWN]
    assert hidden().score(*sets([1, 3], [])).tolist() == [-UNKNOWN, -UNKNOWN]


@given(st.integers(0, 99), st.lists(st.integers(0, N_FEATURES - 1), min_size=1, max_size=20, unique=True))
@settings(max_examples=60, deadline=None)
def test_eight_bits_a_weight_hardly_move_a_logit(seed: int, features: list[int]) -> None:
    """What is shipped says nearly what was learnt, of either kind."""
    for model in (linear(seed), hidden(seed)):
        shipped = type(model).load(model.store("it"), "it", N_FEATURES)
        assert shipped.score(*sets(features)) == pytest.approx(model.score(*sets(features)), abs=0.5)


@given(st.integers(0, 99), st.floats(0.2, 5.0))
@settings(max_examples=40, deadline=None)
def test_a_temperature_divides_every_logit(seed: int, divisor: float) -> None:
    """Of known words: hidden units are not cooled twice."""
    for model in (linear(seed), hidden(seed)):
        cooled = model.over(divisor).score(*sets([0, 2, 4], [6]))
        assert cooled == pytest.approx(model.score(*sets([0, 2, 4], [6])) / divisor, rel=1e-3, abs=1e-3)
