"""An interpolated trigram model: the smallest suspect on which everything can be tried in seconds.

Witten-Bell smoothing: p3(v|a,b) = (c(abv) + T(ab) p2(v|b)) / (c(ab) + T(ab)), T the number of distinct
followers, and p2 from p1 alike, p1 from counts plus one. Counts add, so that training on two texts is the merge
of training on each. (Witten and Bell 1991.)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from hydrascope.errors import InputError, RefusalError
from hydrascope.watermark.suspect import Gives
from hydrascope.watermark.suspect_bpe import BpeTokenizer

__all__ = ["TrigramModel", "TrigramSuspect", "next_row", "read_trigram", "sample_steps", "train_trigram"]

_FORMAT = "hydrascope-trigram-v1"
MIN_P = 0.02
"""Tokens under this share of the likeliest one are never sampled (min-p)."""


@dataclass(frozen=True, eq=False)
class TrigramModel:
    """Counts of one, two and three tokens, rows compressed.

    Attributes:
        merges: of the tokeniser.
        ones: (V,) counts.
        row2, token2, count2: followers of token b in `row2[b]:row2[b + 1]`.
        context3: (m,) sorted `a * V + b`; followers in `row3[i]:row3[i + 1]` of token3, count3.
    """

    merges: npt.NDArray[np.int32]
    ones: npt.NDArray[np.int64]
    row2: npt.NDArray[np.int64]
    token2: npt.NDArray[np.int32]
    count2: npt.NDArray[np.int64]
    context3: npt.NDArray[np.int64]
    row3: npt.NDArray[np.int64]
    token3: npt.NDArray[np.int32]
    count3: npt.NDArray[np.int64]

    @cached_property
    def tokenizer(self) -> BpeTokenizer:
        """Its tokeniser."""
        return BpeTokenizer(self.merges)

    @cached_property
    def place3(self) -> npt.NDArray[np.int32]:
        """(V * V,) row of each context in `context3`, -1 where it was never seen."""
        size = len(self.ones)
        place = np.full(size * size, -1, np.int32)
        place[self.context3] = np.arange(len(self.context3), dtype=np.int32)
        return place

    @cached_property
    def p1(self) -> npt.NDArray[np.float64]:
        """(V,) add-one unigram."""
        return (self.ones + 1.0) / (self.ones.sum() + len(self.ones))

    @cached_property
    def arrays(self) -> tuple[Any, ...]:
        """What the kernels take."""
        return (
            self.p1, self.row2, self.token2, self.count2, self.place3, self.row3, self.token3, self.count3,
        )  # fmt: skip

    @cached_property
    def fingerprint(self) -> str:
        """Digest of merges and counts."""
        digest = hashlib.sha256(_FORMAT.encode())
        for column in self._columns().values():
            digest.update(np.ascontiguousarray(column, "<i8").tobytes())
        return digest.hexdigest()

    def _columns(self) -> dict[str, Any]:
        names = ("merges", "ones", "row2", "token2", "count2", "context3", "row3", "token3", "count3")
        return {name: getattr(self, name) for name in names}

    def merge(self, other: TrigramModel) -> TrigramModel:
        """The model of both training texts.

        Raises:
            RefusalError: the tokenisers differ.
        """
        if not np.array_equal(self.merges, other.merges):
            raise RefusalError("two trigram models with different tokenisers cannot be merged")
        tri = [_pack3(m) for m in (self, other)]
        packed = np.concatenate([t[0] for t in tri])
        return _from_triples(self.merges, packed, np.concatenate([t[1] for t in tri]), self.ones + other.ones)

    def write(self, path: Path) -> None:
        """Write an npz; equal models give equal bytes."""
        with path.open("wb") as out:
            np.savez_compressed(out, **{"format": np.array(_FORMAT)} | self._columns())


def _pack3(model: TrigramModel) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    context = np.repeat(model.context3, np.diff(model.row3))
    return context * len(model.ones) + model.token3, model.count3


def _rows(groups: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(groups, minlength=n))]).astype(np.int64)


def _sum_by(
    keys: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    distinct, place = np.unique(keys, return_inverse=True)
    sums = np.bincount(place.reshape(-1), weights=counts, minlength=len(distinct))
    return distinct, sums.astype(np.int64)


def _from_triples(
    merges: npt.NDArray[np.int32],
    packed: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    ones: npt.NDArray[np.int64],
) -> TrigramModel:
    size = 256 + len(merges)
    tri, count3 = _sum_by(packed, counts)
    bi, count2 = _sum_by(tri % (size * size), count3)
    context3, place = np.unique(tri // size, return_inverse=True)
    return TrigramModel(
        merges=np.asarray(merges, np.int32),
        ones=np.asarray(ones, np.int64),
        row2=_rows(bi // size, size),
        token2=(bi % size).astype(np.int32),
        count2=count2,
        context3=context3,
        row3=_rows(place.reshape(-1), len(context3)),
        token3=(tri % size).astype(np.int32),
        count3=count3,
    )


def train_trigram(tokenizer: BpeTokenizer, sequences: list[npt.NDArray[np.int32]]) -> TrigramModel:
    """Count the trigrams of token sequences; none crosses from one sequence to the next."""
    size = tokenizer.vocab_size
    long = [s.astype(np.int64) for s in sequences if len(s) > 2]
    triples = [s[:-2] * size * size + s[1:-1] * size + s[2:] for s in long]
    packed = np.concatenate(triples) if triples else np.empty(0, np.int64)
    ones = np.bincount(np.concatenate(long) if long else np.empty(0, np.int64), minlength=size)
    return _from_triples(tokenizer.merges, packed, np.ones(len(packed), np.int64), ones)


def read_trigram(path: Path) -> TrigramModel:
    """Read what `TrigramModel.write` wrote.

    Raises:
        InputError: not such a file.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            if str(held["format"]) != _FORMAT:
                raise InputError("not a trigram model of this version", file=str(path))
            return TrigramModel(**{name: held[name] for name in held.files if name != "format"})
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise InputError(f"cannot read a trigram model: {error}", file=str(path)) from None


@njit(cache=True, nogil=True)
def next_row(a, b, p1, row2, token2, count2, place3, row3, token3, count3, out):  # type: ignore[no-untyped-def]
    """Write p3(. | a, b) to `out` (V,); a or b may be -1, "nothing before"."""
    size = len(p1)
    low, high = (row2[b], row2[b + 1]) if b >= 0 else (0, 0)
    total, kinds = 0.0, high - low
    for i in range(low, high):
        total += count2[i]
    scale = kinds / (total + kinds) if kinds else 1.0
    for v in range(size):
        out[v] = scale * p1[v]
    for i in range(low, high):
        out[token2[i]] += count2[i] / (total + kinds)
    place = place3[a * size + b] if a >= 0 and b >= 0 else -1
    if place < 0:
        return
    total, kinds = 0.0, row3[place + 1] - row3[place]
    for i in range(row3[place], row3[place + 1]):
        total += count3[i]
    scale = kinds / (total + kinds)
    for v in range(size):
        out[v] *= scale
    for i in range(row3[place], row3[place + 1]):
        out[token3[i]] += count3[i] / (total + kinds)


@njit(cache=True, nogil=True)
def _all_rows(tokens, arrays, out):  # type: ignore[no-untyped-def]
    p1, row2, token2, count2, place3, row3, token3, count3 = arrays
    row = np.empty(len(p1))
    for i in range(len(tokens)):
        a = tokens[i - 1] if i else -1
        next_row(a, tokens[i], p1, row2, token2, count2, place3, row3, token3, count3, row)
        out[i] = row


@njit(cache=True, nogil=True)
def _sequence_logprob(tokens, start, arrays):  # type: ignore[no-untyped-def]
    p1, row2, token2, count2, place3, row3, token3, count3 = arrays
    row, total = np.empty(len(p1)), 0.0
    for i in range(start, len(tokens)):
        a = tokens[i - 2] if i > 1 else -1
        b = tokens[i - 1] if i else -1
        next_row(a, b, p1, row2, token2, count2, place3, row3, token3, count3, row)
        total += np.log(row[tokens[i]])
    return total


@njit(cache=True, nogil=True)
def sample_steps(last, arrays, min_p, temperature, ids, logits):  # type: ignore[no-untyped-def]
    """Candidates of the next token for many sequences at once.

    Args:
        last: (n, 2) last two tokens of each sequence, -1 where there are none.
        ids, logits: (n, width) outputs; ids end at the first -1.
    """
    p1, row2, token2, count2, place3, row3, token3, count3 = arrays
    row = np.empty(len(p1))
    for s in range(len(last)):
        next_row(last[s, 0], last[s, 1], p1, row2, token2, count2, place3, row3, token3, count3, row)
        least, n = min_p * row.max(), 0
        for v in range(len(row)):
            if row[v] >= least and n < ids.shape[1]:
                ids[s, n] = v
                logits[s, n] = np.log(row[v]) / temperature
                n += 1
        if n < ids.shape[1]:
            ids[s, n] = -1


class TrigramSuspect:
    """A trigram model as a suspect: it gives everything.

    Args:
        model: the model.
        name: for reports.
        temperature: of sampled answers.
    """

    def __init__(self, model: TrigramModel, name: str, *, temperature: float = 0.7) -> None:
        self.model, self.name, self._temperature = model, name, temperature
        self.fingerprint = model.fingerprint
        self.tokenizer = model.tokenizer
        self.gives: frozenset[Gives] = frozenset({"distributions", "top_probs", "sequence_logprob", "text"})

    def next_probs(self, tokens: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """(n, V) distribution after each token."""
        out = np.empty((len(tokens), self.tokenizer.vocab_size), np.float32)
        _all_rows(np.asarray(tokens, np.int64), self.model.arrays, out)
        return out

    def top_probs(
        self, tokens: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """The 20 likeliest tokens after each token."""
        rows = self.next_probs(tokens)
        ids = np.argsort(-rows, axis=1, kind="stable")[:, :20].astype(np.int32)
        return ids, np.take_along_axis(rows, ids, axis=1)

    def sequence_logprob(self, prompt: str, text: str) -> float:
        """log p(text | prompt), nats."""
        before, after = self.tokenizer.encode(prompt), self.tokenizer.encode(text)
        joined = np.concatenate([before, after]).astype(np.int64)
        return float(_sequence_logprob(joined, len(before), self.model.arrays))

    def complete(self, prompt: str, n_tokens: int, seed: int) -> str:
        """One sampled answer."""
        rng, before = np.random.default_rng(seed), self.tokenizer.encode(prompt)
        last = np.array([[-1, -1, *before.tolist()][-2:]], np.int64)
        ids, logits = np.empty((1, 256), np.int32), np.empty((1, 256))
        answer = []
        for _ in range(n_tokens):
            sample_steps(last, self.model.arrays, MIN_P, self._temperature, ids, logits)
            n = int(np.argmax(ids[0] < 0)) if (ids[0] < 0).any() else 256
            noisy = logits[0, :n] + rng.gumbel(size=n)
            answer.append(int(ids[0, int(np.argmax(noisy))]))
            last = np.array([[last[0, 1], answer[-1]]], np.int64)
        return self.tokenizer.decode(np.array(answer))
