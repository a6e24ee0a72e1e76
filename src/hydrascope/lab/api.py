"""A trigram model behind an OpenAI-compatible completions API on the loopback address, to try audits on.

It can be made to give as much as real servers give: `prompt_logprobs` by token id (vLLM), `echo` with
log-probabilities by token string, or text alone.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hydrascope.watermark.suspect_trigram import TrigramSuspect

__all__ = ["Gift", "answer_completion", "serve_api"]

Gift = Literal["prompt_logprobs", "echo", "text"]
TOP = 20


def _listed(
    suspect: TrigramSuspect, tokens: npt.NDArray[np.int32]
) -> list[tuple[int, float, list[tuple[int, float]]]]:
    """(token, log p, top) at each place after the first; the first is given no score, as real servers do."""
    rows = np.log(np.maximum(suspect.next_probs(tokens), 1e-30))
    found = []
    for at in range(1, len(tokens)):
        row = rows[at - 1]
        top = np.argsort(-row, kind="stable")[:TOP]
        found.append((int(tokens[at]), float(row[tokens[at]]), [(int(t), float(row[t])) for t in top]))
    return found


def _by_id(suspect: TrigramSuspect, tokens: npt.NDArray[np.int32]) -> list[Any]:
    places: list[Any] = [None]
    for token, logprob, top in _listed(suspect, tokens):
        entries = {token: logprob} | dict(top)
        places.append(
            {
                str(t): {"logprob": p, "decoded_token": suspect.tokenizer.decode(np.array([t]))}
                for t, p in entries.items()
            }
        )
    return places


def _by_string(suspect: TrigramSuspect, tokens: npt.NDArray[np.int32]) -> dict[str, list[Any]]:
    decode = suspect.tokenizer.decode
    texts = [decode(tokens[i : i + 1]) for i in range(len(tokens))]
    ends = np.cumsum([0, *map(len, texts)])
    listed = _listed(suspect, tokens)
    return {
        "tokens": list(texts),
        "text_offset": ends[:-1].tolist(),
        "token_logprobs": [None, *(p for _, p, _ in listed)],
        "top_logprobs": [None, *({decode(np.array([t])): p for t, p in top} for _, _, top in listed)],
    }


def answer_completion(suspect: TrigramSuspect, gift: Gift, request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one completions request.

    Raises:
        ValueError: the request asks for what this server does not give.
    """
    prompt = request["prompt"]
    ids = np.array(prompt, np.int32) if isinstance(prompt, list) else suspect.tokenizer.encode(prompt)
    if len(ids) == 0 or ids.min() < 0 or ids.max() >= suspect.tokenizer.vocab_size:
        raise ValueError("the prompt is empty or holds a token id outside the vocabulary")
    text = prompt if isinstance(prompt, str) else suspect.tokenizer.decode(ids)
    if (request.get("prompt_logprobs") and gift != "prompt_logprobs") or (
        request.get("echo") and gift != "echo"
    ):
        raise ValueError("this server gives no log-probabilities of prompts")
    completion = suspect.complete(text, int(request.get("max_tokens", 16)), int(request.get("seed") or 0))
    choice: dict[str, Any] = {"index": 0, "text": completion, "finish_reason": "length", "logprobs": None}
    if request.get("prompt_logprobs"):
        choice["prompt_logprobs"] = _by_id(suspect, ids)
    if request.get("echo"):
        choice["text"] = text + completion
        if request.get("logprobs"):
            choice["logprobs"] = _by_string(suspect, ids)
    return {"object": "text_completion", "model": request.get("model"), "choices": [choice]}


@contextmanager
def serve_api(suspect: TrigramSuspect, gift: Gift, *, port: int = 0) -> Iterator[str]:
    """Serve on 127.0.0.1; yields the address up to `/v1`.

    Args:
        port: 0 takes a free one.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body, code = answer_completion(suspect, gift, request), 200
            except (ValueError, KeyError) as error:
                body, code = {"error": {"message": str(error)}}, 400
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
