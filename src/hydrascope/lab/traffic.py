"""A small teacher serves answers, marked or not, and draws twins: the provider's side of an experiment.

All sequences advance together, a token at a time, so that a mark is evaluated for thousands of candidates in
one call. A mark sees (context, candidate) pairs only, as in a real sampler. A context that already occurred in
the same sequence is left unmarked (generation-side de-duplication).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from hydrascope.errors import UsageError
from hydrascope.watermark.keys import Key
from hydrascope.watermark.marks import Mark, Scheme
from hydrascope.watermark.prf import green_words, uniforms
from hydrascope.watermark.suspect_trigram import MIN_P, TrigramModel, sample_steps

__all__ = ["Marker", "mark_with", "sample_answers"]

Ids = npt.NDArray[np.int64]
WIDTH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """How a key shows itself while sampling."""

    width: int
    """Tokens of context."""
    kind: Literal["bias", "noise"]
    """"bias" adds to a logit; "noise" replaces the sampler's Gumbel noise."""
    value: Callable[[Ids, Ids], npt.NDArray[np.float64]]
    """(contexts (n, width), tokens (n,)) -> (n,)."""


def mark_with(key: Key, mark: Mark) -> Marker:
    """The marker of one key.

    Raises:
        UsageError: the lab samples red/green and Gumbel-max marks only.
    """
    if mark.scheme is Scheme.RED_GREEN:
        slot = np.uint64(key.slot)

        def bias(contexts: Ids, tokens: Ids) -> npt.NDArray[np.float64]:
            words = green_words(key, contexts, tokens, mark.gamma, mark.prf)
            return mark.delta * ((words >> slot) & np.uint64(1)).astype(np.float64)

        return Marker(width=mark.context_width, kind="bias", value=bias)
    if mark.scheme is Scheme.GUMBEL:

        def noise(contexts: Ids, tokens: Ids) -> npt.NDArray[np.float64]:
            return -np.log(-np.log(uniforms(key, contexts, tokens, mark.prf)))

        return Marker(width=mark.context_width, kind="noise", value=noise)
    raise UsageError(f"the lab's sampler has no {mark.scheme}", hint="use red_green or gumbel")


def _repeated(history: Ids, width: int) -> npt.NDArray[np.bool_]:
    """(n,) whether the last `width` tokens of each row already stood together earlier in the row."""
    n, length = history.shape
    found = np.zeros(n, np.bool_)
    for start in range(max(length - width, 0)):
        found |= (history[:, start : start + width] == history[:, length - width :]).all(axis=1)
    return found


def _choose(
    ids: npt.NDArray[np.int32], scores: npt.NDArray[np.float64], offered: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    best = np.where(offered, scores, -np.inf).argmax(axis=1)
    return ids[np.arange(len(ids)), best].astype(np.int64)


def sample_answers(
    model: TrigramModel,
    prompts: Sequence[npt.NDArray[np.integer]],
    n_tokens: int,
    rng: np.random.Generator,
    *,
    temperature: float = 0.7,
    markers: Sequence[Marker | None] | None = None,
) -> list[npt.NDArray[np.int32]]:
    """One answer of `n_tokens` for each prompt.

    Args:
        prompts: at least two token ids each.
        markers: one for each prompt, None where it is served unmarked. Rows that share a marker should share
            the object: they are evaluated together.
    """
    n = len(prompts)
    if n == 0:
        return []
    rows_of: dict[int, tuple[Marker, list[int]]] = {}
    for row, marker in enumerate(markers or ()):
        if marker is not None:
            rows_of.setdefault(id(marker), (marker, []))[1].append(row)
    depth = max([2, *(marker.width for marker, _ in rows_of.values())])
    history = np.full((n, depth + n_tokens), -1, np.int64)
    for row, prompt in enumerate(prompts):
        tail = np.asarray(prompt[-depth:], np.int64)
        history[row, depth - len(tail) : depth] = tail
    ids, logits = np.empty((n, WIDTH), np.int32), np.zeros((n, WIDTH))
    for step in range(n_tokens):
        end = depth + step
        sample_steps(history[:, end - 2 : end], model.arrays, MIN_P, temperature, ids, logits)
        offered = np.cumsum(ids < 0, axis=1) == 0
        noise = rng.gumbel(size=(n, WIDTH))
        for marker, rows in rows_of.values():
            _apply(marker, np.array(rows), history[:, :end], ids, offered, logits, noise)
        history[:, end] = _choose(ids, logits + noise, offered)
    return list(history[:, depth:].astype(np.int32))


def _apply(
    marker: Marker,
    rows: npt.NDArray[np.intp],
    history: Ids,
    ids: npt.NDArray[np.int32],
    offered: npt.NDArray[np.bool_],
    logits: npt.NDArray[np.float64],
    noise: npt.NDArray[np.float64],
) -> None:
    context = history[rows, -marker.width :]
    fresh = ~_repeated(history[rows], marker.width) & (context >= 0).all(axis=1)
    rows, context = rows[fresh], context[fresh]
    which, column = np.nonzero(offered[rows])
    value = marker.value(context[which], ids[rows[which], column].astype(np.int64))
    if marker.kind == "bias":
        logits[rows[which], column] += value
    else:
        noise[rows[which], column] = value
