"""What a text asks for: capability and elicitation labels, by small models over hashed words.

A label describes wording, not guilt: trainers and evaluators grade with the same rubrics. The features of a text are
binary, kept only where they are in the model's vocabulary, and scaled to unit length. An instruction is a sentence or
two around an item of any length, so labels are looked for in windows at either end of a text, and the clearest window
counts. Whether a text elicits at all is one question with a model of its own, which elicitation it is another, so that
a text that lies between two of them is not taken for none. `docs/model-card.md` has the figures, all across sources.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hydrascope.kernels.text_classes import class_table
from hydrascope.kernels.text_features import hash_features
from hydrascope.schema import CAPABILITIES, ELICITATIONS
from hydrascope.sketch.lexicon import N_CONCEPT_FEATURES, Lexicon, join_features
from hydrascope.sketch.models import HiddenModel, LinearModel

__all__ = [
    "N_FEATURES",
    "N_WORD_FEATURES",
    "WINDOW",
    "Weights",
    "classify_texts",
    "clearest",
    "decide",
    "elicitation_probabilities",
    "elicitation_shares",
    "featurize",
    "label_group",
    "label_recurring",
    "label_verbatim",
    "load_weights",
    "plain",
    "pool_logits",
    "windows_of",
]

N_BITS = 20
N_WORD_FEATURES = 1 << N_BITS
N_FEATURES = N_WORD_FEATURES + N_CONCEPT_FEATURES
"""Hash buckets of words, then of concepts; a model's vocabulary holds some tens of thousands."""
ENDS = 1200
"""Bytes of a text that are read at either end, at most."""
WINDOW = 600
"""Bytes of a window, about."""
CERTAIN = {"capability": 0.35, "elicitation": 0.83}
"""Least probability of a capability other than `general`, and of eliciting at all, to count wholly in a group's shares."""
LIKELY = 0.6
"""Probability of eliciting from which a text counts in part."""

_SENTENCES = re.compile(r"(?<=[.!?:;])\s+|(?<=[\u3002\uff01\uff1f\uff1a\uff1b])|[\r\n]+")
_FIELD = re.compile(r"[^\W\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]+ ?[:\uff1a]")
_ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")
_WEIGHTS_FILE = Path(__file__).with_name("weights") / "labels.npz"
_COMMON = 0.6  # a feature in this share of a group's texts is part of their template
_RECURRING = 0.02  # and in this share of those of one that varies its wording, part of what it says
_HEARD = 0.1  # of its texts must demand by themselves: what recurs among people of one subject can look like a demand
_MOST = 0.5  # of what recurs must demand one thing
_VERBATIM = 0.5  # of its texts must hold a sentence word for word for it to be their wrapper
_BRIEF = 120  # characters that it may have: longer ones are heard among their items, and a program's rules alone are not what is asked
_HALF = 30  # features that a group must share for them to weigh as much as all of a text
_NONE = ELICITATIONS.index("none")
_GENERAL = CAPABILITIES.index("general")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The shipped models."""

    capability: LinearModel
    eliciting: HiddenModel
    """Whether a text elicits at all."""
    elicitation: LinearModel
    """Which elicitation it is where there is one: all but the last of `ELICITATIONS`."""
    lexicon: Lexicon


def classify_texts(texts: Sequence[str | None]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Label probabilities of each of n texts.

    Returns:
        float32[n, len(CAPABILITIES)] and float32[n, len(ELICITATIONS)], rows summing to one, columns in the order
        of `hydrascope.schema`. A null or empty text is `general` and `none`.
    """
    logits, elicited = _logits([plain(text or "") for text in texts])
    return _softmax(logits), elicitation_probabilities(elicited)


def label_group(texts: Sequence[str | None]) -> tuple[dict[str, float], dict[str, float]]:
    """Shares of capabilities and of elicitations in a sample of texts of one template or account.

    Each text is drawn half-way to the mean of the group, since texts of one template or account mostly ask for one
    thing. Words that most of the texts have in common are judged once, together, and that judgement is joined to the
    one of each text that has them: the items of a template blur each text, not what they share. A text whose best
    capability is not certain enough counts as `general`; one that elicits counts as its most likely elicitation, however
    unsure which that is, and the more the surer it elicits at all.

    Returns:
        Two mappings of label to share; shares sum to one, labels with no share are left out; both empty without
        texts.
    """
    kept = [plain(text) for text in texts if text and text.strip()]
    if not kept:
        return {}, {}
    logits, elicited = (pool_logits(part) for part in _logits(kept))
    weight, shared, shared_elicited = _common_part(kept)
    logits += weight * (shared - logits)
    elicited += weight * (shared_elicited - elicited)
    capabilities = decide("capability", _softmax(logits))
    return _shares(capabilities, CAPABILITIES), elicitation_shares(elicitation_probabilities(elicited))


def label_recurring(texts: Sequence[str | None]) -> tuple[dict[str, float], dict[str, float]]:
    """Labels of what recurs in texts that ask for one thing in many wordings: the features of one in fifty, judged once.

    Few texts show much of such a wording, and none of it is in most of them; the items of the texts do not recur. Where not even one
    text in ten demands anything by itself, nothing does: people of one subject, and a relay's customers, have many words in common that no
    demand ever held together.

    Returns:
        As `label_group`, with probabilities in place of shares; both empty without texts.
    """
    kept = [plain(text) for text in texts if text and text.strip()]
    if not kept:
        return {}, {}
    _, features = featurize(kept, load_weights().lexicon)
    names, counts = np.unique(features, return_counts=True)
    recurring = names[counts >= max(3, _RECURRING * len(kept))]
    logits, elicited = _score(np.array([0, len(recurring)], np.int64), recurring)
    found = ((_softmax(logits), CAPABILITIES), (elicitation_probabilities(elicited), ELICITATIONS))
    capabilities, elicitations = (
        {name: float(p) for name, p in zip(names, row[0], strict=True) if p >= 0.005} for row, names in found
    )
    heard = (decide("elicitation", classify_texts(kept)[1]) != _NONE).mean() >= _HEARD
    return capabilities, elicitations if heard and _is_one_demand(elicitations) else {"none": 1.0}


def label_verbatim(texts: Sequence[str | None]) -> tuple[dict[str, float], dict[str, float]]:
    """Labels of the few words that half of the texts hold alike, read alone: a wrapper of two words drowns in items.

    Returns:
        As `label_group` of that one text; both empty where no sentence is in so many, or where what they say alike is long.
    """
    wrapper = _said_alike([plain(text) for text in texts if text and text.strip()])
    if not wrapper or len(wrapper) > _BRIEF:
        return {}, {}
    capabilities, elicitations = classify_texts([wrapper])
    return _shares(decide("capability", capabilities), CAPABILITIES), elicitation_shares(elicitations)


def _said_alike(texts: Sequence[str]) -> str:
    """What most of the texts say in the same words, in the order in which they say it; the name of a field, one word, says nothing."""
    sentences = [
        {" ".join(s.split()): place for place, s in enumerate(_SENTENCES.split(text)) if s.strip()}
        for text in texts
    ]
    places: dict[str, list[int]] = {}
    for text in sentences:
        for sentence, place in text.items():
            places.setdefault(sentence, []).append(place)
    many = max(3, _VERBATIM * len(texts))
    alike = [s for s, found in places.items() if len(found) >= many and not _FIELD.fullmatch(s)]
    return " ".join(sorted(alike, key=lambda s: (float(np.mean(places[s])), s)))


def _is_one_demand(elicitations: Mapping[str, float]) -> bool:
    """Whether one kind is most of what is demanded: what recurs among many people's requests looks a little like every kind."""
    demands = [p for name, p in elicitations.items() if name != "none"]
    return max(demands, default=0.0) >= _MOST * sum(demands)


def decide(task: str, probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """The class of each of n texts, the rest class where another is not certain enough.

    Args:
        task: `capability` or `elicitation`.
        probabilities: float32[n, classes] as `classify_texts` gives them.
    """
    if task == "capability":
        best = probabilities.argmax(axis=1)
        best[probabilities.max(axis=1) < CERTAIN[task]] = _GENERAL
        return best
    best = probabilities[:, :_NONE].argmax(axis=1)
    best[1 - probabilities[:, _NONE] < CERTAIN[task]] = _NONE
    return best


def elicitation_probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32[n, len(ELICITATIONS)] from logits of which elicitation it is and, last, of its being none."""
    elicits = 1 / (1 + np.exp(logits[:, _NONE:]))
    return np.hstack([_softmax(logits[:, :_NONE]) * elicits, 1 - elicits])


def featurize(
    texts: Sequence[str], lexicon: Lexicon, *, ends: int = ENDS
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Row bounds int64[n + 1] and features int32[m], words then concepts, of the two ends of each text."""
    column = pa.array([text.encode("utf-8", "replace") for text in texts], pa.large_binary())
    _, offset_buffer, byte_buffer = column.buffers()
    offsets = (
        np.frombuffer(offset_buffer, np.int64)[: len(column) + 1] if len(column) else np.zeros(1, np.int64)
    )
    data = np.zeros(0, np.uint8) if byte_buffer is None else np.frombuffer(byte_buffer, np.uint8)
    words = hash_features(data, offsets, class_table(), N_BITS, ends, ends)
    return join_features(words, lexicon.features(data, offsets, N_WORD_FEATURES, ends))


def plain(text: str) -> str:
    r"""The text with its JSON escapes written out: programs send whole languages so.

    >>> plain(r"\u8bf7\u601d\u8003: 2 + 2")
    '请思考: 2 + 2'
    """
    if "\\u" not in text:
        return text
    written = _ESCAPES.sub(lambda found: json.loads(f'"{found[0]}"'), text)
    return written.encode("utf-8", "replace").decode("utf-8")


def pool_logits(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits of the texts of one group, each half-way to the group's mean."""
    return (logits + logits.mean(axis=0, keepdims=True)) / 2


def windows_of(text: str) -> list[str]:
    """Pieces of a text in which an elicitation is looked for: the first two windows and the last two."""
    width = WINDOW if text.isascii() else WINDOW // 2
    if len(text) <= width:
        return [text]
    starts = {0, len(text) - width}
    if len(text) > 2 * width:
        starts |= {width * 3 // 4, len(text) - width * 7 // 4}
    return [text[start : start + width] for start in sorted(starts)]


@cache
def load_weights() -> Weights:
    """The shipped weights, read once."""
    with np.load(_WEIGHTS_FILE) as archive:
        return Weights(
            capability=LinearModel.load(archive, "capability", N_FEATURES, rest=_GENERAL),
            eliciting=HiddenModel.load(archive, "eliciting", N_FEATURES),
            elicitation=LinearModel.load(archive, "elicitation", N_FEATURES),
            lexicon=Lexicon.of(archive["lexicon_keys"], archive["lexicon_concepts"]),
        )


def _logits(texts: list[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Capability and elicitation logits of each text, each from its clearest window."""
    pieces = [windows_of(text) for text in texts]
    owner = np.repeat(np.arange(len(texts)), [len(piece) for piece in pieces])
    bounds, features = featurize([window for piece in pieces for window in piece], load_weights().lexicon)
    capability, elicitation = _score(bounds, features)
    labelled = np.delete(capability, _GENERAL, axis=1).max(axis=1, initial=-np.inf) - capability[:, _GENERAL]
    return capability[clearest(labelled, owner)], elicitation[clearest(-elicitation[:, _NONE], owner)]


def _score(
    bounds: NDArray[np.int64], features: NDArray[np.int32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits of feature sets: capabilities; elicitations, of which the last column is that of none."""
    weights = load_weights()
    nothing = -weights.eliciting.score(bounds, features)
    which = weights.elicitation.score(bounds, features)
    return weights.capability.score(bounds, features), np.column_stack([which, nothing])


def clearest(margin: NDArray[np.float32], owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each owner's windows the index of the one in which a label stands out most."""
    order = np.lexsort((-margin, owner))
    _, first = np.unique(owner[order], return_index=True)
    return order[first]


def _common_part(texts: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the group's common features weigh in each text, float32[n, 1], and the logits of those features alone."""
    bounds, features = featurize(texts, load_weights().lexicon)
    names, inverse, counts = np.unique(features, return_inverse=True, return_counts=True)
    common = counts >= max(3, _COMMON * len(texts))
    hits = np.diff(np.concatenate([[0], np.cumsum(common[inverse])])[bounds])
    n_common = int(common.sum())
    member = (hits >= 0.5 * n_common) & (n_common >= 8)
    weight = (member * n_common / (n_common + _HALF)).astype(np.float32)[:, None]
    shared, shared_elicited = _score(np.array([0, n_common], np.int64), names[common])
    return weight, shared, shared_elicited


def _shares(best: NDArray[np.int64], names: tuple[str, ...]) -> dict[str, float]:
    return _named(np.bincount(best, minlength=len(names)) / len(best), names)


def elicitation_shares(probabilities: NDArray[np.float32]) -> dict[str, float]:
    """Each text for its most likely elicitation, the more the surer it elicits at all, and for none with the rest.

    Below `LIKELY` it counts nothing, and what `decide` takes for sure counts whole: in between a group would hang on a hair.
    """
    elicits = 1 - probabilities[:, _NONE]
    amount = np.clip((elicits - LIKELY) / (CERTAIN["elicitation"] - LIKELY), 0, 1)
    best = probabilities[:, :_NONE].argmax(axis=1)
    counts = np.bincount(best, weights=amount, minlength=len(ELICITATIONS)) / len(best)
    counts[_NONE] = 1 - amount.mean()
    return _named(counts, ELICITATIONS)


def _named(shares: NDArray[np.float64], names: tuple[str, ...]) -> dict[str, float]:
    return {names[i]: float(shares[i]) for i in np.argsort(-shares, kind="stable") if shares[i] > 1e-9}


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True)) if len(logits) else logits
    return shifted / shifted.sum(axis=1, keepdims=True)
