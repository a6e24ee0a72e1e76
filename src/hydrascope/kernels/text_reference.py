"""The text sketch in plain Python, for tests: the same rules as `kernels.text`, written the slow and obvious way."""

from __future__ import annotations

from collections.abc import Iterator

from hydrascope.kernels.text_classes import (
    DIGIT,
    SCRIPTS,
    SEPARATOR,
    SINGLE,
    SKIP,
    TABLE_SIZE,
    class_table,
)

__all__ = ["mix_reference", "passages_reference", "sketch_reference", "tokenize_reference"]

_MASK = 2**64 - 1
_SEED = 0x9E3779B97F4A7C15
_PRIME = 0xD6E8FEB86659FD93
_TOKEN_PRIME = 0xFF51AFD7ED558CCD
_NUMBER = 0x4E554D4245520001
_BASE = 0x2545F4914F6CDD1D


def mix_reference(value: int) -> int:
    """`kernels.text.mix` on Python integers."""
    value ^= value >> 32
    value = value * _PRIME & _MASK
    value ^= value >> 29
    value = value * _TOKEN_PRIME & _MASK
    return value ^ value >> 32


def tokenize_reference(text: bytes) -> list[tuple[int, str, str]]:
    """Tokens of UTF-8 bytes as (kind, folded text, script); what is not UTF-8 separates."""
    tokens: list[tuple[int, str, str]] = []
    run = SEPARATOR
    for folded, kind, script in _classes(text.decode("utf-8", "replace")):
        if kind == SKIP:
            continue
        if kind == run and kind not in (SEPARATOR, SINGLE):
            tokens[-1] = (kind, tokens[-1][1] + folded, tokens[-1][2])
        elif kind != SEPARATOR:
            tokens.append((kind, folded, script))
        run = kind
    return tokens


def sketch_reference(
    text: bytes, *, rate: float, width: int, least: int, limit: int
) -> tuple[int, int, str, list[int]]:
    """Text hash, tokens, dominant script and kept shingles of one text."""
    tokens = tokenize_reference(text)
    text_hash = _SEED
    for _, word, _ in tokens:
        text_hash = _stir(text_hash, _token_hash(word))
    threshold = min(int(rate * 2.0**64), 2**64) - 1
    distinct = sorted(set(_shingles(tokens, width)))
    kept = [s for rank, s in enumerate(distinct) if s <= threshold or rank < least][:limit]
    return (mix_reference(text_hash) if tokens else 0), len(tokens), _dominant(tokens), kept


def passages_reference(text: bytes, *, rate: float, width: int) -> list[int]:
    """Kept passages of one text, each from its own tokens; numbers count as they are."""
    tokens = tokenize_reference(text)
    threshold = min(int(rate * 2.0**64), 2**64) - 1
    found = set()
    for end in range(1, len(tokens) + 1):
        single = tokens[end - 1][0] == SINGLE
        span = 2 * width if single else width
        if end >= span:
            state = 0
            for _, word, _ in tokens[end - span : end]:
                state = (state * _BASE + mix_reference(_chained(word))) & _MASK
            found.add(mix_reference(state ^ _SEED if single else state))
    return sorted(p for p in found if p <= threshold)


def _classes(text: str) -> Iterator[tuple[str, int, str]]:
    table = class_table()
    for character in text:
        code = ord(character)
        if code < TABLE_SIZE:
            packed = int(table[code])
            yield chr(packed & 0x1FFFFF), packed >> 24 & 15, SCRIPTS[packed >> 28]
        elif code < 0x40000:
            yield character, SINGLE, "han"
        else:
            yield character, SKIP if code < 0xF0000 else SEPARATOR, "none"


def _token_hash(word: str) -> int:
    value = _chained(word)
    return value ^ value >> 32


def _chained(word: str) -> int:
    value = _SEED
    for character in word:
        value = (value ^ ord(character)) * _PRIME & _MASK
    return value


def _stir(state: int, token: int) -> int:
    state = (state ^ token) * _TOKEN_PRIME & _MASK
    return state ^ state >> 29


def _shingles(tokens: list[tuple[int, str, str]], width: int) -> list[int]:
    """Every shingle of the stream in which a run of numbers is one class token."""
    stream: list[int] = []
    found: list[int] = []
    previous = SEPARATOR
    for kind, word, _ in tokens:
        if not (kind == DIGIT and previous == DIGIT):
            stream.append(_NUMBER if kind == DIGIT else _token_hash(word))
            span = 2 * width if kind == SINGLE else width
            if len(stream) >= span:
                found.append(_shingle(stream[-span:]))
        previous = kind
    return found if found or not stream else [_shingle(stream)]


def _shingle(tokens: list[int]) -> int:
    state = _SEED + len(tokens) & _MASK
    for token in tokens:
        state = _stir(state, token)
    return mix_reference(state)


def _dominant(tokens: list[tuple[int, str, str]]) -> str:
    counts = dict.fromkeys(SCRIPTS, 0)
    for kind, _, script in tokens:
        counts[script] += kind != DIGIT
    counts["none"] = 0
    if counts["kana"] and 10 * counts["kana"] >= counts["han"] + counts["kana"]:
        counts["kana"] += counts.pop("han")
    best = max(counts, key=lambda script: counts[script])
    return best if counts[best] else "none"
