"""A Hugging Face model folder as a suspect: open weights, read locally, nothing is downloaded.

Needs the `transformers` extra. The folder's own tokeniser is used; a folder that holds `bpe.npz` (written by
the lab) uses that small tokeniser instead. Code shipped inside a model folder is never executed.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hydrascope.errors import InputError, UsageError
from hydrascope.watermark.encoding import load_tokenizer
from hydrascope.watermark.suspect import Gives, Tokenizer
from hydrascope.watermark.suspect_bpe import read_bpe

__all__ = ["HfSuspect", "HfTokenizer", "folder_fingerprint", "read_hf_tokenizer"]


def folder_fingerprint(folder: Path) -> str:
    """Digest over the names and bytes of the folder's files."""
    digest = hashlib.sha256(b"hydrascope-folder-v1\x00")
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\x00")
        with path.open("rb") as data:
            digest.update(hashlib.file_digest(data, "sha256").digest())
    return digest.hexdigest()


def _extra(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError:
        raise UsageError(
            f"a model folder needs {name}", hint="pip install 'hydrascope[transformers]'"
        ) from None


class HfTokenizer:
    """A `tokenizer.json` behind our protocol.

    Args:
        file: the `tokenizer.json`, or a folder with one.

    Raises:
        UsageError: the `tokenizers` library is missing.
        InputError: there is none, or it cannot be read.
    """

    def __init__(self, file: Path) -> None:
        # The same name for a vocabulary as the key registry uses, so that the two can be compared.
        self._inner = load_tokenizer(str(file)).inner  # type: ignore[attr-defined]
        self.fingerprint = load_tokenizer(str(file)).fingerprint
        self.vocab_size = int(self._inner.get_vocab_size(with_added_tokens=True))

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Token ids, no special tokens."""
        return np.array(self._inner.encode(text, add_special_tokens=False).ids, np.int32)

    def decode(self, tokens: npt.NDArray[np.integer]) -> str:
        """Text of token ids."""
        return str(self._inner.decode(tokens.tolist(), skip_special_tokens=False))


def read_hf_tokenizer(folder: Path) -> Tokenizer:
    """The tokeniser of a model folder.

    Raises:
        UsageError: the extra is missing.
        InputError: the folder holds none.
    """
    small = folder / "bpe.npz"
    return read_bpe(small) if small.exists() else HfTokenizer(folder)


class HfSuspect:
    """A causal language model in a local folder.

    Args:
        folder: as `save_pretrained` writes it.
        temperature: of sampled answers.

    Raises:
        UsageError: torch or transformers is missing.
        InputError: the folder holds no model that can be read without running its own code.
    """

    def __init__(self, folder: Path, *, temperature: float = 0.7) -> None:
        self._torch = _extra("torch")
        _extra("transformers")
        from transformers import AutoModelForCausalLM

        try:
            self._model = AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            ).eval()
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read a model folder: {error}", file=str(folder)) from None
        self._folder, self._temperature = folder, temperature
        self.name = str(folder)
        self.tokenizer = read_hf_tokenizer(folder)
        self.gives: frozenset[Gives] = frozenset({"distributions", "top_probs", "sequence_logprob", "text"})
        limit = getattr(self._model.config, "max_position_embeddings", None)
        self.longest = int(limit) if limit else 2048

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the folder."""
        return folder_fingerprint(self._folder)

    def next_probs(self, tokens: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """(n, V) distribution after each token; texts beyond the model's length are read in windows."""
        torch, parts = self._torch, []
        half = self.longest // 2
        with torch.inference_mode():
            for start in range(0, max(len(tokens), 1), half):
                low = max(0, start - half)
                ids = torch.as_tensor(np.asarray(tokens[low : start + half], np.int64))[None]
                logits = self._model(input_ids=ids).logits[0, start - low :].float()
                parts.append(torch.softmax(logits, -1).numpy()[:, : self.tokenizer.vocab_size])
        return np.concatenate(parts)

    def top_probs(
        self, tokens: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """The 20 likeliest tokens after each token."""
        rows = self.next_probs(tokens)
        ids = np.argsort(-rows, axis=1, kind="stable")[:, :20].astype(np.int32)
        return ids, np.take_along_axis(rows, ids, axis=1)

    def sequence_logprob(self, prompt: str, text: str) -> float:
        """log p(text | prompt), nats."""
        before, after = self.tokenizer.encode(prompt), self.tokenizer.encode(text)
        if len(after) == 0 or len(before) == 0:
            return 0.0
        rows = self.next_probs(np.concatenate([before, after]))
        steps = rows[len(before) - 1 : -1][np.arange(len(after)), after]
        return float(np.log(np.maximum(steps, 1e-30)).sum())

    def complete(self, prompt: str, n_tokens: int, seed: int) -> str:
        """One sampled answer."""
        torch = self._torch
        ids = torch.as_tensor(np.asarray(self.tokenizer.encode(prompt), np.int64))[None]
        ids = ids[:, -(self.longest - n_tokens) :]
        n_before = ids.shape[1]
        generator = torch.Generator().manual_seed(seed)
        with torch.inference_mode():
            for _ in range(n_tokens):
                logits = self._model(input_ids=ids[:, -self.longest :]).logits[0, -1].float()
                p = torch.softmax(logits / self._temperature, -1)[: self.tokenizer.vocab_size]
                ids = torch.cat([ids, torch.multinomial(p, 1, generator=generator)[None]], 1)
        return self.tokenizer.decode(ids[0, n_before:].numpy())
