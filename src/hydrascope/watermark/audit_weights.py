"""Ask the suspect and the reference, chunk by chunk, and keep what was answered.

A chunk is a few dozen probes; its rows are written before the next one is asked, so that an audit that was cut
off goes on where it stopped. Weights smaller than `least_weight` are dropped: they carry little, and dropping by
size never looks at a key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hydrascope.errors import StateError
from hydrascope.watermark.audit_probes import Probe, first_seen
from hydrascope.watermark.radioactivity import Items, ProbeSums, clipped, strongest_items
from hydrascope.watermark.suspect import Suspect

__all__ = ["ChunkFolder", "Tell", "weigh_probes", "weigh_rows"]

CHUNK = 32
Tell = Callable[[int, int], None]
"""(done, total) -> None: progress."""


class ChunkFolder:
    """Finished chunks on disk, bound to the settings they were made with.

    Args:
        folder: created where it does not exist.
        settings: whatever the answers depend on.

    Raises:
        StateError: the folder holds chunks of other settings.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        told = json.dumps(settings, sort_keys=True)
        note = folder / "settings.json"
        if note.exists() and note.read_text("utf-8") != told:
            raise StateError(
                "the folder holds an unfinished audit with other settings",
                file=str(folder),
                hint="name another --out, or remove the folder",
            )
        note.write_text(told, encoding="utf-8")

    def read(self, number: int) -> dict[str, npt.NDArray] | None:
        """A finished chunk, or None."""
        path = self._path(number)
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as held:
            return {name: held[name] for name in held.files}

    def write(self, number: int, columns: Mapping[str, npt.NDArray]) -> None:
        """Write a chunk whole or not at all."""
        draft = self._path(number).with_suffix(".new")
        with draft.open("wb") as out:
            np.savez(out, **dict(columns))  # type: ignore[arg-type]
        draft.replace(self._path(number))

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.npz"


def weigh_rows(
    suspect: Suspect, reference: Suspect | None, tokens: npt.NDArray[np.int32], *, top: bool
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """((n, k) ids, (n, k) weights) after each token: suspect minus reference.

    Args:
        reference: None takes the suspect's probabilities as they are; exact too, and weaker.
        top: use the suspect's returned top-k (an API) instead of whole distributions.
    """
    if top:
        ids, weights = suspect.top_probs(tokens)
    else:
        weights = suspect.next_probs(tokens)
        ids = np.broadcast_to(np.arange(weights.shape[1], dtype=np.int32), weights.shape)
    if reference is None:
        return ids, weights
    if "distributions" in reference.gives:
        known = reference.next_probs(tokens)
        expected = np.take_along_axis(known, np.maximum(ids, 0).astype(np.int64), axis=1) if top else known
        return ids, np.where(ids >= 0, weights - expected, 0.0).astype(np.float32)
    return ids, _minus_top(ids, weights, *reference.top_probs(tokens))


def _minus_top(
    ids: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    other_ids: npt.NDArray[np.int32],
    other: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Subtract what the reference returned for the same token; where it returned nothing, nothing."""
    same = (ids[:, :, None] == other_ids[:, None, :]) & (ids[:, :, None] >= 0)
    expected = (same * other[:, None, :]).sum(axis=2)
    return np.where(ids >= 0, weights - expected, 0.0).astype(np.float32)


def _probe_rows(
    probe: Probe, ids: npt.NDArray, weights: npt.NDArray, width: int, least: float
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    places = first_seen(probe.tokens, width, probe.start)
    row, column = np.nonzero(np.abs(weights[places]) >= least)
    at = places[row]
    contexts = probe.tokens[at[:, None] + np.arange(1 - width, 1)]
    return contexts.astype(np.int32), ids[at, column].astype(np.int32), weights[at, column]


def _chunk(
    probes: Sequence[Probe], suspect: Suspect, reference: Suspect | None, widths: Sequence[int], least: float,
    top: bool,
) -> dict[str, npt.NDArray]:  # fmt: skip
    rows: dict[str, list[npt.NDArray]] = {}
    for number, probe in enumerate(probes):
        ids, weights = weigh_rows(suspect, reference, probe.tokens, top=top)
        for width in widths:
            contexts, tokens, kept = _probe_rows(probe, ids, weights, width, least)
            for name, column in (("contexts", contexts), ("tokens", tokens), ("weights", kept)):
                rows.setdefault(f"{name}{width}", []).append(column)
            rows.setdefault(f"probe{width}", []).append(np.full(len(tokens), number, np.int32))
    return {name: np.concatenate(parts) for name, parts in rows.items()}


def weigh_probes(
    probes: Sequence[Probe],
    suspect: Suspect,
    reference: Suspect | None,
    chunks: ChunkFolder,
    *,
    widths: Sequence[int],
    least_weight: float,
    most_weight: float,
    most_items: int,
    top: bool,
    tell: Tell,
) -> dict[tuple[str, int], Items]:
    """Items of each (group of probes, context width).

    Args:
        probes: texts to feed.
        chunks: where finished work lies.
        widths: context widths in use.
        least_weight: smaller weights are dropped.
        most_weight: larger sums of weights are held there.
        most_items: the strongest so many of each group are kept.
        top: as for `weigh_rows`.
        tell: called with (probes done, probes in all).
    """
    sums: dict[tuple[str, int], ProbeSums] = {}
    for start in range(0, len(probes), CHUNK):
        part = probes[start : start + CHUNK]
        columns = chunks.read(start // CHUNK)
        if columns is None:
            columns = _chunk(part, suspect, reference, widths, least_weight, top)
            chunks.write(start // CHUNK, columns)
        for width in widths:
            _add(sums, part, columns, width)
        tell(min(start + CHUNK, len(probes)), len(probes))
    merged = {name: held.items() for name, held in sums.items()}
    return {
        name: clipped(strongest_items(held, most_items), most_weight)
        for name, held in merged.items()
        if held is not None
    }


def _add(
    sums: dict[tuple[str, int], ProbeSums],
    part: Sequence[Probe],
    columns: Mapping[str, npt.NDArray],
    width: int,
) -> None:
    groups = np.array([probe.group for probe in part])
    group_of = groups[columns[f"probe{width}"]]
    for group in sorted(set(groups.tolist())):
        mine = group_of == group
        sums.setdefault((group, width), ProbeSums()).add(
            columns[f"contexts{width}"][mine],
            columns[f"tokens{width}"][mine],
            columns[f"weights{width}"][mine],
        )
