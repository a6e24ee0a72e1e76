"""Request bodies of every provider shape as contract columns.

The prompt is the last user turn that holds text (a turn of tool results alone is the machine's, not the
user's). System text comes from system and developer messages and from the top-level fields. `turns` counts
messages other than system ones, so that the shapes agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydrascope.ingest.formats.base import Row
from hydrascope.ingest.formats.signatures import last_signature
from hydrascope.ingest.formats.values import first, join_text, mapping, opened, pick, sequence, text_of

__all__ = ["message_columns", "read_request", "tool_names"]

_SYSTEM_ROLES = ("system", "developer")
_USER_ROLES = ("user", "human", "USER")
_MAX_TOKENS = (
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "maxOutputTokens",
    "maxTokens",
    "max_new_tokens",
    "max_gen_len",
    "maxTokenCount",
    "max_tokens_to_sample",
    "max_output_length",
)
_PARAMETER_TABLES = (
    "inferenceConfig",
    "generationConfig",
    "generation_config",
    "textGenerationConfig",
    "parameters",
)


def read_request(body: Any) -> Row:
    """Contract columns of a request body; an empty row where it is no known shape."""
    body = opened(body)
    if isinstance(body, str):
        return {"prompt": body, "turns": 1}
    if isinstance(body, list):
        return message_columns(body, None)
    if not isinstance(body, dict):
        return {}
    row = _conversation(body)
    row.update(_parameters(body))
    row["model"] = first(body, ("model", "modelId", "model_id"))
    row["tools"] = tool_names(body)
    row["end_user_id"] = _end_user(body)
    return row


def _conversation(body: Mapping[str, Any]) -> Row:
    if "contents" in body:  # Gemini
        system = first(body, ("systemInstruction", "system_instruction"))
        return message_columns(sequence(_listed(body["contents"])), _gemini_text(system))
    if "messages" in body:  # OpenAI chat, Anthropic, Converse, Nova
        return message_columns(sequence(body["messages"]), text_of(opened(body.get("system"))))
    if "input" in body:  # OpenAI Responses
        given = opened(body["input"])
        system = text_of(body.get("instructions"))
        if isinstance(given, str):
            return {"prompt": given, "system": system, "turns": 1}
        return message_columns(sequence(given), system)
    return _bare_prompt(body)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


def _gemini_text(content: Any) -> str | None:
    content = opened(content)
    return text_of(content.get("parts", content)) if isinstance(content, dict) else text_of(content)


def _bare_prompt(body: Mapping[str, Any]) -> Row:
    """Completions of one string: OpenAI legacy, Titan, Llama, Mistral, Cohere."""
    prompt = first(body, ("prompt", "inputText", "message", "query"))
    if isinstance(prompt, list):
        prompt = join_text((p for p in prompt if isinstance(p, str)), "\n")
    if not isinstance(prompt, str):
        instance = next(iter(sequence(body.get("instances"))), None)  # Vertex predict
        return _bare_prompt(instance) if isinstance(instance, dict) else {}
    history = sequence(body.get("chat_history"))
    return {"prompt": prompt, "system": text_of(body.get("preamble")), "turns": len(history) + 1}


def message_columns(messages: list[Any], system: str | None) -> Row:
    """prompt, system, turns and, where there is one, the last signature of a list of messages in any provider's shape."""
    systems = [system]
    prompt: str | None = None
    turns = 0
    for message in messages:
        if isinstance(message, str):
            prompt, turns = message, turns + 1
            continue
        if not isinstance(message, dict):
            continue
        message = mapping(message.get("message")) or message if "role" not in message else message
        role = message.get("role") or message.get("type") or "user"
        content = _content(message)
        if role in _SYSTEM_ROLES:
            systems.append(text_of(content))
            continue
        turns += 1
        if role in _USER_ROLES:
            text = text_of(content)
            prompt = text if text else prompt
    columns: Row = {"prompt": prompt, "system": join_text(systems, "\n\n"), "turns": turns or None}
    sealed = last_signature(messages)
    return columns | {"sent_signatures": sealed} if sealed else columns


def _content(message: Mapping[str, Any]) -> Any:
    content = first(message, ("content", "parts", "contents"))
    return (
        opened(content)
        if isinstance(content, str) and content[:2] in ("[{", '{"') and _is_parts(content)
        else content
    )


def _is_parts(content: str) -> bool:
    """Message parts double-encoded by an exporter, and not a user who writes JSON."""
    value = opened(content)
    parts = value if isinstance(value, list) else [value]
    return all(isinstance(p, dict) and "type" in p and ("text" in p or "content" in p) for p in parts)


def _parameters(body: Mapping[str, Any]) -> Row:
    tables = [body, *(mapping(body.get(name)) for name in _PARAMETER_TABLES)]
    row: Row = {}
    for table in tables:
        row.setdefault("temperature", table.get("temperature"))
        row["temperature"] = table.get("temperature") if row["temperature"] is None else row["temperature"]
        row["top_p"] = first(table, ("top_p", "topP", "p")) if row.get("top_p") is None else row["top_p"]
        row["max_tokens"] = first(table, _MAX_TOKENS) if row.get("max_tokens") is None else row["max_tokens"]
    row["reasoning"] = _reasoning(body)
    return row


def _reasoning(body: Mapping[str, Any]) -> bool | None:
    """Whether reasoning is asked for; None where the request does not say."""
    effort = body.get("reasoning_effort") or pick(body, "reasoning", "effort")
    if isinstance(effort, str):
        return effort != "none"
    extra = mapping(body.get("additionalModelRequestFields"))
    thinking = mapping(body.get("thinking") or extra.get("thinking") or extra.get("reasoning_config"))
    if thinking:
        return thinking.get("type") not in ("disabled", None)
    for table in ("generationConfig", "generation_config"):
        config = first(mapping(body.get(table)), ("thinkingConfig", "thinking_config"))
        if isinstance(config, dict):
            return first(config, ("thinkingBudget", "thinking_budget")) != 0
    return True if mapping(body.get("reasoning")) else None


def tool_names(body: Mapping[str, Any]) -> list[str] | None:
    """Names of the declared tools, in their order; None where none is declared."""
    declared = sequence(body.get("tools")) or sequence(body.get("functions"))
    declared = declared or sequence(pick(body, "toolConfig", "tools"))
    names: list[str] = []
    for tool in declared:
        names.extend(_names_of(tool))
    return names or None


def _names_of(tool: Any) -> list[str]:
    if isinstance(tool, str):
        return [tool]
    if not isinstance(tool, dict):
        return []
    nested = first(tool, ("functionDeclarations", "function_declarations"))
    if isinstance(nested, list):
        return [name for each in nested for name in _names_of(each)]
    for inner in (tool.get("function"), tool.get("toolSpec"), tool):
        name = inner.get("name") if isinstance(inner, dict) else None
        if isinstance(name, str) and name:
            return [name]
    kind = tool.get("type")
    return [kind] if isinstance(kind, str) else [key for key in tool if isinstance(tool[key], dict)]


def _end_user(body: Mapping[str, Any]) -> str | None:
    found = first(body, ("safety_identifier", "user")) or pick(body, "metadata", "user_id")
    return found if isinstance(found, str) else None
