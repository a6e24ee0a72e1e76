"""Indicators against exchanges, a batch at a time: which rows show which indicator.

A template that a text gives is known in full, a sketch only in part: it keeps all shingles of a short text, and of a
longer one those below a threshold (`hydrascope.sketch.texts`). So only the part of the template below that threshold is
looked for in it, which is an unbiased estimate of how much of the template the text holds (Broder, Proc. Compression and
Complexity of Sequences, 1997). A template that came as shingles is looked for as a scan does.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from hydrascope.features.observed import CHANNEL_COLUMNS
from hydrascope.kernels.ranges import ranges
from hydrascope.pipeline.hunt.indicators import Hunted
from hydrascope.sketch import LEAST, LIMIT

__all__ = ["Matcher"]

_SURE = 1 << 30
_LEAST_HELD = 3
"""Shingles of a whole template that must be held, however little of it can be seen."""
_Hits = tuple[np.ndarray, np.ndarray]
"""Positions of rows, and the indicator of each: int64[m], int32[m]."""
_NONE: _Hits = (np.zeros(0, np.int64), np.zeros(0, np.int32))


class Matcher:
    """Every indicator that exchanges themselves show; those of the accounts table are compared elsewhere.

    Args:
        indicators: a hit names its position in them.
        coverage: share of a template's shingles that an exchange must hold, those of prompt and system prompt summed.
    """

    def __init__(self, indicators: Sequence[Hunted], *, coverage: float) -> None:
        self._columns = _by_column(indicators)
        self.nameless: dict[tuple[str, int], int] = {
            (h.column, h.value): i
            for i, h in enumerate(indicators)
            if h.text is None and h.value is not None and h.column in CHANNEL_COLUMNS
        }
        """Column and value to indicator, of values whose text nobody has said yet."""
        self.names: dict[int, str] = {}
        """Indicator to the text that history has for it."""
        self._networks = [
            (i, ipaddress.ip_network(h.network)) for i, h in enumerate(indicators) if h.network is not None
        ]
        self._inside: dict[int, set[int]] = {i: set() for i, _ in self._networks}
        templates = [(i, h.core) for i, h in enumerate(indicators) if h.column == "template"]
        self._template = np.array([i for i, _ in templates], np.int32)
        self._coverage = coverage
        self._whole = [
            np.sort(np.array(h.core, np.int64).view(np.uint64)) if h.is_whole else None
            for h in indicators
            if h.column == "template"
        ]
        self._need = np.array(
            [
                _SURE if whole is not None else max(1, int(np.ceil(coverage * len(core))))
                for (_, core), whole in zip(templates, self._whole, strict=True)
            ],
            np.int64,
        )
        flat = sorted((s, t) for t, (_, core) in enumerate(templates) for s in core)
        self._core = np.array([s for s, _ in flat], np.int64)
        self._core_template = np.array([t for _, t in flat], np.int64)
        self._systems = np.zeros(0, np.int64)
        self._held = np.zeros((0, len(templates)), np.int64)

    @property
    def reads_text(self) -> bool:
        """Whether any template is looked for."""
        return len(self._template) > 0

    @property
    def reads_addresses(self) -> bool:
        """Whether the text behind addresses is needed."""
        return bool(self._networks)

    def learn_addresses(self, hashes: np.ndarray, texts: Sequence[str | None]) -> None:
        """Addresses by hash and text, so that those inside a hunted network are known."""
        for value, text in zip(hashes.tolist(), texts, strict=True):
            try:
                address = ipaddress.ip_address(text or "")
            except ValueError:
                continue
            for i, network in self._networks:
                if address in network:
                    self._inside[i].add(value)

    def learn_names(self, column: str, values: Sequence[int], texts: Sequence[str | None]) -> None:
        """Texts behind values of a column."""
        for value, text in zip(values, texts, strict=True):
            i = self.nameless.pop((column, value), None)
            if i is not None and text is not None:
                self.names[i] = text

    def learn_systems(
        self, systems: np.ndarray, offsets: np.ndarray, shingles: np.ndarray, *, rate: float
    ) -> None:
        """System prompts by hash with their shingles; those that hold nothing of a template are forgotten."""
        row, template, n = self._score(offsets, shingles, rate)
        rows, place = np.unique(row, return_inverse=True)
        held = np.zeros((len(rows), len(self._template)), np.int64)
        held[place, template] = n
        names, first = np.unique(systems[rows], return_index=True)
        fresh = ~np.isin(names, self._systems)
        names, held = (
            np.concatenate([self._systems, names[fresh]]),
            np.concatenate([self._held, held[first[fresh]]]),
        )
        order = np.argsort(names)
        self._systems, self._held = names[order], held[order]

    def match_values(self, rows: pa.Table) -> _Hits:
        """Rows of narrow columns that show a hunted value, or whose system prompt alone holds a template."""
        found = [_NONE]
        for column, (values, indicator) in self._columns.items():
            found.append(_look_up(_ints(rows[column]), values, indicator))
        for i, hashes in self._inside.items():
            inside = np.fromiter(sorted(hashes), np.int64, len(hashes))
            found.append(_look_up(_ints(rows["ip"]), inside, np.full(len(inside), i, np.int32)))
        found.append(self._match_systems(_ints(rows["system"])))
        return _joined(found)

    def _match_systems(self, system: tuple[np.ndarray, np.ndarray]) -> _Hits:
        enough = self._held >= self._need
        found = [_NONE]
        for t in np.flatnonzero(enough.any(axis=0)).tolist():
            values = self._systems[enough[:, t]]
            found.append(_look_up(system, values, np.full(len(values), self._template[t], np.int32)))
        return _joined(found)

    def match_shingles(
        self, system: pa.ChunkedArray | pa.Array, offsets: np.ndarray, shingles: np.ndarray, *, rate: float
    ) -> _Hits:
        """Sketched exchanges that hold a template, by prompt and system prompt together.

        Args:
            system: n hashes of their system prompts.
            offsets: int64[n + 1] into `shingles`, int64; ascending as unsigned numbers within a text.
            rate: share of shingles that the sketches keep.
        """
        row, template, n = self._score(offsets, shingles, rate)
        values, valid = _ints(system)
        if len(self._systems) and len(row):
            place = np.minimum(np.searchsorted(self._systems, values), len(self._systems) - 1)
            known = valid & (self._systems[place] == values)
            n = n + np.where(known[row], self._held[place[row], template], 0)
        kept = n >= self._need[template]
        return row[kept], self._template[template[kept]]

    def _score(
        self, offsets: np.ndarray, shingles: np.ndarray, rate: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row, template and shingles held; of a whole template `_SURE` where enough of what can be seen is held, or 0."""
        row, template, n = self._count(offsets, shingles)
        limit = _seen_up_to(offsets, shingles, rate)
        for t, whole in enumerate(self._whole):
            if whole is None:
                continue
            mine = np.flatnonzero(template == t)
            visible = np.searchsorted(whole, limit[row[mine]], side="right")
            need = np.maximum(_LEAST_HELD, np.ceil(self._coverage * visible))
            n[mine] = np.where(n[mine] >= need, _SURE, 0)
        return row, template, n

    def _count(self, offsets: np.ndarray, shingles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row, template and how many of the template's shingles the row holds, where any."""
        first = np.searchsorted(self._core, shingles, side="left")
        last = np.searchsorted(self._core, shingles, side="right")
        times = last - first
        hit = np.flatnonzero(times)
        row = np.searchsorted(offsets, hit, side="right") - 1
        times, first = times[hit], first[hit]
        index = ranges(first, times)
        key = np.repeat(row, times) * max(len(self._template), 1) + self._core_template[index]
        keys, n = np.unique(key, return_counts=True)
        return keys // max(len(self._template), 1), keys % max(len(self._template), 1), n


def _seen_up_to(offsets: np.ndarray, shingles: np.ndarray, rate: float) -> np.ndarray:
    """uint64[n]: a sketch holds every shingle of its text up to this hash."""
    n = np.diff(offsets)
    everything = np.uint64(2**64 - 1)
    threshold = np.uint64(min(int(rate * 2.0**64), 2**64 - 1))
    last = np.zeros(len(n), np.uint64)
    last[n > 0] = shingles.view(np.uint64)[offsets[1:][n > 0] - 1]
    return np.where(n < LEAST, everything, np.where(n >= LIMIT, last, np.maximum(last, threshold)))


def _by_column(indicators: Sequence[Hunted]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    columns: dict[str, list[tuple[int, int]]] = {}
    for i, h in enumerate(indicators):
        if h.value is not None and not h.in_accounts:
            columns.setdefault(h.column, []).append((h.value, i))
    return {
        name: (
            np.array([v for v, _ in sorted(held)], np.int64),
            np.array([i for _, i in sorted(held)], np.int32),
        )
        for name, held in columns.items()
    }


def _look_up(column: tuple[np.ndarray, np.ndarray], values: np.ndarray, indicator: np.ndarray) -> _Hits:
    numbers, valid = column
    if not len(values):
        return _NONE
    place = np.minimum(np.searchsorted(values, numbers), len(values) - 1)
    rows = np.flatnonzero(valid & (values[place] == numbers))
    return rows.astype(np.int64), indicator[place[rows]]


def _ints(column: pa.ChunkedArray | pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """int64[n] with 0 for null, and bool[n] where it is not null."""
    valid = (
        column.is_valid().to_numpy() if isinstance(column, pa.ChunkedArray) else np.asarray(column.is_valid())
    )
    return column.cast(pa.int64()).fill_null(0).to_numpy(), valid


def _joined(found: Sequence[_Hits]) -> _Hits:
    return np.concatenate([rows for rows, _ in found]), np.concatenate([i for _, i in found])
