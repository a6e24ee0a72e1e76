"""Open a suspect, a reference or a tokeniser by what was typed."""

from __future__ import annotations

from pathlib import Path

from hydrascope.errors import InputError, UsageError
from hydrascope.watermark.suspect import Suspect, Tokenizer
from hydrascope.watermark.suspect_bpe import read_bpe
from hydrascope.watermark.suspect_hf import HfSuspect, HfTokenizer, read_hf_tokenizer
from hydrascope.watermark.suspect_http import HttpSuspect
from hydrascope.watermark.suspect_trigram import TrigramSuspect, read_trigram

__all__ = ["open_suspect", "open_tokenizer"]


def open_tokenizer(name: str) -> Tokenizer:
    """A tokeniser: an `.npz` of the lab, a `tokenizer.json`, or a model folder.

    Raises:
        InputError: there is none at that path.
    """
    path = Path(name)
    if path.suffix == ".npz":
        return read_bpe(path)
    if path.is_dir():
        return read_hf_tokenizer(path)
    if not path.exists():
        raise InputError(
            "there is no tokeniser here", file=name, hint="a model file, folder or tokenizer.json"
        )
    return HfTokenizer(path)


def open_suspect(
    name: str, *, model: str | None = None, marked: Tokenizer | None = None, temperature: float = 0.7
) -> Suspect:
    """A model: an `.npz` of the lab, a model folder, or the address of an OpenAI-compatible API.

    Args:
        name: path, or URL up to and including `/v1`.
        model: model name, for an API.
        marked: tokeniser of the marked text, for an API.
        temperature: of sampled answers.

    Raises:
        UsageError: an API without a model name.
        InputError: nothing readable is there.
    """
    if name.startswith(("http://", "https://")):
        if not model:
            raise UsageError("an API needs the name of the model", hint="--suspect-model NAME")
        return HttpSuspect(name, model, marked=marked, temperature=temperature)
    path = Path(name)
    if path.is_dir():
        return HfSuspect(path, temperature=temperature)
    if not path.exists():
        raise InputError("there is no model here", file=name, hint="an .npz file, a model folder, or a URL")
    return TrigramSuspect(read_trigram(path), name, temperature=temperature)
