"""Where not to mark: sure tokens, code, JSON, tool arguments, and contexts that came before.

A token whose distribution is nearly certain carries no signal and is where a mark would do damage (entropy gate).
Code, JSON and tool arguments are skipped by default: a changed token there breaks something. A repeated context
would repeat its coins, which makes small-width marks loop, so each context is marked once in a generation.
Every gate looks at text or logits, never at coins, so a detector may apply it, or not, and stays exact.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["ENTROPY_FLOOR_NATS", "ContextHistory", "ProseGate", "entropy_nats", "is_open", "prose_mask"]

ENTROPY_FLOOR_NATS = 0.3
"""Below this entropy a token is left alone."""
_OPENERS = ("<tool_call>", "<function=", "<|python_tag|>", "<tool_use>", "<invoke")
_CLOSERS = ("</tool_call>", "</function>", "<|eom_id|>", "</tool_use>", "</invoke>")
_TAIL = max(map(len, _OPENERS + _CLOSERS))


def entropy_nats(logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Entropy of softmax(logits) over the last axis, in nats; -inf logits count as impossible."""
    row = np.asarray(logits, dtype=np.float64)
    row = row - row.max(axis=-1, keepdims=True)
    weight = np.exp(row)
    total = weight.sum(axis=-1)
    return np.asarray(np.log(total) - (weight * np.where(weight > 0, row, 0.0)).sum(axis=-1) / total)


def is_open(logits: npt.ArrayLike, floor_nats: float = ENTROPY_FLOOR_NATS) -> bool:
    """Whether the next token is unsure enough to be marked."""
    return bool(entropy_nats(logits) >= floor_nats)


@dataclass(slots=True)
class ContextHistory:
    """Contexts already used in one generation, the oldest forgotten first."""

    limit: int = 8192
    """How many are remembered."""
    _seen: set[tuple[int, ...]] = field(default_factory=set)
    _order: deque[tuple[int, ...]] = field(default_factory=deque)

    def observe(self, context: Sequence[int]) -> bool:
        """Remembers the context; True where it is new and may be marked."""
        name = tuple(int(token) for token in context)
        if name in self._seen:
            return False
        self._seen.add(name)
        self._order.append(name)
        if len(self._order) > self.limit:
            self._seen.discard(self._order.popleft())
        return True


@dataclass(slots=True)
class ProseGate:
    """Follows decoded text and knows whether the next token would be prose.

    Not prose: fenced and inline code, a JSON value that starts a line, and what stands inside tool-call tags.
    """

    fenced: bool = False
    inline: bool = False
    depth: int = 0
    tagged: bool = False
    _line: str = ""
    _tail: str = ""
    _quoted: bool = False
    _escaped: bool = False

    @property
    def prose(self) -> bool:
        """Whether the next token may be marked."""
        return not (self.fenced or self.inline or self.depth or self.tagged)

    def observe(self, piece: str) -> bool:
        """Reads the text of one token; returns whether that token was prose when it was chosen."""
        was = self.prose
        for character in piece:
            self._step(character)
        return was

    def _step(self, character: str) -> None:
        self._tail = (self._tail + character)[-_TAIL:]
        if self.depth:
            self._step_json(character)
        elif self._tail.endswith("```"):
            self.fenced, self.inline = not self.fenced, False
        elif character == "`" and not self.fenced:
            self.inline = not self.inline
        elif not (self.fenced or self.inline or self.tagged) and character in "{[" and not self._line.strip():
            self.depth = 1
        self._step_tags()
        self._line = "" if character == "\n" else (self._line + character)[-64:]
        if character == "\n":
            self.inline = False

    def _step_json(self, character: str) -> None:
        if self._escaped:
            self._escaped = False
        elif character == "\\":
            self._escaped = self._quoted
        elif character == '"':
            self._quoted = not self._quoted
        elif not self._quoted and character in "{[":
            self.depth += 1
        elif not self._quoted and character in "}]":
            self.depth -= 1

    def _step_tags(self) -> None:
        if self._tail.endswith(_OPENERS):
            self.tagged = True
        elif self._tail.endswith(_CLOSERS):
            self.tagged = False


def prose_mask(pieces: Sequence[str]) -> npt.NDArray[np.bool_]:
    """For each token's text, whether it was prose when it was chosen.

    >>> prose_mask(["Say ", "```", "x=1", "```", " done"]).tolist()
    [True, True, False, False, True]
    """
    gate = ProseGate()
    return np.array([gate.observe(piece) for piece in pieces], dtype=np.bool_)
