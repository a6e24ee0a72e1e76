"""Values out of loosely shaped JSON: nested lookups, JSON inside strings, text out of message parts, hashed keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

__all__ = [
    "first",
    "headers_of",
    "hidden_key",
    "join_text",
    "mapping",
    "opened",
    "pick",
    "sequence",
    "text_of",
]

_decoder = msgspec.json.Decoder()
_TEXT_PARTS = frozenset({None, "text", "input_text", "output_text", "refusal", "message"})


def opened(value: Any) -> Any:
    """The value; a JSON object or list inside a string (exports double-encode) is decoded."""
    if isinstance(value, msgspec.Raw):
        value = _decoder.decode(value) if bytes(value) else None
    if isinstance(value, str) and value[:64].lstrip()[:1] in ("{", "["):
        try:
            return _decoder.decode(value)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return value
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    """The value as an object; an empty one where it is none."""
    value = opened(value)
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """The value as a list; an empty one where it is none."""
    value = opened(value)
    return value if isinstance(value, list) else []


def pick(record: Any, *path: str) -> Any:
    """A nested value, or None; objects inside strings are opened on the way."""
    for name in path:
        record = mapping(record).get(name)
        if record is None:
            return None
    return record


def first(record: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The first value that is neither null nor an empty string, under any of the names."""
    for name in names:
        value = record.get(name)
        if value is not None and value != "":
            return value
    return None


def headers_of(*candidates: Any) -> dict[str, str]:
    """Headers with lower-case names, from an object, a list of pairs or a list of name/value objects."""
    found: dict[str, str] = {}
    for candidate in candidates:
        value = opened(candidate)
        pairs: Iterable[Any] = value.items() if isinstance(value, dict) else map(_pair, sequence(value))
        for name, text in pairs:
            if isinstance(text, list) and text:
                text = text[0]
            if isinstance(name, str) and isinstance(text, (str, int, float)):
                found.setdefault(name.lower(), str(text))
    return found


def _pair(value: Any) -> tuple[Any, Any]:
    if isinstance(value, dict):
        return value.get("name") or value.get("key"), value.get("value")
    return (value[0], value[1]) if isinstance(value, list) and len(value) == 2 else (None, None)


def hidden_key(secret: Any) -> str | None:
    """A stable name for an API key that may be the key itself: a secret is hashed, an id is kept.

    >>> hidden_key("key_7f3a")
    'key_7f3a'
    >>> hidden_key("Bearer sk-live-0123456789abcdef")
    'sha256:8598adc12a31721cf5d432fd'
    """
    if not isinstance(secret, str) or not secret.strip():
        return None
    bare = secret.strip()
    for scheme in ("Bearer ", "bearer ", "Basic ", "Token "):
        bare = bare.removeprefix(scheme)
    if bare == secret.strip() and not bare.startswith(("sk-", "sk_", "AIza", "AKIA", "eyJ", "xai-", "gsk_")):
        return bare
    return "sha256:" + hashlib.sha256(bare.encode("utf-8", "replace")).hexdigest()[:24]


def text_of(content: Any) -> str | None:
    """The text of a message's content; images, audio, files, reasoning and tool traffic are left out.

    >>> text_of([{"type": "text", "text": "Look: "}, {"type": "image_url"}, {"text": "a cat?"}])
    'Look: \\na cat?'
    """
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return _part_text(content)
    if isinstance(content, list):
        return join_text(map(_part_text, content), "\n")
    return None


def _part_text(part: Any) -> str | None:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict) or part.get("type") not in _TEXT_PARTS or part.get("thought") is True:
        return None
    guarded = part.get("guardContent")
    if isinstance(guarded, dict):  # Bedrock's mark for text under a guardrail
        return _part_text(guarded.get("text"))
    for name in ("text", "content", "input_text", "output_text", "refusal", "value"):
        found = part.get(name)
        if isinstance(found, str):
            return found
        if isinstance(found, dict) and isinstance(found.get("value"), str):
            return found["value"]
    return None


def join_text(texts: Iterable[str | None], between: str) -> str | None:
    """The texts that there are, joined; None where there is none."""
    there = [text for text in texts if text]
    return between.join(there) if there else None
