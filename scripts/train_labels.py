"""Train the capability and elicitation labels, judge them across sources, write the weights and the model card.

    python scripts/train_labels.py --prompts ../shared/data/prompts_dev.parquet

Whole families of sources are left out, an eighth of them at a time: random splits of such data look perfect and say
nothing. Grammar lines are left out by quarters. The weights hold hashed words only; no sentence of the data is
stored.
"""

from __future__ import annotations

import argparse
import random
import tomllib
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from label_card import Held, write_card
from label_data import Example, compose_phrases, read_table
from learn import learn_hidden, learn_softmax
from scipy.optimize import minimize_scalar

from hydrascope.schema import CAPABILITIES, ELICITATIONS
from hydrascope.sketch.labels import (
    N_FEATURES,
    N_WORD_FEATURES,
    clearest,
    elicitation_probabilities,
    featurize,
    windows_of,
)
from hydrascope.sketch.lexicon import Lexicon, hash_lexicon
from hydrascope.sketch.models import HiddenModel, LinearModel, place_vocabulary

ROOT = Path(__file__).parent.parent
WEIGHTS = ROOT / "src/hydrascope/sketch/weights/labels.npz"
SEED = 20261120
NAMES = {"capability": CAPABILITIES, "elicitation": ELICITATIONS}
REST = {"capability": CAPABILITIES.index("general"), "elicitation": ELICITATIONS.index("none")}
NONE = REST["elicitation"]
VOCABULARY = {"capability": 30_000, "eliciting": 120_000, "elicitation": 80_000}
MODELS = {"capability": ["capability"], "elicitation": ["elicitation", "eliciting"]}
"""The models of a task, in the order of its logits."""
N_FOLDS = 8
N_THREADS = 2
N_UNITS = 32
"""Hidden ones of `eliciting`."""
N_EPOCHS = {"capability": 5, "eliciting": 12, "elicitation": 10}
DROP = {"capability": 0.5, "eliciting": 0.3, "elicitation": 0.3}
"""Share of the features that a step does not see."""
BLIND = 0.3
"""Share of the steps that learn from concepts alone."""
N_LACKING, LACKING = 3, 0.35
"""Lexicons that lack entries, and the share that each of them lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Pieces of text as feature sets, with what is known of each."""

    bounds: np.ndarray
    features: np.ndarray
    truth: np.ndarray
    source: np.ndarray
    family: np.ndarray
    example: np.ndarray
    """Index of the example that a piece is cut from."""

    def take(self, mask: np.ndarray) -> Corpus:
        """The pieces in `mask`."""
        sizes = np.diff(self.bounds)
        return Corpus(
            bounds=np.concatenate([[0], np.cumsum(sizes[mask])]),
            features=self.features[np.repeat(mask, sizes)],
            truth=self.truth[mask],
            source=self.source[mask],
            family=self.family[mask],
            example=self.example[mask],
        )


def cut(task: str, examples: list[Example], lexicons: list[Lexicon], *, every: bool) -> Corpus:
    """Windows of the texts, read with the lexicons in turn.

    Without `every`, a long text with an elicitation gives its first two windows alone: further in there may be no
    word of the wrapper.
    """
    names = NAMES[task]
    pieces, owner = [], []
    for index, example in enumerate(examples):
        label = getattr(example, task)
        if label is None:
            continue
        cuts = windows_of(example.text)
        if task == "elicitation" and not every and label != "none" and len(example.text) >= 1500:
            cuts = cuts[:2]
        pieces += cuts
        owner += [index] * len(cuts)
    turns = np.arange(len(pieces)) % len(lexicons)
    order = np.argsort(turns, kind="stable")
    parts = [
        featurize([pieces[i] for i in np.flatnonzero(turns == turn)], lexicon)
        for turn, lexicon in enumerate(lexicons)
    ]
    bounds = np.concatenate([[0], np.cumsum(np.concatenate([np.diff(b) for b, _ in parts]))])
    owner = np.array(owner)[order]
    return Corpus(
        bounds=bounds,
        features=np.concatenate([f for _, f in parts]),
        truth=np.array([names.index(getattr(examples[i], task)) for i in owner]),
        source=np.array([examples[i].source for i in owner]),
        family=np.array([examples[i].family for i in owner]),
        example=owner,
    )


def read_lexicon() -> list[tuple[str, int]]:
    """Entries and the numbers of their concepts."""
    book = tomllib.loads((ROOT / "scripts/lexicon.toml").read_text("utf-8"))
    return [
        (entry, number)
        for number, words in enumerate(book.values())
        for line in words
        for entry in line.split("|")
    ]


def make_lexicons(entries: list[tuple[str, int]], seed: int) -> list[Lexicon]:
    """The lexicon, and others that lack a part of its entries, so that what is not in it is met in training."""
    rng = random.Random(seed)
    lacking = [[e for e in entries if rng.random() >= LACKING] for _ in range(N_LACKING)]
    return [Lexicon.of(*hash_lexicon(part)) for part in [entries, *lacking]]


def choose_vocabulary(corpus: Corpus, n_classes: int, size: int) -> np.ndarray:
    """Features that say most about the class (counts times relative entropy) and occur in more than one source."""
    rows = np.repeat(np.arange(len(corpus.truth)), np.diff(corpus.bounds))
    counts = np.zeros((N_FEATURES, n_classes), np.float32)
    np.add.at(counts, (corpus.features, corpus.truth[rows]), 1)
    total = counts.sum(axis=1)
    _, origin = np.unique(np.char.add(corpus.source, corpus.truth.astype(str)), return_inverse=True)
    pairs = np.unique(corpus.features.astype(np.int64) * 4096 + origin[rows])
    n_origins = np.bincount(pairs // 4096, minlength=N_FEATURES)
    prior = counts.sum(axis=0) / counts.sum()
    share = (counts + 2 * prior) / (total + 2)[:, None]
    worth = total * (share * np.log(np.maximum(share, 1e-12) / prior)).sum(axis=1)
    worth[(total < 4) | (n_origins < 2)] = 0
    best = np.argsort(-worth, kind="stable")[:size]
    return np.sort(best[worth[best] > 0])


def weigh(corpus: Corpus, n_classes: int) -> np.ndarray:
    """A source counts with the root of its rows, then a class with the power 0.3 of what it has."""
    _, inverse, counts = np.unique(corpus.source, return_inverse=True, return_counts=True)
    weights = (1 / np.sqrt(counts))[inverse]
    mass = np.bincount(corpus.truth, weights, minlength=n_classes)
    weights *= np.maximum(mass, 1e-9)[corpus.truth] ** -0.7
    return (weights / weights.mean()).astype(np.float32)


def balance(weights: np.ndarray, yes: np.ndarray) -> np.ndarray:
    """Weights with as much in all `yes` as in all others."""
    weights = np.where(yes, weights / weights[yes].sum(), weights / weights[~yes].sum())
    return (weights / weights.mean()).astype(np.float32)


def fit(task: str, corpus: Corpus) -> LinearModel | HiddenModel:
    """One model: of capabilities, of whether anything is elicited, or of which elicitation it is."""
    if task == "elicitation":
        corpus = corpus.take(corpus.truth != NONE)
    n_classes = NONE if task == "elicitation" else len(NAMES.get(task, ELICITATIONS))
    vocabulary = choose_vocabulary(corpus, n_classes, VOCABULARY[task])
    place = place_vocabulary(vocabulary, N_FEATURES)
    rows = place[corpus.features]
    bounds = np.concatenate([[0], np.cumsum(rows >= 0)])[corpus.bounds]
    importance = weigh(corpus, n_classes)
    how = {
        "n_features": len(vocabulary),
        "n_epochs": N_EPOCHS[task],
        "drop": DROP[task],
        "n_words": int(np.searchsorted(vocabulary, N_WORD_FEATURES)),
        "blind": BLIND,
        "seed": SEED,
    }
    if task == "eliciting":
        asks = (corpus.truth != NONE).astype(np.int64)
        importance = balance(importance, asks == 1)
        weights, bias, out, offset = learn_hidden(
            bounds, rows[rows >= 0], asks, importance, n_units=N_UNITS, rate=0.2, **how
        )
        return HiddenModel(
            vocabulary=vocabulary, place=place, weights=weights, bias=bias, out=out, offset=float(offset)
        )
    weights, bias = learn_softmax(
        bounds, rows[rows >= 0], corpus.truth, importance, n_classes=n_classes, rate=0.1, **how
    )
    return LinearModel(
        vocabulary=vocabulary,
        place=place,
        weights=weights,
        bias=bias,
        rest=REST[task] if task == "capability" else None,
    )


def logits_of(model: LinearModel | HiddenModel, part: Corpus) -> np.ndarray:
    """Logits float32[n, classes] of pieces; of the yes-or-no question the one column is that of no."""
    scores = model.score(part.bounds, part.features)
    return -scores[:, None] if isinstance(model, HiddenModel) else scores


def folds(family: np.ndarray) -> list[np.ndarray]:
    """Masks of held-out pieces: families dealt to folds by size."""
    names, counts = np.unique(family, return_counts=True)
    groups: dict[int, list[str]] = defaultdict(list)
    loads = np.zeros(N_FOLDS)
    for index in np.argsort(-counts, kind="stable"):
        fold = int(loads.argmin())
        groups[fold].append(names[index])
        loads[fold] += counts[index]
    return [np.isin(family, group) for group in groups.values()]


def cross_sources(task: str, corpus: Corpus, judged: Corpus) -> np.ndarray:
    """Logits of each judged piece from models that saw nothing of its family."""
    logits = np.zeros((len(judged.truth), len(NAMES[task])), np.float32)

    def judge(held: np.ndarray) -> None:
        seen = corpus.take(~np.isin(corpus.family, np.unique(judged.family[held])))
        part = judged.take(held)
        logits[held] = np.hstack([logits_of(fit(t, seen), part) for t in MODELS[task]])
        print(task, "fold", held.sum(), flush=True)

    with ThreadPoolExecutor(N_THREADS) as pool:
        list(pool.map(judge, folds(judged.family)))
    return logits


def temperature(logits: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float:
    """The divisor of the logits that makes held-out probabilities calibrated: lowest log loss."""

    def loss(log_t: float) -> float:
        scaled = logits / np.exp(log_t)
        top = scaled.max(axis=1, keepdims=True)
        log_p = scaled - top - np.log(np.exp(scaled - top).sum(axis=1, keepdims=True))
        return float(-(weights * log_p[np.arange(len(truth)), truth]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 3), method="bounded").x))


def by_example(task: str, corpus: Corpus, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Example indices and the logits of each, from its clearest window."""
    margin = -logits[:, NONE]
    if task == "capability":
        margin = np.delete(logits, REST[task], axis=1).max(axis=1) - logits[:, REST[task]]
    return np.unique(corpus.example), logits[clearest(margin, corpus.example)]


def calibrate(task: str, logits: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """The temperature of each of a task's models on held-out rows, every model by itself."""
    even = np.ones(len(truth))
    if task == "capability":
        return {task: temperature(logits, truth, even)}
    some = truth != NONE
    both = np.hstack([np.zeros((len(truth), 1)), logits[:, NONE:]])
    importance = balance(even, some).astype(float)
    return {
        "elicitation": temperature(logits[some, :NONE], truth[some], even[some]),
        "eliciting": temperature(both, (~some).astype(int), importance),
    }


def main() -> None:
    """Train both tasks and write weights and card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", default="../shared/data/prompts_dev.parquet")
    parser.add_argument("--quick", action="store_true", help="weights only, no cross-source evaluation")
    options = parser.parse_args()
    table = read_table(options.prompts, SEED)
    examples = table + compose_phrases(table, SEED)
    entries = read_lexicon()
    lexicons = make_lexicons(entries, SEED)
    keys, concepts = hash_lexicon(entries)
    arrays: dict[str, np.ndarray] = {"lexicon_keys": keys, "lexicon_concepts": concepts.astype(np.int16)}
    held: dict[str, Held] = {}
    for task, names in NAMES.items():
        corpus = cut(task, examples, lexicons, every=False)
        divisors = dict.fromkeys(MODELS[task], 1.0)
        if not options.quick:
            judged = cut(task, examples, lexicons[:1], every=True)
            index, logits = by_example(task, judged, cross_sources(task, corpus, judged))
            truth = np.array([names.index(getattr(examples[i], task)) for i in index])
            divisors = calibrate(task, logits, truth)
            widths = [1 if name == "eliciting" else logits.shape[1] - len(divisors) + 1 for name in divisors]
            logits = logits / np.repeat(list(divisors.values()), widths)
            held[task] = Held(index=index, logits=logits, temperatures=divisors)
            if task == "elicitation":
                none = elicitation_probabilities(logits)[truth == NONE]
                print("95 % of ordinary texts are kept at", np.quantile(1 - none[:, NONE], 0.95))
        for name, divisor in divisors.items():
            model = fit(name, corpus)
            arrays |= model.over(divisor).store(name)
            print(name, len(model.vocabulary), "features, temperature", round(divisor, 2), flush=True)
    WEIGHTS.parent.mkdir(exist_ok=True)
    np.savez_compressed(WEIGHTS, **arrays)
    print(WEIGHTS.stat().st_size, "bytes")
    if held:
        sizes = {
            "entries": len(entries),
            "concepts": len({c for _, c in entries}),
            "blind": BLIND,
            "lacking": LACKING,
        }
        write_card(ROOT / "docs/model-card.md", examples, held, WEIGHTS.stat().st_size, sizes)


if __name__ == "__main__":
    main()
