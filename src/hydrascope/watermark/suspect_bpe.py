"""A byte-level BPE tokeniser small enough to ship inside a model file: 256 bytes and a list of merges."""

from __future__ import annotations

import hashlib
import re
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hydrascope.errors import InputError

__all__ = ["BpeTokenizer", "read_bpe", "split_words"]

_WORDS = re.compile(r" ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")
_CACHED_WORDS = 200_000


def split_words(text: str) -> list[str]:
    """Pieces that no merge crosses: a word, number or run of signs with the space before it, or white space.

    >>> split_words("two  marks, 3x")
    ['two', ' ', ' marks', ',', ' 3', 'x']
    """
    return _WORDS.findall(text)


class BpeTokenizer:
    """Encode by applying merges in the order they were learned.

    Args:
        merges: (n, 2) ids; merge i makes id `256 + i`. Ids below 256 are bytes.
    """

    def __init__(self, merges: npt.NDArray[np.integer]) -> None:
        self.merges = np.ascontiguousarray(merges, np.int32).reshape(-1, 2)
        self._rank = {(int(a), int(b)): i for i, (a, b) in enumerate(self.merges)}
        self._words: dict[str, list[int]] = {}

    @property
    def vocab_size(self) -> int:
        """Bytes and merges."""
        return 256 + len(self.merges)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the merges."""
        return hashlib.sha256(b"hydrascope-bpe-v1\x00" + self.merges.astype("<i4").tobytes()).hexdigest()

    @cached_property
    def token_bytes(self) -> list[bytes]:
        """Id to bytes."""
        table = [bytes([i]) for i in range(256)]
        for a, b in self.merges:
            table.append(table[a] + table[b])
        return table

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Token ids of a text."""
        ids: list[int] = []
        for word in split_words(text):
            known = self._words.get(word)
            ids.extend(self._encode_word(word) if known is None else known)
        return np.array(ids, np.int32)

    def _encode_word(self, word: str) -> list[int]:
        ids = list(word.encode("utf-8", "replace"))
        while len(ids) > 1:
            ranks = [(self._rank.get(pair, 1 << 30), i) for i, pair in enumerate(pairwise(ids))]
            rank, at = min(ranks)
            if rank == 1 << 30:
                break
            ids[at : at + 2] = [256 + rank]
        if len(self._words) < _CACHED_WORDS:
            self._words[word] = ids
        return ids

    def decode(self, tokens: npt.NDArray[np.integer]) -> str:
        """Text of token ids; broken UTF-8 becomes the replacement sign."""
        return b"".join([self.token_bytes[t] for t in tokens.tolist()]).decode("utf-8", "replace")


def read_bpe(path: Path) -> BpeTokenizer:
    """The tokeniser inside an npz: a model file of the lab, or `bpe.npz` alone.

    Raises:
        InputError: the file holds none.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            return BpeTokenizer(held["merges"])
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise InputError(f"there is no tokeniser in this file: {error}", file=str(path)) from None
