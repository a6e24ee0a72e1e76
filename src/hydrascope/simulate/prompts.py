"""The prompt pool: real prompts from a Parquet file, or ours, as an endless bank of items known by number.

An item number always gives the same text, so that a work list, a repeated question and a benchmark are numbers
until a column is written. Numbers past the end of the pool give its prompts again with a detail appended.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.errors import InputError, SchemaError
from hydrascope.simulate.grammar import (
    FOLLOW_UPS,
    TAILS,
    TOOL_OUTPUTS,
    compose_answers,
    compose_many,
    compose_pool,
)
from hydrascope.simulate.seeds import mix, salt

__all__ = ["Bank", "PromptPool"]

MAX_CHARS = 2400
SIDES = ("tuning", "judging")


@dataclass(frozen=True, slots=True)
class Bank:
    """Items of one language and job, endless: item number in, text out."""

    texts: pa.Array
    tails: pa.Array

    def read(self, numbers: npt.NDArray[np.uint64], shift: int = 0) -> pa.Array:
        """The texts of item numbers; the first pass over the pool is verbatim. `shift` tells lists apart."""
        size = np.uint64(len(self.texts))
        # a prime step visits every prompt once before any comes again
        base = self.texts.take(
            pa.array(
                ((numbers + np.uint64(shift % 1_000_003)) % size * np.uint64(2654435761) % size).astype(
                    np.int64
                )
            )
        )
        lap = numbers // size
        if not lap.any():
            return base
        first = np.where(lap == 0, 0, 1 + mix(numbers, 5 + shift) % np.uint64(len(self.tails) - 1)).astype(
            np.int64
        )
        second = np.where(lap == 0, 0, mix(numbers, 7 + shift) % np.uint64(len(self.tails))).astype(np.int64)
        return pc.binary_join_element_wise(
            base, self.tails.take(pa.array(first)), self.tails.take(pa.array(second)), ""
        )


@dataclass(slots=True)
class PromptPool:
    """Prompts with their language, capability and origin, from which banks are cut."""

    table: pa.Table
    path: str | None = None
    _banks: dict[tuple[object, ...], Bank] = field(default_factory=dict)
    _lists: dict[str, pa.Array] = field(default_factory=dict)

    @classmethod
    def builtin(cls) -> PromptPool:
        """The pool that ships: a few thousand questions composed by code."""
        return cls(table=pa.Table.from_pylist(compose_pool()))

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

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages for which the pool has items."""
        return tuple(sorted(set(self.table["lang"].unique().to_pylist())))

    def bank(
        self, *, lang: str, capabilities: Sequence[str], groups: Sequence[str], side: str | None
    ) -> Bank:
        """Items of a language, job and origin; a wish that nothing meets is dropped, origin first, language last."""
        key = (lang, tuple(capabilities), tuple(groups), side)
        if key not in self._banks:
            self._banks[key] = Bank(
                texts=self._choose(lang, capabilities, groups, side), tails=self.tails(lang)
            )
        return self._banks[key]

    def _choose(
        self, lang: str, capabilities: Sequence[str], groups: Sequence[str], side: str | None
    ) -> pa.Array:
        wishes = [
            ("lang", [lang]),
            ("capability", list(capabilities)),
            ("side", [side]),
            ("group", [*groups, "any"]),
        ]
        mask = pa.array(np.ones(len(self.table), dtype=bool))
        for column, values in wishes:
            if not values or values[0] is None or column not in self.table.column_names:
                continue
            narrower = pc.and_(
                mask, pc.is_in(self.table[column], value_set=pa.array(values))
            ).combine_chunks()
            mask = narrower if (pc.sum(narrower).as_py() or 0) >= 20 else mask
        return self.table["prompt"].filter(mask).combine_chunks()

    def tails(self, lang: str) -> pa.Array:
        """Details to append, of a language; the first is empty."""
        patterns = TAILS.get(lang, TAILS["en"])
        return self._list(f"tails-{lang}", lambda: ["", *compose_many(patterns, 2500, "tails", lang)])

    def follow_ups(self, lang: str) -> pa.Array:
        """Short second turns of a chat."""
        patterns = FOLLOW_UPS.get(lang, FOLLOW_UPS["en"])
        return self._list(f"follow-{lang}", lambda: compose_many(patterns, 3000, "follow", lang))

    def tool_outputs(self) -> pa.Array:
        """What tools send back to an agent."""
        return self._list("tools", lambda: compose_many(TOOL_OUTPUTS, 20_000, "tools"))

    def answers(self) -> pa.Array:
        """Answers of a model, ours or the pool's."""

        def make() -> list[str]:
            if "response" not in self.table.column_names:
                return compose_answers(5000)
            known = pc.utf8_slice_codeunits(self.table["response"].drop_null(), 0, 1200)
            return list(known.slice(0, 20_000).to_pylist())

        return self._list("answers", make)

    def _list(self, name: str, make: object) -> pa.Array:
        if name not in self._lists:
            self._lists[name] = pa.array(make(), pa.string())  # type: ignore[operator]
        return self._lists[name]


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
