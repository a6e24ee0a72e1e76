"""Tokenizers for reading marks: a mark speaks one tokenizer's ids, so a key remembers which.

bytes        UTF-8 bytes, 256 ids
whitespace   one id a word, a 31-bit hash of its bytes; no vocabulary to carry
ids:N        inputs hold token ids below N already; text is refused
PATH         a `tokenizer.json` (or a folder with one), read by the `tokenizers` library; or an `.npz` of the lab
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from hydrascope.errors import InputError, RefusalError, UsageError
from hydrascope.watermark.suspect_bpe import BpeTokenizer, read_bpe

__all__ = ["Tokenizer", "fence_token_ids", "load_tokenizer"]


class Tokenizer(Protocol):
    """What a detector needs of a tokenizer."""

    @property
    def fingerprint(self) -> str:
        """Names the vocabulary: equal fingerprints mean equal ids."""
        ...

    @property
    def n_vocabulary(self) -> int | None:
        """Ids are below this; None where unbounded."""
        ...

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, no special tokens added."""
        ...

    def pieces(self, text: str) -> list[str]:
        """The text of each token of `encode(text)`, for the prose gate."""
        ...


@dataclass(frozen=True, slots=True)
class _Bytes:
    fingerprint: str = "bytes"
    n_vocabulary: int | None = 256

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def pieces(self, text: str) -> list[str]:
        """A character's text stands at its first byte; the rest are empty."""
        return [piece for c in text for piece in (c, *[""] * (len(c.encode()) - 1))]


@dataclass(frozen=True, slots=True)
class _Whitespace:
    fingerprint: str = "whitespace"
    n_vocabulary: int | None = None

    def encode(self, text: str) -> list[int]:
        return [_word_id(word) for word in text.split()]

    def pieces(self, text: str) -> list[str]:
        """Each word with the space before it, so that line starts are seen."""
        return [match.group() for match in re.finditer(r"\s*\S+", text)]


@dataclass(frozen=True, slots=True)
class _Ids:
    fingerprint: str
    n_vocabulary: int | None

    def encode(self, text: str) -> list[int]:
        raise RefusalError(
            "the input holds text, but the tokenizer is given as ids",
            hint="give --tokenizer PATH of the model's tokenizer, or token_ids in the input",
        )

    def pieces(self, text: str) -> list[str]:
        return []


@dataclass(frozen=True, slots=True)
class _Local:
    fingerprint: str
    n_vocabulary: int | None
    inner: Any

    def encode(self, text: str) -> list[int]:
        return list(self.inner.encode(text, add_special_tokens=False).ids)

    def pieces(self, text: str) -> list[str]:
        offsets = self.inner.encode(text, add_special_tokens=False).offsets
        starts = [start for start, _ in offsets] + [len(text)]
        return [text[a:b] for a, b in pairwise(starts)]


@dataclass(frozen=True, slots=True)
class _Bpe:
    fingerprint: str
    n_vocabulary: int | None
    inner: BpeTokenizer

    def encode(self, text: str) -> list[int]:
        return [int(token) for token in self.inner.encode(text)]

    def pieces(self, text: str) -> list[str]:
        """A piece whose bytes break a character reads as the replacement sign."""
        return [self.inner.decode(token) for token in self.inner.encode(text)[:, None]]


def load_tokenizer(name: str) -> Tokenizer:
    """A tokenizer by name or local path; nothing is downloaded.

    Raises:
        InputError: the path holds no readable tokenizer.
        UsageError: the name is unknown, or the `tokenizers` library is missing.
    """
    if name == "bytes":
        return _Bytes()
    if name == "whitespace":
        return _Whitespace()
    if name.startswith("ids:"):
        if not name[4:].isdigit() or int(name[4:]) < 2:
            raise UsageError(f"{name!r} names no vocabulary size", hint="for example ids:50257")
        return _Ids(fingerprint=name, n_vocabulary=int(name[4:]))
    return _load_local(Path(name))


def fence_token_ids(tokenizer: Tokenizer) -> list[int]:
    """Ids whose text holds an odd number of code fences; an engine that cannot decode counts these."""
    inner = getattr(tokenizer, "inner", None)
    if inner is None:
        return []
    return [i for i in range(tokenizer.n_vocabulary or 0) if inner.decode([i]).count("```") % 2]


def _load_local(path: Path) -> Tokenizer:
    if path.suffix == ".npz":
        bpe = read_bpe(path)
        return _Bpe(fingerprint=bpe.fingerprint, n_vocabulary=bpe.vocab_size, inner=bpe)
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            "there is no tokenizer here",
            file=str(path),
            hint="give bytes, whitespace, ids:N, or the path of a tokenizer.json or of a folder with one",
        )
    try:
        library = importlib.import_module("tokenizers")
    except ImportError:
        raise UsageError(
            "reading tokenizer.json needs the tokenizers library",
            hint="pip install 'hydrascope[transformers]'",
        ) from None
    try:
        inner = library.Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises bare Exception
        raise InputError("the tokenizer cannot be read", file=str(file), hint=str(error)) from None
    vocabulary = inner.get_vocab(with_added_tokens=True)
    told = json.dumps(sorted(vocabulary.items()), ensure_ascii=False).encode()
    fingerprint = "tokenizer:" + hashlib.sha256(told).hexdigest()[:16]
    return _Local(fingerprint=fingerprint, n_vocabulary=max(vocabulary.values()) + 1, inner=inner)


def _word_id(word: str) -> int:
    return int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") & 0x7FFFFFFF
