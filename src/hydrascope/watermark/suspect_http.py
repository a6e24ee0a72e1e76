"""An OpenAI-compatible completions API as a suspect, over the standard library's HTTP client.

What the API gives is found out by asking, once:

    prompt_logprobs   vLLM and alike: top-k by token id at each place of the prompt
    echo + logprobs   top-k by token string at each place of the prompt
    neither           only sampled text

Token strings or decoded ids that come back are held against the tokeniser of the marked text, so that another
tokeniser is noticed from the answers instead of being taken on trust. Where the served token itself is added
to a returned top-k (it always is, by these APIs), it is dropped unless it is among the k likeliest: kept
because it was served, it would lean green under the true key whoever the suspect is.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hydrascope.errors import InputError, RefusalError
from hydrascope.watermark.suspect import Gives, Tokenizer, need

__all__ = ["KEY_VARIABLE", "HttpSuspect"]

KEY_VARIABLE = "HYDRASCOPE_SUSPECT_API_KEY"
TOP_K = 20
_PROBE = "The quick brown fox"


class HttpSuspect:
    """A model behind `POST {url}/completions`.

    Args:
        url: up to and including `/v1`.
        model: name the API knows the model by.
        marked: tokeniser of the marked text, against which returned tokens are checked; None: no weights.
        timeout_s: of one request.
        retries: after a connection error, 429 or 5xx, with doubling pauses.
        pause_s: first pause.
        temperature: of sampled answers.

    Raises:
        InputError: the API cannot be reached or answers something else than completions.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        marked: Tokenizer | None = None,
        timeout_s: float = 60.0,
        retries: int = 4,
        pause_s: float = 0.5,
        temperature: float = 0.7,
    ) -> None:
        self.name = f"{url.rstrip('/')}#{model}"
        self._url, self._model, self._marked = url.rstrip("/") + "/completions", model, marked
        self._timeout_s, self._retries, self._pause_s = timeout_s, retries, pause_s
        self.fingerprint = hashlib.sha256(f"api {self.name}".encode()).hexdigest()
        self._temperature = temperature

    def _post(self, **fields: Any) -> dict[str, Any]:
        body = json.dumps({"model": self._model, "prompt": "", **fields}).encode()
        headers = {"Content-Type": "application/json"}
        if os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {os.environ[KEY_VARIABLE]}"
        request = urllib.request.Request(self._url, body, headers)
        for attempt in range(self._retries + 1):
            try:
                with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:
                    return dict(json.load(answer)["choices"][0])
            except urllib.error.HTTPError as error:
                if error.code != 429 and error.code < 500:
                    raise _RefusedError(f"the API answers {error.code}: {_reason(error)}") from None
                wrong: Exception = error
            except (OSError, http.client.HTTPException) as error:
                wrong = error
            except (ValueError, KeyError, IndexError, TypeError) as error:
                raise InputError(f"{self.name} does not answer like a completions API: {error}") from None
            if attempt < self._retries:
                time.sleep(self._pause_s * 2**attempt)
        raise InputError(
            f"{self.name} cannot be reached: {wrong}", hint="run the same command again to resume"
        )

    @cached_property
    def route(self) -> str:
        """ "prompt_logprobs", "echo" or "text": how prompts are scored."""
        try:
            if self._post(prompt=_PROBE, max_tokens=1, prompt_logprobs=TOP_K).get("prompt_logprobs"):
                return "prompt_logprobs"
            choice = self._post(prompt=_PROBE, max_tokens=1, echo=True, logprobs=TOP_K)
        except _RefusedError:
            return self._echo_or_text()
        return "echo" if _echoed(choice) else "text"

    def _echo_or_text(self) -> str:
        try:
            return (
                "echo" if _echoed(self._post(prompt=_PROBE, max_tokens=1, echo=True, logprobs=5)) else "text"
            )
        except _RefusedError:
            self._post(prompt=_PROBE, max_tokens=1)
            return "text"

    @cached_property
    def gives(self) -> frozenset[Gives]:
        """Text always; scores where a probe came back with them."""
        if self.route == "text":
            return frozenset({"text"})
        scored: frozenset[Gives] = frozenset({"text", "sequence_logprob"})
        return scored if self._marked is None else scored | {"top_probs"}

    @property
    def tokenizer(self) -> Tokenizer | None:
        """Unknown; `top_probs` checks each answer against the tokeniser of the marked text."""
        return None

    def next_probs(self, tokens: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """An API gives no whole distributions."""
        need(self, "distributions")
        raise AssertionError

    def top_probs(
        self, tokens: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """The k likeliest tokens after each token but the last, by our ids; -1 where there are fewer.

        Raises:
            RefusalError: no prompt log-probabilities, or the API splits the text into other tokens than ours.
        """
        need(self, "top_probs")
        rows = self._by_id(tokens) if self.route == "prompt_logprobs" else self._by_string(tokens)
        ids = np.full((len(tokens), TOP_K), -1, np.int32)
        probs = np.zeros((len(tokens), TOP_K), np.float32)
        for i, row in enumerate(rows):
            for j, (token, logprob) in enumerate(row):
                ids[i, j], probs[i, j] = token, np.exp(logprob)
        return ids, probs

    def _by_id(self, tokens: npt.NDArray[np.int32]) -> list[list[tuple[int, float]]]:
        assert self._marked is not None
        try:
            choice = self._post(prompt=tokens.tolist(), max_tokens=1, prompt_logprobs=TOP_K)
        except _RefusedError:
            raise self._other_tokens() from None
        places = choice.get("prompt_logprobs") or []
        if len(places) != len(tokens):
            raise self._other_tokens()
        rows = []
        for place in places[1:]:
            listed = [(int(t), float(e["logprob"]), e.get("decoded_token")) for t, e in (place or {}).items()]
            if any(t >= self._marked.vocab_size for t, _, _ in listed):
                raise self._other_tokens()
            self._check_decoded([(t, text) for t, _, text in listed])
            rows.append(_likeliest([(t, p) for t, p, _ in listed]))
        return rows

    def _check_decoded(self, listed: list[tuple[int, str | None]]) -> None:
        assert self._marked is not None
        for token, text in listed:
            own = self._marked.decode(np.array([token]))
            if text is not None and "\ufffd" not in own + text and own != text:
                raise self._other_tokens()

    def _by_string(self, tokens: npt.NDArray[np.int32]) -> list[list[tuple[int, float]]]:
        assert self._marked is not None
        choice = self._post(prompt=self._marked.decode(tokens), max_tokens=1, echo=True, logprobs=TOP_K)
        scores = choice["logprobs"]
        ours = [self._marked.decode(tokens[i : i + 1]) for i in range(len(tokens))]
        if scores["tokens"][: len(tokens)] != ours:
            raise self._other_tokens()
        ids = self._id_of
        return [
            _likeliest([(ids[text], p) for text, p in (top or {}).items() if text in ids])
            for top in scores["top_logprobs"][1 : len(tokens)]
        ]

    @cached_property
    def _id_of(self) -> Mapping[str, int]:
        """Token string to id, where it names just one (bytes outside UTF-8 do not)."""
        assert self._marked is not None
        seen: dict[str, int] = {}
        twice: set[str] = {""}
        for token in range(self._marked.vocab_size):
            text = self._marked.decode(np.array([token]))
            twice |= {text} if text in seen else set()
            seen[text] = token
        return {text: token for text, token in seen.items() if text not in twice}

    def _other_tokens(self) -> RefusalError:
        return RefusalError(
            f"{self.name} splits text into other tokens than the tokeniser of the marked text",
            hint="use --mode text: sampled answers are re-encoded; or name the right --tokenizer",
        )

    def sequence_logprob(self, prompt: str, text: str) -> float:
        """log p(text | prompt), nats, over the tokens that begin inside `text`."""
        need(self, "sequence_logprob")
        if self.route == "echo":
            scores = self._post(prompt=prompt + text, max_tokens=1, echo=True, logprobs=1)["logprobs"]
            end = len(prompt) + len(text)
            placed = zip(scores["text_offset"], scores["token_logprobs"], strict=True)
            return float(sum(p for at, p in placed if len(prompt) <= at < end and p is not None))
        return self._prompt_total(prompt + text) - (self._prompt_total(prompt) if prompt else 0.0)

    def _prompt_total(self, text: str) -> float:
        """Sum over a whole prompt. The token that stands there is the entry that comes first in vLLM's answer."""
        places = self._post(prompt=text, max_tokens=1, prompt_logprobs=1).get("prompt_logprobs") or []
        return float(sum(next(iter(place.values()))["logprob"] for place in places if place))

    def complete(self, prompt: str, n_tokens: int, seed: int) -> str:
        """One sampled answer."""
        choice = self._post(prompt=prompt, max_tokens=n_tokens, seed=seed, temperature=self._temperature)
        return str(choice["text"])


class _RefusedError(InputError):
    """The API understood and said no (4xx)."""


def _reason(error: urllib.error.HTTPError) -> str:
    return error.read(200).decode("utf-8", "replace").strip() or str(error.reason)


def _echoed(choice: Mapping[str, Any]) -> bool:
    scores = choice.get("logprobs") or {}
    return str(choice.get("text", "")).startswith(_PROBE) and len(scores.get("token_logprobs") or []) > 1


def _likeliest(listed: list[tuple[int, float]]) -> list[tuple[int, float]]:
    return sorted(listed, key=lambda entry: (-entry[1], entry[0]))[:TOP_K]
