"""Response bodies of every provider shape as contract columns, streamed or not.

A streamed response is logged as a list of chunks, or as the text of a server-sent event stream; the chunks of
six dialects are told apart by their keys and put together again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hydrascope.ingest.formats.base import Row
from hydrascope.ingest.formats.signatures import signatures_of
from hydrascope.ingest.formats.values import first, join_text, mapping, opened, pick, sequence, text_of

__all__ = ["read_response", "read_usage"]


def read_response(body: Any) -> Row:
    """completion, stop_reason, token counts, signatures and `_response_id`; an empty row where it is no known shape."""
    body = opened(body)
    if isinstance(body, str):
        chunks = _event_stream(body)
        return read_response(chunks) if chunks else {"completion": body or None}
    if isinstance(body, list):
        return _read_chunks([chunk for item in body if isinstance(chunk := _unwrapped(item), dict)])
    if not isinstance(body, dict):
        return {}
    if len(body) == 1 and (chunks := _chunk_list(body)):
        return read_response(chunks)
    row: Row = {"_response_id": body.get("id"), "_created": first(body, ("created", "created_at"))}
    row.update(_answer(body))
    row.update(_sealed(body))
    row.update(read_usage(first(body, ("usage", "usageMetadata", "usage_metadata"))))
    return row


def _sealed(said: Any) -> Row:
    found = signatures_of(said)
    return {"signatures": found} if found else {}


def _chunk_list(body: Mapping[str, Any]) -> list[Any]:
    return sequence(first(body, ("chunks", "events", "stream")))


def _unwrapped(item: Any) -> Any:
    """A chunk as an object; server-sent lines and `{"chunk": ...}`, `{"event", "data"}` wrappers are taken off."""
    if isinstance(item, str):
        item = opened(item.removeprefix("data:").strip())
    if isinstance(item, dict):
        for wrapper in ("data", "chunk"):
            inner = opened(item.get(wrapper))
            if isinstance(inner, dict) and len(item) <= 3:
                return mapping(inner.get("bytes")) or inner
    return item


def _event_stream(text: str) -> list[Any]:
    if not text.lstrip().startswith(("data:", "event:", ":")):
        return []
    lines = (line[5:].strip() for line in text.splitlines() if line.startswith("data:"))
    return [chunk for line in lines if isinstance(chunk := opened(line), (dict, list))]


def _answer(body: Mapping[str, Any]) -> Row:
    """completion and stop_reason of a whole response."""
    for shape in (_chat, _gemini, _responses, _converse, _anthropic, _vendor):
        found = shape(body)
        if found is not None:
            return found
    return {}


def _chat(body: Mapping[str, Any]) -> Row | None:
    choice = next(iter(sequence(body.get("choices"))), None)
    if not isinstance(choice, dict):
        return None
    text = text_of(mapping(choice.get("message")).get("content")) or text_of(choice.get("text"))
    return {"completion": text, "stop_reason": first(choice, ("finish_reason", "stop_reason"))}


def _gemini(body: Mapping[str, Any]) -> Row | None:
    candidate = next(iter(sequence(body.get("candidates"))), None)
    if not isinstance(candidate, dict):
        return None
    parts = pick(candidate, "content", "parts")
    text = join_text((text_of(p) for p in sequence(parts)), "")
    return {"completion": text, "stop_reason": first(candidate, ("finishReason", "finish_reason"))}


def _responses(body: Mapping[str, Any]) -> Row | None:
    output = body.get("output")
    if not isinstance(output, list):
        return None
    said = (
        text_of(item.get("content"))
        for item in output
        if isinstance(item, dict) and item.get("type") == "message"
    )
    reason = pick(body, "incomplete_details", "reason") or body.get("status")
    return {"completion": join_text(said, "\n"), "stop_reason": reason}


def _converse(body: Mapping[str, Any]) -> Row | None:
    message = pick(body, "output", "message")
    if not isinstance(message, dict):
        return None
    return {"completion": text_of(message.get("content")), "stop_reason": body.get("stopReason")}


def _anthropic(body: Mapping[str, Any]) -> Row | None:
    if "content" not in body:
        return None
    return {"completion": text_of(body["content"]), "stop_reason": first(body, ("stop_reason", "stopReason"))}


def _vendor(body: Mapping[str, Any]) -> Row | None:
    """Text completions: legacy Anthropic, Titan, Llama, Mistral, Cohere, Vertex predict."""
    text = text_of(first(body, ("completion", "generation", "outputText", "text")))
    item = next(iter(sequence(first(body, ("results", "outputs", "generations", "predictions")))), None)
    if text is None and isinstance(item, dict):
        text = text_of(first(item, ("outputText", "text", "content")))
    if text is None:
        return None
    source = item if isinstance(item, dict) else body
    reason = first(source, ("completionReason", "stop_reason", "finish_reason")) or body.get("stop_reason")
    counts = {
        "input_tokens": body.get("prompt_token_count"),
        "output_tokens": body.get("generation_token_count"),
    }
    return {"completion": text, "stop_reason": reason, **{k: v for k, v in counts.items() if v is not None}}


def read_usage(usage: Any) -> Row:
    """Token counts. Input counts cached tokens, output counts reasoning tokens, whatever the provider calls them."""
    usage = mapping(usage)
    if not usage:
        return {}
    names = ("prompt_tokens", "input_tokens", "inputTokens", "promptTokenCount", "prompt_token_count")
    row: Row = {"input_tokens": first(usage, names)}
    if "input_tokens" in usage and isinstance(row["input_tokens"], int) and "prompt_tokens" not in usage:
        cached = (usage.get("cache_creation_input_tokens"), usage.get("cache_read_input_tokens"))
        row["input_tokens"] += sum(n for n in cached if isinstance(n, int))
    row["output_tokens"] = first(usage, ("completion_tokens", "output_tokens", "outputTokens"))
    thoughts = first(usage, ("thoughtsTokenCount", "thoughts_token_count"))
    said = first(usage, ("candidatesTokenCount", "candidates_token_count"))
    if isinstance(said, int) or isinstance(thoughts, int):
        row["output_tokens"] = (said or 0) + (thoughts or 0)
    details = first(usage, ("completion_tokens_details", "output_tokens_details"))
    row["reasoning_tokens"] = mapping(details).get("reasoning_tokens") if thoughts is None else thoughts
    return {name: value for name, value in row.items() if value is not None}


def _read_chunks(chunks: list[Mapping[str, Any]]) -> Row:
    if not chunks:
        return {}
    for sign, read in _DIALECTS:
        if any(sign(chunk) for chunk in chunks):
            row = read(chunks)
            break
    else:
        return read_response(chunks[0]) if len(chunks) == 1 else {}
    metrics = next((m for c in chunks if (m := mapping(c.get("amazon-bedrock-invocationMetrics")))), {})
    if metrics:
        row.setdefault("input_tokens", metrics.get("inputTokenCount"))
        row.setdefault("output_tokens", metrics.get("outputTokenCount"))
        row["duration_ms"] = metrics.get("invocationLatency")
    return row


def _chat_chunks(chunks: list[Mapping[str, Any]]) -> Row:
    row: Row = {"_response_id": chunks[0].get("id"), "_created": chunks[0].get("created")}
    said: list[str | None] = []
    for chunk in chunks:
        choice = mapping(next(iter(sequence(chunk.get("choices"))), None))
        if choice.get("index", 0) == 0:
            said.append(text_of(mapping(choice.get("delta")).get("content")) or text_of(choice.get("text")))
        row["stop_reason"] = choice.get("finish_reason") or row.get("stop_reason")
        row.update(read_usage(chunk.get("usage")))
    return {**row, **_sealed(chunks), "completion": join_text(said, "")}


def _responses_chunks(chunks: list[Mapping[str, Any]]) -> Row:
    for chunk in reversed(chunks):
        if chunk.get("type") in ("response.completed", "response.incomplete", "response.failed"):
            return read_response(chunk.get("response"))
    said = (text_of(c.get("delta")) for c in chunks if c.get("type") == "response.output_text.delta")
    return {
        **_sealed(chunks),
        "completion": join_text(said, ""),
        "_response_id": pick(chunks[0], "response", "id"),
    }


def _anthropic_chunks(chunks: list[Mapping[str, Any]]) -> Row:
    row: Row = {}
    said: list[str | None] = []
    for chunk in chunks:
        kind, delta = chunk.get("type"), mapping(chunk.get("delta"))
        if kind == "message_start":
            message = mapping(chunk.get("message"))
            row["_response_id"] = message.get("id")
            row.update(read_usage(message.get("usage")))
        elif kind == "content_block_start":
            said.append(text_of(chunk.get("content_block")))
        elif kind == "content_block_delta":
            said.append(text_of(delta.get("text")))
        elif kind == "message_delta":
            row["stop_reason"] = delta.get("stop_reason") or row.get("stop_reason")
            usage = mapping(chunk.get("usage"))
            row["output_tokens"] = usage.get("output_tokens", row.get("output_tokens"))
    return {**row, **_sealed(chunks), "completion": join_text(said, "")}


def _converse_chunks(chunks: list[Mapping[str, Any]]) -> Row:
    row: Row = {}
    said: list[str | None] = []
    for chunk in chunks:
        said.append(text_of(pick(chunk, "contentBlockDelta", "delta", "text")))
        row["stop_reason"] = pick(chunk, "messageStop", "stopReason") or row.get("stop_reason")
        metadata = mapping(chunk.get("metadata"))
        row.update(read_usage(metadata.get("usage")))
        row["duration_ms"] = pick(metadata, "metrics", "latencyMs") or row.get("duration_ms")
    return {**row, **_sealed(chunks), "completion": join_text(said, "")}


def _whole_chunks(chunks: list[Mapping[str, Any]]) -> Row:
    """Dialects whose chunks look like small whole responses: Gemini, Titan, Llama."""
    row: Row = {}
    said: list[str | None] = []
    for chunk in chunks:
        part = read_response(chunk)
        said.append(part.pop("completion", None))
        row.update({k: v for k, v in part.items() if v is not None})
    return {**row, **_sealed(chunks), "completion": join_text(said, "")}


_Chunk = Mapping[str, Any]
_DIALECTS: tuple[tuple[Callable[[_Chunk], bool], Callable[[list[_Chunk]], Row]], ...] = (
    (lambda c: str(c.get("type", "")).startswith("response."), _responses_chunks),
    (lambda c: c.get("type") in ("message_start", "content_block_delta"), _anthropic_chunks),
    (lambda c: "contentBlockDelta" in c or "messageStop" in c, _converse_chunks),
    (lambda c: "choices" in c, _chat_chunks),
    (
        lambda c: "candidates" in c or "generation" in c or "outputText" in c or "completion" in c,
        _whole_chunks,
    ),
)
