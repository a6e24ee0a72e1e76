"""Sealed reasoning: the opaque tokens that come with an answer, and that a caller has to send back to go on from it.

Anthropic and Bedrock sign a thinking block (`signature`) or redact it (`redacted_thinking` with `data`), OpenAI encrypts
a reasoning item (`encrypted_content`), Gemini a thought (`thoughtSignature`), gateways pass them on under these names or as
`reasoning.encrypted` details. Whoever sends one was given the answer, or has it from who was. They are as long as the reasoning,
so only a digest of each is kept, the same for both alphabets of base64: a client may write a signature otherwise than it came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

__all__ = ["last_signature", "signatures_of"]

_NAMES = frozenset(
    {"signature", "encrypted_content", "thoughtSignature", "thought_signature", "redactedContent"}
)
_SEALED = ("redacted_thinking", "reasoning.encrypted")
"""Types of blocks whose `data` is sealed."""
_ARGUMENTS = frozenset({"input", "arguments", "args"})
"""What a tool is called with: a `signature` there is a function's, or anybody's."""
_NOT_THE_MODELS = frozenset({"user", "human", "system", "developer", "tool", "function"})
_ONE_ALPHABET = str.maketrans("-_", "+/", "=")
_LEAST = 16
"""Characters; shorter ones are no seals."""
_DEEPEST = 12


def signatures_of(value: Any) -> list[str] | None:
    """Digests of distinct signatures anywhere in a response, or in a list of its chunks, in their order; None where there is none."""
    return [_digest(s) for s in dict.fromkeys(_found(value, _DEEPEST))] or None


def last_signature(messages: list[Any]) -> list[str] | None:
    """The signature that a request was sent with last: earlier ones of a conversation were sent with its earlier turns."""
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") in _NOT_THE_MODELS:
            continue
        if found := signatures_of(message):
            return found[-1:]
    return None


def _digest(signature: str) -> str:
    same = signature.translate(_ONE_ALPHABET)
    return hashlib.blake2b(same.encode("utf-8", "replace"), digest_size=12).hexdigest()


def _found(value: Any, deepest: int) -> Iterator[str]:
    if not deepest:
        return
    if isinstance(value, list):
        for item in value:
            if isinstance(item, (dict, list)):
                yield from _found(item, deepest - 1)
    elif isinstance(value, dict):
        sealed = value.get("type") in _SEALED
        for name, held in value.items():
            if isinstance(held, str):
                if len(held) >= _LEAST and (name in _NAMES or (sealed and name == "data")):
                    yield held
            elif isinstance(held, (dict, list)) and name not in _ARGUMENTS:
                yield from _found(held, deepest - 1)
