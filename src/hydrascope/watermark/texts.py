"""Reads the texts to be tested: JSON lines, plain text files, or parquet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from hydrascope.errors import InputError, RefusalError, SchemaError
from hydrascope.watermark.encoding import Tokenizer
from hydrascope.watermark.schemes.gates import prose_mask

__all__ = ["Encoded", "Text", "encode_texts", "read_texts"]

_TEXT_FIELDS = ("text", "completion", "output", "response")
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One text, as characters or as token ids, and what it answered."""

    where: str
    """File and line, for messages."""
    text: str | None = None
    token_ids: tuple[int, ...] | None = None
    prompt: str | None = None
    prompt_token_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Encoded:
    """A corpus in token ids."""

    tokens: list[Ids]
    """Token ids of each text."""
    prompts: list[Ids]
    """Token ids of each text's prompt, empty where unknown."""
    masks: list[npt.NDArray[np.bool_]]
    """Where each text is prose; all true where the input held ids."""

    @property
    def n_tokens(self) -> int:
        """Tokens in all texts."""
        return sum(len(ids) for ids in self.tokens)


def read_texts(paths: Sequence[Path]) -> list[Text]:
    """Every text below `paths`, files in sorted order.

    `.jsonl`: one object a line with `text` (or completion, output, response) or `token_ids`, and optionally `prompt`
    or `prompt_token_ids`. `.parquet`: the same as columns. Anything else: one text a file.

    Raises:
        InputError, SchemaError: a file cannot be read, or a line is not of that form.
        RefusalError: there is no text at all, or only empty ones.
    """
    found = [text for path in _files(paths) for text in _read(path)]
    if not any(text.text or text.token_ids for text in found):
        raise RefusalError("there is no text to test", hint="no p-value is computed from nothing")
    return found


def encode_texts(texts: Iterable[Text], tokenizer: Tokenizer, *, keep_code: bool = False) -> Encoded:
    """Token ids, prompts and prose masks.

    Raises:
        RefusalError: an id lies outside the tokenizer's vocabulary, so the ids are another tokenizer's.
    """
    tokens, prompts, masks = [], [], []
    for text in texts:
        ids = _ids(text.text, text.token_ids, tokenizer, text.where)
        mask = np.ones(len(ids), dtype=np.bool_)
        if text.token_ids is None and text.text and not keep_code:
            prose = prose_mask(tokenizer.pieces(text.text))
            mask[: len(prose)] = prose[: len(ids)]
        tokens.append(ids)
        prompts.append(_ids(text.prompt, text.prompt_token_ids, tokenizer, text.where))
        masks.append(mask)
    return Encoded(tokens, prompts, masks)


def _ids(text: str | None, ids: tuple[int, ...] | None, tokenizer: Tokenizer, where: str) -> Ids:
    known = np.array(tokenizer.encode(text or "") if ids is None and text else ids or (), dtype=np.int64)
    limit = tokenizer.n_vocabulary
    if known.size and (known.min() < 0 or (limit is not None and known.max() >= limit)):
        raise RefusalError(
            f"{where}: token id {int(known.max())} is outside the vocabulary ({limit}): another tokenizer's ids",
            hint="give the tokenizer that the marked model speaks",
        )
    return known


def _files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        files.extend(sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path])
    return files


def _read(file: Path) -> Iterator[Text]:
    try:
        if file.suffix == ".parquet":
            rows = pq.read_table(file).to_pylist()
        elif file.suffix in (".jsonl", ".ndjson"):
            rows = _objects(file)
        else:
            rows = [{"text": file.read_text(encoding="utf-8")}]
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError("the texts cannot be read", file=str(file), hint=str(error)) from None
    for number, row in enumerate(rows, start=1):
        yield _text(row, file, number)


def _objects(file: Path) -> list[Any]:
    out = []
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        if line.strip():
            try:
                out.append(msgspec.json.decode(line))
            except msgspec.MsgspecError as error:
                raise SchemaError(
                    "this line is not JSON", file=str(file), line=number, hint=str(error)
                ) from None
    return out


def _text(row: Any, file: Path, number: int) -> Text:
    hint = "each row holds text (or completion, output, response) or token_ids, and perhaps prompt"
    if not isinstance(row, dict):
        raise SchemaError("this line is not an object", file=str(file), line=number, hint=hint)
    name = next((f for f in _TEXT_FIELDS if row.get(f) is not None), None)
    if name is None and row.get("token_ids") is None:
        raise SchemaError("there is no text here", file=str(file), line=number, hint=hint)
    try:
        return msgspec.convert(
            {
                "where": f"{file}:{number}",
                "text": row.get(name) if name else None,
                "token_ids": row.get("token_ids"),
                "prompt": row.get("prompt"),
                "prompt_token_ids": row.get("prompt_token_ids"),
            },
            type=Text,
        )
    except msgspec.ValidationError as error:
        raise SchemaError(
            f"this row is not a text: {error}", file=str(file), line=number, hint=hint
        ) from None
