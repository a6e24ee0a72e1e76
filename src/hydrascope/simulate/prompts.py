"""The prompt pool: real prompts from a Parquet file, or ours, as an endless bank of items known by number.

An item number always gives the same text, so that a work list, a repeated question and a benchmark are numbers
until a column is written. Each prompt of a pool is used about once; when it runs out, texts are composed, so that
strangers do not share wording by accident of a small pool.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.errors import InputError, SchemaError
from hydrascope.simulate.compose import Composer, draw_composer
from hydrascope.simulate.grammar import ANSWERS, FOLLOW_UPS, PATTERNS, TAILS, TOOL_OUTPUTS
from hydrascope.simulate.seeds import mix, salt

__all__ = ["HEAD", "Bank", "PromptPool", "follow_ups", "tool_outputs"]

Uint64s = npt.NDArray[np.uint64]
MAX_CHARS = 2400
SIDES = ("tuning", "judging")
HEAD = 400
"""Item numbers below this are what everybody asks."""


@dataclass(frozen=True, slots=True)
class Bank:
    """Items of one language and job, endless: item number in, text out."""

    texts: pa.Array
    """Prompts of the pool, taken once each; empty in the shipped pool."""
    composer: Composer
    """What the numbers past the pool are composed by."""

    def read(self, numbers: Uint64s, shift: int = 0) -> pa.Array:
        """Texts of a numbered list: the pool's prompts in an order of the list's own, then composed ones."""
        size = len(self.texts)
        known = numbers < np.uint64(size)
        turned = (numbers + np.uint64(shift % 1_000_003)) % np.uint64(max(size, 1))
        # a prime step visits every prompt once before any comes again
        place = turned * np.uint64(2654435761) % np.uint64(max(size, 1))
        return self.blend(known, place, mix(numbers, shift))

    def read_fresh(self, numbers: Uint64s, demand: int) -> pa.Array:
        """Texts of people's own requests, of which the world has about `demand`: each prompt serves about once."""
        place = numbers % np.uint64(max(demand * 4 // 3, len(self.texts), 1))
        place = np.where(numbers < HEAD, numbers, place)
        return self.blend(place < np.uint64(len(self.texts)), place, numbers)

    def blend(self, known: npt.NDArray[np.bool_], place: Uint64s, numbers: Uint64s) -> pa.Array:
        """Prompts of the pool where `known`, composed texts elsewhere."""
        if not known.any():
            return self.composer.compose(numbers)
        pooled = self.texts.take(pa.array(place[known].astype(np.int64)))
        if known.all():
            return pooled
        both = pa.concat_arrays([pooled, self.composer.compose(numbers[~known])])
        order = np.empty(len(known), dtype=np.int64)
        order[known] = np.arange(known.sum())
        order[~known] = np.arange(known.sum(), len(known))
        return both.take(pa.array(order))


@dataclass(slots=True)
class PromptPool:
    """Prompts with their language, capability and origin, from which banks are cut."""

    table: pa.Table | None = None
    """None: the shipped pool, which is composed and has no end."""
    path: str | None = None
    _banks: dict[tuple[object, ...], Bank] = field(default_factory=dict)

    @classmethod
    def builtin(cls) -> PromptPool:
        """The pool that ships: questions and tasks composed by code from our own patterns."""
        return cls()

    @classmethod
    def read(cls, path: Path) -> PromptPool:
        """A pool from a Parquet file with `prompt` and, where known, source, group, capability, n_turns, lang.

        Raises:
            InputError: there is no such file.
            SchemaError: it has no column `prompt`.
        """
        if not path.is_file():
            raise InputError("no such prompt pool", file=str(path), hint="give a Parquet file to --prompts")
        table = pq.read_table(path)
        if "prompt" not in table.column_names:
            raise SchemaError(
                "the prompt pool has no column 'prompt'", file=str(path), hint="see docs/simulate.md"
            )
        return cls(table=tidy(table), path=str(path))

    def bank(
        self, *, lang: str, capabilities: Sequence[str], groups: Sequence[str], side: str | None
    ) -> Bank:
        """Items of a language, job and origin; a wish that nothing meets is dropped, origin first, language last."""
        key = (lang, tuple(capabilities), tuple(groups), side)
        if key not in self._banks:
            composer = draw_composer(patterns_of(lang, capabilities), TAILS.get(lang, TAILS["en"]))
            self._banks[key] = Bank(self._choose(lang, capabilities, groups, side), composer)
        return self._banks[key]

    def _choose(
        self, lang: str, capabilities: Sequence[str], groups: Sequence[str], side: str | None
    ) -> pa.Array:
        if self.table is None:
            return pa.array([], pa.string())
        wishes = (
            ("lang", [lang]),
            ("capability", capabilities),
            ("side", [side] if side else []),
            ("group", groups),
        )
        mask = pa.chunked_array([np.ones(len(self.table), dtype=bool)])
        for column, values in wishes:
            if values:
                narrower = pc.and_(mask, pc.is_in(self.table[column], value_set=pa.array(list(values))))
                mask = narrower if (pc.sum(narrower).as_py() or 0) >= 20 else mask
        return pc.unique(self.table["prompt"].filter(mask).combine_chunks())

    def answers(self) -> Bank:
        """Answers of a model: the pool's where it has any, then composed ones."""
        if ("answers",) not in self._banks:
            texts = pa.array([], pa.string())
            if self.table is not None and "response" in self.table.column_names:
                known = pc.utf8_slice_codeunits(self.table["response"].drop_null(), 0, 1200)
                texts = pc.unique(known.combine_chunks())
            self._banks["answers",] = Bank(
                texts, draw_composer([f"{a} {b} {c}" for a, b, c in threes(ANSWERS)])
            )
        return self._banks["answers",]


def threes(sentences: Sequence[str]) -> list[tuple[str, str, str]]:
    """Every sentence followed by its next two, round and round."""
    n = len(sentences)
    return [(sentences[i], sentences[(i + 1) % n], sentences[(i + 2) % n]) for i in range(n)]


def patterns_of(lang: str, capabilities: Sequence[str]) -> list[str]:
    """Patterns of a language and job; where there are none, of the language, or English ones."""
    jobs = capabilities or sorted({job for tongue, job in PATTERNS if tongue == lang})
    found = [p for job in jobs for p in PATTERNS.get((lang, job), ())]
    return found or list(PATTERNS.get((lang, "general"), ())) or list(PATTERNS["en", "general"])


@lru_cache(maxsize=32)
def follow_ups(lang: str) -> Composer:
    """Short second turns of a chat."""
    return draw_composer(FOLLOW_UPS.get(lang, FOLLOW_UPS["en"]))


@lru_cache(maxsize=1)
def tool_outputs() -> Composer:
    """What tools send back to an agent."""
    return draw_composer(TOOL_OUTPUTS)


def tidy(table: pa.Table) -> pa.Table:
    """The columns that banks use: last user turn, cut to a sane length, with a side by source."""
    n = len(table)
    turns = table["n_turns"].to_pylist() if "n_turns" in table.column_names else [1] * n
    prompts = [last_turn(p) if t > 1 else p for p, t in zip(table["prompt"].to_pylist(), turns, strict=True)]
    columns = {"prompt": pa.array([(p or "")[:MAX_CHARS] for p in prompts], pa.string())}
    for name, default in (("source", "pool"), ("group", "any"), ("capability", "general"), ("lang", "en")):
        known = table[name].cast(pa.string()) if name in table.column_names else pa.array([default] * n)
        columns[name] = pc.fill_null(known, default)
    if "response" in table.column_names:
        columns["response"] = table["response"].cast(pa.string())
    columns["side"] = pa.array([SIDES[salt("side", s) % 2] for s in columns["source"].to_pylist()])
    return pa.table(columns).filter(pc.greater(pc.utf8_length(columns["prompt"]), 0))


def last_turn(prompt: str) -> str:
    """The last message of a JSON list of messages, or the text itself where it is not one."""
    try:
        return str(json.loads(prompt)[-1]["content"])
    except (ValueError, LookupError, TypeError):
        return prompt
