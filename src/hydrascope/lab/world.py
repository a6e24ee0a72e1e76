"""A provider, a public base model and students, small enough to train in seconds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hydrascope.errors import InputError
from hydrascope.lab.bpe import train_bpe
from hydrascope.lab.text import split_text
from hydrascope.watermark.suspect_bpe import BpeTokenizer
from hydrascope.watermark.suspect_trigram import TrigramModel, TrigramSuspect, read_trigram, train_trigram

__all__ = ["World", "build_world", "distil", "held_out_loss", "read_world", "write_world"]

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """Teacher and base saw different texts; nobody saw `prompts` and `heldout`."""

    teacher: TrigramModel
    """The provider's model."""
    base: TrigramModel
    """A public model: where students start, and the reference of an audit."""
    prompts: list[str]
    """Texts whose beginnings are what accounts ask."""
    heldout: list[str]
    """For quality and natural probes."""
    human: list[str]
    """More human text, for dilution and purification."""

    @property
    def tokenizer(self) -> BpeTokenizer:
        """Of all models."""
        return self.teacher.tokenizer


def build_world(texts: Iterable[str], *, vocab_size: int = 2048) -> World:
    """Train tokeniser, teacher and base on disjoint parts of `texts`."""
    parts = split_text(texts, {"teacher": 10, "base": 5, "human": 3, "prompts": 1, "heldout": 1})
    tokenizer = train_bpe(parts["teacher"], vocab_size)
    return World(
        teacher=train_trigram(tokenizer, [tokenizer.encode(t) for t in parts["teacher"]]),
        base=train_trigram(tokenizer, [tokenizer.encode(t) for t in parts["base"]]),
        prompts=parts["prompts"],
        heldout=parts["heldout"],
        human=parts["human"],
    )


def distil(base: TrigramModel, sequences: Sequence[Ids], *, copies: int = 1) -> TrigramModel:
    """A student: the base trained further on served token sequences.

    Args:
        copies: passes over the sequences.
    """
    served = train_trigram(base.tokenizer, list(sequences))
    student = base
    for _ in range(copies):
        student = student.merge(served)
    return student


def held_out_loss(model: TrigramModel, texts: Iterable[str]) -> float:
    """Nats per token on text that nobody was trained on: what a mark costs a student."""
    suspect = TrigramSuspect(model, "model")
    total, n = 0.0, 0
    for text in texts:
        total -= suspect.sequence_logprob("", text)
        n += len(model.tokenizer.encode(text))
    return total / max(n, 1)


def write_world(world: World, folder: Path) -> None:
    """Write teacher.npz, base.npz, heldout.txt and texts.json."""
    folder.mkdir(parents=True, exist_ok=True)
    world.teacher.write(folder / "teacher.npz")
    world.base.write(folder / "base.npz")
    (folder / "heldout.txt").write_text("\n\n".join(world.heldout) + "\n", encoding="utf-8")
    texts = {"prompts": world.prompts, "heldout": world.heldout, "human": world.human}
    (folder / "texts.json").write_text(json.dumps(texts) + "\n", encoding="utf-8")


def read_world(folder: Path) -> World:
    """Read what `write_world` wrote.

    Raises:
        InputError: something is missing.
    """
    try:
        texts = json.loads((folder / "texts.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"not a lab world: {error}", file=str(folder), hint="hydrascope lab world FOLDER"
        ) from None
    return World(
        teacher=read_trigram(folder / "teacher.npz"), base=read_trigram(folder / "base.npz"), **texts
    )
