"""Templates with alternatives and slots, rendered into pools that a whole column takes from.

Grammar: `[[a|b|c]]` is one of its alternatives, `{item}`, `{answer}`, `{other}`, `{signature}` are filled per
exchange, any other `{word}` is drawn from the word list of that name while a variant is rendered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.simulate.words import WORDS

__all__ = ["CHOICE", "SLOT", "SLOTS", "Variants", "render_once", "render_variants"]

NOTHING = pa.scalar("")
SLOTS = ("item", "answer", "other", "signature")
CHOICE = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
SLOT = re.compile(r"\{([a-z_]+)\}")
_LIVE = re.compile(r"\{(" + "|".join(SLOTS) + r")\}")


@dataclass(frozen=True, slots=True)
class Variants:
    """A template rendered many times: literal pieces around the slots that are filled per exchange."""

    pieces: tuple[pa.Array, ...]
    """One array of strings for each literal piece, all as long as there are variants."""
    slots: tuple[str, ...]
    """Slot names between the pieces, one fewer than the pieces."""

    @property
    def count(self) -> int:
        """How many variants there are."""
        return len(self.pieces[0])

    def fill(self, variant: npt.NDArray[np.int64], values: Mapping[str, pa.Array]) -> pa.Array:
        """The finished texts: variant `variant[i]` with the i-th value of every slot."""
        rows = pa.array(variant)
        columns = [self.pieces[0].take(rows)]
        for slot, piece in zip(self.slots, self.pieces[1:], strict=True):
            columns += [values[slot], piece.take(rows)]
        return pc.binary_join_element_wise(*columns, NOTHING) if len(columns) > 1 else columns[0]


def render_once(text: str, rng: np.random.Generator) -> str:
    """One variant of a template, per-exchange slots left in place."""
    while (found := CHOICE.search(text)) is not None:
        options = found[1].split("|")
        text = text[: found.start()] + options[int(rng.integers(len(options)))] + text[found.end() :]

    def word(found: re.Match[str]) -> str:
        options = WORDS.get(found[1])
        return found[0] if options is None else options[int(rng.integers(len(options)))]

    return SLOT.sub(word, text)


def render_variants(text: str, count: int, rng: np.random.Generator) -> Variants:
    """`count` variants of a template; a template without alternatives needs only one."""
    plain = CHOICE.search(text) is None and all(m[1] in SLOTS for m in SLOT.finditer(text))
    rendered: Sequence[str] = [render_once(text, rng) for _ in range(1 if plain else max(count, 1))]
    parts = [_LIVE.split(one) for one in rendered]
    slots = tuple(parts[0][1::2])
    pieces = tuple(pa.array([p[i] for p in parts], pa.string()) for i in range(0, len(parts[0]), 2))
    return Variants(pieces=pieces, slots=slots)
