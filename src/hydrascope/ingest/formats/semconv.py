"""Attributes and events of the three GenAI dialects as contract columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hydrascope.ingest.formats.base import Row
from hydrascope.ingest.formats.requests import message_columns, read_request, tool_names
from hydrascope.ingest.formats.responses import read_response
from hydrascope.ingest.formats.values import first, hidden_key, mapping, opened, sequence, text_of

__all__ = ["is_model_call", "read_attributes", "read_messages"]

_OTHER_OPERATIONS = (
    "execute_tool",
    "embeddings",
    "embedding",
    "aembedding",
    "create_agent",
    "invoke_agent",
    "invoke_workflow",
)
_ACCOUNT = (
    "account.id",
    "account_id",
    "customer.id",
    "tenant.id",
    "user.id",
    "enduser.id",
    "metadata.user_api_key_user_id",
    "metadata.user_api_key_hash",
)
_ORGANIZATION = (
    "organization.id",
    "organization_id",
    "metadata.user_api_key_team_id",
    "metadata.user_api_key_org_id",
    "langfuse.project.id",
)
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "end_user_id": ("gen_ai.user.id", "metadata.user_api_key_end_user_id", "llm.user"),
    "client_ip": ("client.address", "http.client_ip", "metadata.requester_ip_address", "client.ip"),
    "user_agent": ("user_agent.original", "http.user_agent", "metadata.user_agent"),
    "tls_fingerprint": ("tls.client.ja4", "tls.client.ja3", "ja4", "tls_fingerprint"),
    "model": ("gen_ai.request.model", "llm.model_name", "gen_ai.response.model"),
    "temperature": ("gen_ai.request.temperature", "llm.request.temperature"),
    "top_p": ("gen_ai.request.top_p", "llm.request.top_p"),
    "max_tokens": ("gen_ai.request.max_tokens", "llm.request.max_tokens"),
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"),
    "output_tokens": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
    "status": ("http.response.status_code", "http.status_code"),
}
_ROLE_EVENTS = re.compile(r"^gen_ai\.(system|user|assistant|tool)\.message$")
_INDEXED = re.compile(r"^(?:llm\.(?:input|output)_messages|gen_ai\.(?:prompt|completion))\.(\d+)\.(.+)$")


def is_model_call(named: Mapping[str, Any]) -> bool:
    """Whether a span's attributes speak of a call to a model, and not of a tool, an agent or an embedding."""
    kind = named.get("openinference.span.kind")
    if kind is not None:
        return str(kind).upper() == "LLM"
    operation = named.get("gen_ai.operation.name")
    if operation is not None:
        return str(operation) not in _OTHER_OPERATIONS
    return any(
        name in named for name in ("gen_ai.request.model", "gen_ai.system", "llm.model_name", "gen_ai.prompt")
    )


def read_attributes(resource: Mapping[str, Any], named: Mapping[str, Any], events: list[Row]) -> Row:
    """The exchange that a span's attributes and events describe, without its identity and times."""
    row = {name: value for name, value in read_messages(named, events).items() if value is not None}
    for column, names in _COLUMNS.items():
        value = first(named, names)
        if value is not None:
            row[column] = value
    key = hidden_key(first(named, ("gen_ai.api_key.id", "api_key.id", "metadata.user_api_key_hash")))
    row["api_key_id"] = key
    row["account_id"] = first(named, _ACCOUNT) or key or first(resource, (*_ACCOUNT, "service.name"))
    row["organization_id"] = first({**resource, **named}, _ORGANIZATION)
    row["platform"] = first({**resource, **named}, ("platform", "gen_ai.platform"))
    row["stop_reason"] = _stop_reason(named) or row.get("stop_reason")
    row["_response_id"] = named.get("gen_ai.response.id") or row.get("_response_id")
    row["started_at"] = row.pop("_created", None)
    row["_source"] = {**resource, **named}
    return row


def _stop_reason(named: Mapping[str, Any]) -> Any:
    reasons = opened(named.get("gen_ai.response.finish_reasons"))
    reason = reasons[0] if isinstance(reasons, list) and reasons else reasons
    return named.get("error.type") or reason or None


def read_messages(named: Mapping[str, Any], events: list[Row]) -> Row:
    """prompt, system, completion, tools and turns, in whichever dialect they are told."""
    details = next(
        (e for e in events if e.get("event.name") == "gen_ai.client.inference.operation.details"), {}
    )
    named = {**details, **named}
    row = _openinference(named) if _is_openinference(named) else _asked(named, events)
    completion = _said(named, events)
    if completion is not None:
        row["completion"] = completion
    tools = tool_names({"tools": opened(named.get("gen_ai.tool.definitions"))}) or _openinference_tools(named)
    if tools:
        row["tools"] = tools
    return row


def _asked(named: Mapping[str, Any], events: list[Row]) -> Row:
    system = text_of(opened(named.get("gen_ai.system_instructions")))
    messages = opened(first(named, ("gen_ai.input.messages", "gen_ai.prompt")))
    if isinstance(messages, str):
        return {"prompt": messages, "system": system, "turns": 1}
    listed = sequence(messages) or _indexed(named, "gen_ai.prompt") or _from_events(events)
    return message_columns(listed, system)


def _from_events(events: list[Row]) -> list[Any]:
    """Messages of the conventions up to 1.36, an event each, in their order."""
    listed: list[Any] = []
    for event in events:
        name = str(event.get("event.name"))
        match = _ROLE_EVENTS.match(name)
        body = mapping(event.get("body")) or event
        if match:
            listed.append({"role": body.get("role") or match[1], "content": opened(body.get("content"))})
        elif name == "gen_ai.content.prompt":
            listed.extend(sequence(event.get("gen_ai.prompt")))
    return listed


def _said(named: Mapping[str, Any], events: list[Row]) -> str | None:
    output = opened(first(named, ("gen_ai.output.messages", "gen_ai.completion")))
    if isinstance(output, str):
        return output
    listed = output if isinstance(output, list) else [output] if output else []
    listed = listed or _indexed(named, "gen_ai.completion") or _indexed(named, "llm.output_messages")
    for event in events if not listed else ():
        if event.get("event.name") == "gen_ai.choice":
            body = mapping(event.get("body")) or event
            listed.append(
                mapping(body.get("message"))
                or {"content": opened(body.get("content") or body.get("message"))}
            )
        elif event.get("event.name") == "gen_ai.content.completion":
            listed.extend(sequence(event.get("gen_ai.completion")))
    for message in map(mapping, listed):
        text = text_of(first(message, ("parts", "content", "text")))
        if text:
            return text
    return read_response(named["output.value"]).get("completion") if "output.value" in named else None


def _indexed(named: Mapping[str, Any], prefix: str) -> list[Any]:
    """Messages spread over numbered attributes, such as `gen_ai.prompt.0.content`."""
    found: dict[int, dict[str, Any]] = {}
    for name, value in named.items():
        match = _INDEXED.match(name) if name.startswith(prefix + ".") else None
        if match:
            found.setdefault(int(match[1]), {})[match[2].removeprefix("message.")] = value
    return [_gathered(found[number]) for number in sorted(found)]


def _gathered(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A message with its numbered parts put together."""
    parts: dict[int, dict[str, Any]] = {}
    for name, value in fields.items():
        steps = name.split(".")
        if (
            steps[0] == "contents"
            and len(steps) >= 4
            and steps[1].isdigit()
            and steps[2] == "message_content"
        ):
            parts.setdefault(int(steps[1]), {})[".".join(steps[3:])] = value
    content = [parts[number] for number in sorted(parts)] or opened(fields.get("content"))
    return {"role": fields.get("role"), "content": content}


def _is_openinference(named: Mapping[str, Any]) -> bool:
    return "openinference.span.kind" in named or any(name.startswith("llm.input_messages.") for name in named)


def _openinference(named: Mapping[str, Any]) -> Row:
    """Messages from numbered attributes; parameters, and messages where there are none, from the JSON beside them."""
    body = read_request(
        {**mapping(named.get("input.value")), **mapping(named.get("llm.invocation_parameters"))}
    )
    row = {name: value for name, value in body.items() if value is not None}
    row["_created"] = mapping(named.get("output.value")).get("created")
    listed = _indexed(named, "llm.input_messages")
    if listed:
        row.update(
            {name: value for name, value in message_columns(listed, None).items() if value is not None}
        )
    elif "prompt" not in row:
        row.update({name: value for name, value in _bare_input(named).items() if value is not None})
    answer = read_response(named.get("output.value"))
    return {**row, **{name: value for name, value in answer.items() if value is not None}}


def _bare_input(named: Mapping[str, Any]) -> Row:
    """The input where it is plain text or a list of messages; other JSON (token ids, a form) holds no prompt."""
    given = opened(named.get("input.value"))
    if isinstance(given, list):
        return message_columns(given, None)
    return {"prompt": given, "turns": 1} if isinstance(given, str) else {}


def _openinference_tools(named: Mapping[str, Any]) -> list[str] | None:
    schemas = [
        opened(named[n]) for n in sorted(named) if n.startswith("llm.tools.") and n.endswith("json_schema")
    ]
    return tool_names({"tools": schemas}) if schemas else None
