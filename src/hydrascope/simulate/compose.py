"""Texts composed from patterns by number: endless, and the same number is always the same text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.simulate.seeds import mix, salt, stream
from hydrascope.simulate.texts import CHOICE, SLOT, render_once
from hydrascope.simulate.words import WORDS

__all__ = ["Composer", "draw_composer"]

Uint64s = npt.NDArray[np.uint64]
RENDERINGS = 60
NOTHING = pa.scalar("")
ODD = mix(np.arange(40), 401) | np.uint64(1)


@dataclass(frozen=True, slots=True)
class Composer:
    """Patterns, each a row of literals and of lists to draw from."""

    patterns: tuple[tuple[pa.Scalar | pa.Array, ...], ...]
    key: int

    def compose(self, numbers: Uint64s) -> pa.Array:
        """One text for each number."""
        which = (mix(numbers, self.key) % np.uint64(len(self.patterns))).astype(np.int64)
        order = np.argsort(which, kind="stable")
        edges = np.flatnonzero(np.diff(which[order])) + 1
        parts = [
            self.fill(int(which[rows[0]]), numbers[rows]) for rows in np.split(order, edges) if len(rows)
        ]
        back = np.empty(len(order), dtype=np.int64)
        back[order] = np.arange(len(order))
        return pa.concat_arrays(parts).take(pa.array(back)) if parts else pa.array([], pa.string())

    def fill(self, pattern: int, numbers: Uint64s) -> pa.Array:
        """Texts of one pattern."""
        columns: list[object] = []
        seed = mix(numbers, self.key)
        for place, part in enumerate(self.patterns[pattern]):
            if isinstance(part, pa.Scalar):
                columns.append(part)
                continue
            # one scramble, then an odd multiplier for each part: the high bits are as good as independent
            high = (seed * ODD[place % len(ODD)]) >> np.uint64(32)
            columns.append(part.take(pa.array((high % np.uint64(len(part))).astype(np.int32))))
        return pc.binary_join_element_wise(*columns, NOTHING)


@lru_cache(maxsize=64)
def read_endings(ending: tuple[str, ...]) -> pa.Array:
    """Renderings of the endings, and as many empty ones."""
    rng = stream("endings", *ending)
    tails = [render_once(ending[i % len(ending)], rng) for i in range(1200)]
    return pa.array([""] * len(tails) + tails, pa.string())


def read_pattern(text: str, ending: Sequence[str], *labels: str | int) -> tuple[pa.Scalar | pa.Array, ...]:
    """A pattern as literals and lists; alternatives with words in them are rendered some dozens of times."""
    rng = stream("pattern", text, *labels)
    parts: list[pa.Scalar | pa.Array] = []
    place = 0
    for found in CHOICE.finditer(text):
        parts += split_words(text[place : found.start()])
        options = found[1].split("|")
        turns = RENDERINGS if SLOT.search(found[1]) else 1
        parts.append(pa.array([render_once(o, rng) for o in options for _ in range(turns)], pa.string()))
        place = found.end()
    parts += split_words(text[place:])
    if ending:
        parts.append(read_endings(tuple(ending)))
    if not any(not isinstance(p, pa.Scalar) for p in parts):
        parts.append(pa.array([""], pa.string()))
    return tuple(parts)


def split_words(text: str) -> list[pa.Scalar | pa.Array]:
    """Literals and word lists of a text without alternatives."""
    pieces = SLOT.split(text)
    parts: list[pa.Scalar | pa.Array] = []
    for i, piece in enumerate(pieces):
        if i % 2:
            parts.append(pa.array(WORDS[piece], pa.string()))
        elif piece:
            # made once: turning a Python string into a scalar for every call is slow
            parts.append(pa.scalar(piece))
    return parts


def draw_composer(patterns: Sequence[str], ending: Sequence[str] = ()) -> Composer:
    """A composer of these patterns; each text may end in one of the `ending` patterns."""
    parsed = tuple(read_pattern(p, ending, i) for i, p in enumerate(patterns))
    return Composer(parsed, salt("composer", *patterns))
