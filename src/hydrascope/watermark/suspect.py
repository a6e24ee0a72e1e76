"""What an audit asks of a suspect, and what it says when the suspect cannot answer.

    gives                what it lets the audit do
    distributions        weight every (context, token): the minus-reference test, strongest (open weights)
    top_probs            the same on the returned top-k (APIs with prompt log-probabilities)
    sequence_logprob     score sealed twins
    text                 count marks in sampled answers

A suspect is opened by whoever knows its format (`suspect_trigram`, `suspect_hf`, `suspect_http`); the audit
only sees this protocol. Tokenisers are compared by fingerprint: weights from another vocabulary mean nothing,
so the audit refuses them and offers to re-encode sampled text instead.
"""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from hydrascope.errors import RefusalError

__all__ = ["Gives", "Suspect", "Tokenizer", "need", "same_tokenizer"]

Gives = Literal["distributions", "top_probs", "sequence_logprob", "text"]

_WHAT = {
    "distributions": "next-token distributions",
    "top_probs": "prompt log-probabilities",
    "sequence_logprob": "log-probabilities of a given text",
    "text": "sampled text",
}


@runtime_checkable
class Tokenizer(Protocol):
    """Text to token ids and back."""

    @property
    def fingerprint(self) -> str:
        """Hex digest of the vocabulary; equal fingerprints mean equal ids."""

    @property
    def vocab_size(self) -> int:
        """Ids run from 0 to `vocab_size - 1`."""

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Token ids of a text, no special tokens added."""

    def decode(self, tokens: npt.NDArray[np.integer]) -> str:
        """The text of token ids."""


class Suspect(Protocol):
    """A model under audit, or the reference it is held against."""

    @property
    def name(self) -> str:
        """For reports: a path or an address."""

    @property
    def fingerprint(self) -> str:
        """Hex digest of the weights; for an API, of its address and model name."""

    @property
    def gives(self) -> frozenset[Gives]:
        """What it can answer."""

    @property
    def tokenizer(self) -> Tokenizer | None:
        """Its own tokeniser; None where an API does not say."""

    def next_probs(self, tokens: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """(n, vocabulary): row i is the distribution of what follows `tokens[:i + 1]`."""

    def top_probs(
        self, tokens: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """((n, k) ids, (n, k) probabilities) of what follows `tokens[:i + 1]`; id -1 where nothing came back."""

    def sequence_logprob(self, prompt: str, text: str) -> float:
        """log p(text | prompt), nats."""

    def complete(self, prompt: str, n_tokens: int, seed: int) -> str:
        """One sampled answer."""


def need(suspect: Suspect, what: Gives) -> None:
    """Refuse, with the reason, a test that the suspect cannot carry.

    Raises:
        RefusalError: it does not give `what`.
    """
    if what not in suspect.gives:
        hints = {
            "sequence_logprob": "twins need them; there is no text-only version: it has no power",
            "distributions": "audit it as an API: top log-probabilities or sampled text",
            "top_probs": "audit it by sampled text: --mode text",
            "text": "audit it by its log-probabilities: --mode weights",
        }
        raise RefusalError(f"{suspect.name} gives no {_WHAT[what]}", hint=hints[what])


def same_tokenizer(suspect: Suspect, marked: Tokenizer) -> None:
    """Refuse to compare token ids of different vocabularies.

    Raises:
        RefusalError: the suspect's tokeniser is unknown or not that of the marked text.
    """
    own = suspect.tokenizer
    if own is None or own.fingerprint != marked.fingerprint:
        kind = "an unknown" if own is None else "another"
        raise RefusalError(
            f"{suspect.name} has {kind} tokeniser: its token ids are not those the marks were drawn on",
            hint="use --mode text: sampled answers are re-encoded with the tokeniser of the marked text",
        )
