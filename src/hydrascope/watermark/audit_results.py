"""What an audit depends on, what it finds, and how that is written and read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from hydrascope.errors import InputError, UsageError
from hydrascope.watermark.marks import Mark
from hydrascope.watermark.radioactivity import Items
from hydrascope.watermark.trace import Decoys, KeyTest

__all__ = ["AuditResult", "AuditSettings", "Evidence", "KeyResult", "Mode", "read_items", "write_audit"]

Mode = Literal["auto", "weights", "top", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """What an audit depends on besides its inputs."""

    mode: Mode = "auto"
    fwer: float = 0.01
    """Family-wise error over every committed key."""
    n_decoys: int = 2000
    seed: int = 0
    """Of decoys and sampled answers."""
    probes_per_key: int = 400
    """Served exchanges fed, or prompts sampled, for each key."""
    natural_pieces: int = 400
    """Pieces of natural text fed."""
    least_weight: float = 1e-3
    """Smaller weights are dropped."""
    most_weight: float = 0.1
    """Larger weights are held there (`radioactivity.clipped`)."""
    most_items: int = 300_000
    """Strongest items kept for each key."""
    answer_tokens: int = 128
    """Length of sampled answers (mode "text")."""
    stop_early: bool = False
    """Stop sampling as soon as a key is found; p-values are then those of a bet, valid at any time (mode "text")."""

    def __post_init__(self) -> None:
        if not 0 < self.fwer < 1:
            raise UsageError(f"--fwer {self.fwer} is not between 0 and 1")
        if not self.most_weight > 0:
            raise UsageError(f"--hold {self.most_weight} is not positive", hint="the default is 0.1")
        if self.n_decoys < 100:
            raise UsageError(
                "fewer than 100 decoys say nothing about calibration", hint="the default is 2000"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyResult:
    """What the audit says of one committed key."""

    key_id: str
    level: str
    subject: str
    group: str
    """Probes it was tested on: its own id, `served` or `natural`."""
    test: KeyTest
    adjusted_log10_p: float
    """Holm over every committed key."""
    traced: bool
    """Below the family-wise error, not revoked, and the decoys of its probes are uniform."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Items of one group of probes, for one mark, with their decoys."""

    group: str
    mark: Mark
    items: Items
    anytime: bool
    decoys: Decoys


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """Everything an audit found."""

    mode: str
    suspect: str
    suspect_fingerprint: str
    reference: str | None
    reference_fingerprint: str | None
    tokenizer: str
    registry_head: str
    deployment: str
    n_tests: int
    """Committed keys."""
    settings: AuditSettings
    inputs: Mapping[str, str]
    """Name to digest of logs and probe text."""
    results: tuple[KeyResult, ...]
    """Smallest p first."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Key id to the reason why it was not tested."""


def write_audit(folder: Path, result: AuditResult, evidence: Sequence[Evidence]) -> None:
    """Write `audit.json` and one `items-*.npz` for each piece of evidence. Same audit, same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = []
    for number, piece in enumerate(evidence):
        name = f"items-{number:04d}.npz"
        held = piece.items
        with (folder / name).open("wb") as out:
            np.savez_compressed(
                out,
                contexts=held.contexts,
                context_of=held.context_of,
                tokens=held.tokens,
                weights=held.weights,
            )
        listed.append(
            {
                "group": piece.group,
                "mark": asdict(piece.mark),
                "anytime": piece.anytime,
                "items": name,
                "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
                "decoys": asdict(piece.decoys),
            }
        )
    told = {"version": 1, **asdict(result), "evidence": listed}
    text = json.dumps(told, indent=1, sort_keys=True) + "\n"
    (folder / "audit.json").write_text(text, encoding="utf-8")


def read_items(path: Path) -> Items:
    """Items as `write_audit` wrote them.

    Raises:
        InputError: the file cannot be read or its columns do not fit together.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            items = Items(
                held["contexts"].astype(np.int32),
                held["context_of"].astype(np.int32),
                held["tokens"].astype(np.int32),
                held["weights"].astype(np.float64),
            )
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise InputError(f"cannot read items: {error}", file=str(path)) from None
    n = len(items.tokens)
    fits = len(items.context_of) == len(items.weights) == n and items.contexts.ndim == 2
    if not fits or (n and not 0 <= items.context_of.min() <= items.context_of.max() < len(items.contexts)):
        raise InputError("the columns of the items do not fit together", file=str(path))
    return items
