"""The template behind a sample of texts: what stays, what varies, and examples of what varies.

The text that shares most with the others is the pivot; every other text is aligned to it token by token
(`kernels.template_align`). Tokens of the pivot that most aligned texts have are constant; where aligned texts have
something between two constant tokens, there is a slot. Texts that hardly align are noise and are left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hydrascope.kernels.template_align import align_tokens
from hydrascope.sketch.texts import sketch_texts

__all__ = ["Part", "template_parts"]

MAX_TEXTS = 20
"""Texts that are aligned; more add nothing to see."""
MAX_TOKENS = 900
"""Tokens of a text that are aligned, two thirds from its start and one from its end."""
MAX_EXAMPLE = 240
"""Characters of a slot example."""

_TOKEN = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|\d+|[^\W\d_\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff]+|[^\w\s]|_"
)
_CONSTANT = 0.6  # share of the aligned texts that must have a token for it to be constant
_GAP = 0.2  # share of the aligned texts with something in between that makes a slot
_EDGE = 0.9  # share that must have a punctuation mark at the end of a constant part
_LEAST_CONSTANT = 4  # fewer constant tokens are no template
_LEAST_RUN = 2  # a shorter run of constant tokens between slots is chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a template: constant text, or a slot with what was seen in it."""

    text: str
    """As the pivot text has it; empty for a slot."""
    slot: bool
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tokens:
    """One text, its tokens as numbers, and where each stands."""

    text: str
    numbers: NDArray[np.int64]
    starts: list[int]
    ends: list[int]


def template_parts(
    texts: Sequence[str], *, heavy: Collection[int] | None = None, max_examples: int = 5
) -> list[Part]:
    """Constant parts and slots of a template, in reading order.

    Args:
        texts: a sample of its texts; some may be noise. The first `MAX_TEXTS` that are not empty are used.
        heavy: shingle hashes of the template (as in `TextSketch`); texts with none of them are left out first.
        max_examples: distinct examples kept for each slot.

    Returns:
        At least one part for any text; a single slot where the texts share no wrapper; nothing without texts.
    """
    sample = _choose(texts, heavy)
    if not sample:
        return []
    names: dict[str, int] = {}
    read = [_tokenize(text, names) for text in sample]
    pivot = read[_most_typical(read)]
    matches = [align_tokens(pivot.numbers, other.numbers) for other in read]
    kept, constant = _agree(matches)
    if len(kept) < 2 or constant.sum() < min(_LEAST_CONSTANT, max(1, len(pivot.numbers))):
        return [Part(text="", slot=True, examples=_distinct(sample, max_examples))]
    aligned = [(read[index], matches[index]) for index in kept]
    runs = _runs(pivot, constant, aligned)
    if not runs:
        return [Part(text="", slot=True, examples=_distinct(sample, max_examples))]
    return _assemble(pivot, runs, aligned, max_examples)


def _choose(texts: Sequence[str], heavy: Collection[int] | None) -> list[str]:
    """The texts to align."""
    kept = [text for text in texts if text.strip()]
    if heavy:
        sketch = sketch_texts(pa.array(kept, pa.large_string()))
        wanted = np.fromiter((int(h) % 2**64 for h in heavy), np.uint64, len(heavy))
        hits = np.isin(sketch.shingles, wanted)
        sums = np.concatenate([[0], np.cumsum(hits)])[sketch.offsets]
        kept = [text for text, n in zip(kept, np.diff(sums), strict=True) if n] or kept
    return kept[:MAX_TEXTS]


def _tokenize(text: str, names: dict[str, int]) -> _Tokens:
    """Words, numbers, characters of unspaced scripts and punctuation marks, numbered by their folded form."""
    found = [(m.group().casefold(), m.start(), m.end()) for m in _TOKEN.finditer(text)]
    if len(found) > MAX_TOKENS:
        found = found[: MAX_TOKENS * 2 // 3] + found[-MAX_TOKENS // 3 :]
    numbers = np.array([names.setdefault(word, len(names)) for word, _, _ in found], np.int64)
    return _Tokens(text=text, numbers=numbers, starts=[f[1] for f in found], ends=[f[2] for f in found])


def _most_typical(read: list[_Tokens]) -> int:
    """Index of the text with most of the token triples that many texts have; the shortest such."""
    triples = [{tuple(t.numbers[at : at + 3].tolist()) for at in range(len(t.numbers) - 2)} for t in read]
    seen = Counter(triple for own in triples for triple in own)
    worth = [sum(seen[t] for t in own if seen[t] > len(read) / 3) for own in triples]
    return max(range(len(read)), key=lambda i: (worth[i], -len(read[i].text), -i))


def _agree(matches: list[NDArray[np.int32]]) -> tuple[list[int], NDArray[np.bool_]]:
    """Texts that align, and which tokens of the pivot most of them have."""
    kept = list(range(len(matches)))
    constant = np.zeros(len(matches[0]), np.bool_)
    for least in (0.4, _CONSTANT):
        support = np.sum([matches[i] >= 0 for i in kept], axis=0)
        constant = support >= max(2 if len(matches) > 1 else 1, least * len(kept))
        kept = [i for i in kept if np.mean(matches[i][constant] >= 0) >= 0.5] if constant.any() else []
        if not kept:
            return kept, constant
    return kept, constant


def _runs(
    pivot: _Tokens, constant: NDArray[np.bool_], aligned: list[tuple[_Tokens, NDArray[np.int32]]]
) -> list[tuple[int, int]]:
    """Stretches [start, stop) of constant tokens with nothing between them in nearly all aligned texts."""
    runs: list[tuple[int, int]] = []
    for token in np.flatnonzero(constant).tolist():
        if runs and runs[-1][1] == token and not _split_here(token, aligned):
            runs[-1] = (runs[-1][0], token + 1)
        else:
            runs.append((token, token + 1))
    runs = [_trim(pivot, run, aligned) for run in runs]
    return [run for run in runs if run[1] - run[0] >= _LEAST_RUN]


def _trim(
    pivot: _Tokens, run: tuple[int, int], aligned: list[tuple[_Tokens, NDArray[np.int32]]]
) -> tuple[int, int]:
    """Give punctuation at the ends of a run back to the slot where some texts do not have it."""
    start, stop = run

    def loose(token: int) -> bool:
        mark = pivot.text[pivot.starts[token] : pivot.ends[token]]
        return not mark.isalnum() and sum(m[token] >= 0 for _, m in aligned) < _EDGE * len(aligned)

    while start < stop and loose(start):
        start += 1
    while start < stop and loose(stop - 1):
        stop -= 1
    return start, stop


def _split_here(token: int, aligned: list[tuple[_Tokens, NDArray[np.int32]]]) -> bool:
    """Whether aligned texts put something between this pivot token and the one before."""
    pairs = [(m[token - 1], m[token]) for _, m in aligned if m[token - 1] >= 0 and m[token] >= 0]
    return sum(after - before > 1 for before, after in pairs) > _GAP * len(pairs)


def _assemble(
    pivot: _Tokens,
    runs: list[tuple[int, int]],
    aligned: list[tuple[_Tokens, NDArray[np.int32]]],
    max_examples: int,
) -> list[Part]:
    """Constant parts with the slots before, between and after them."""
    parts: list[Part] = []
    for number in range(len(runs) + 1):
        before = runs[number - 1][1] - 1 if number else None
        after = runs[number][0] if number < len(runs) else None
        seen = [_between(tokens, match, before, after) for tokens, match in aligned]
        filled = [text for text in seen if text]
        if len(filled) > _GAP * len(aligned):
            parts.append(Part(text="", slot=True, examples=_distinct(filled, max_examples)))
        if number < len(runs):
            start, stop = runs[number]
            text = pivot.text[pivot.starts[start] : pivot.ends[stop - 1]]
            parts.append(Part(text=text, slot=False))
    return parts


def _between(tokens: _Tokens, match: NDArray[np.int32], before: int | None, after: int | None) -> str:
    """What a text has between the ends of two constant parts; nothing where it lacks one of them."""
    first, last = 0, len(tokens.text)
    if before is not None:
        if match[before] < 0:
            return ""
        first = tokens.ends[match[before]]
    if after is not None:
        if match[after] < 0:
            return ""
        last = tokens.starts[match[after]]
    return tokens.text[first:last].strip()


def _distinct(texts: Sequence[str], n: int) -> tuple[str, ...]:
    """The first `n` different texts, cut to a readable length."""
    cut = (
        t if len(t) <= MAX_EXAMPLE else t[: MAX_EXAMPLE - 1] + "…" for t in (text.strip() for text in texts)
    )
    return tuple(dict.fromkeys(cut))[:n]
