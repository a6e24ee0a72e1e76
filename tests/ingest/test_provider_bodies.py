"""OpenAI- and Anthropic-shaped logs, streamed and not, in envelopes of many makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ingest_worlds import only, read, write_lines

from hydrascope.errors import SchemaError
from hydrascope.ingest import ColumnMap, open_log

WHO = {"request_id": "r1", "timestamp": "2026-03-01T10:00:00Z", "account_id": "a1"}
CHAT = {
    "model": "large",
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "ok"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "second"}, {"type": "image_url", "image_url": {}}],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "look", "arguments": "{}"}}],
        },
        {"role": "tool", "content": "42"},
    ],
    "tools": [{"type": "function", "function": {"name": "look"}}, {"type": "web_search"}],
    "temperature": 0.5,
    "top_p": 0.9,
    "max_completion_tokens": 64,
    "reasoning_effort": "high",
    "safety_identifier": "u1",
}
CHAT_ANSWER = {
    "id": "chatcmpl-1",
    "created": 1772359200,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "done"}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 9,
        "completion_tokens": 7,
        "completion_tokens_details": {"reasoning_tokens": 3},
    },
}
CHAT_ROW = {
    "prompt": "second",
    "system": "be brief",
    "turns": 5,
    "tools": ["look", "web_search"],
    "temperature": 0.5,
    "max_tokens": 64,
    "reasoning": True,
    "end_user_id": "u1",
    "completion": "done",
    "stop_reason": "stop",
    "input_tokens": 9,
    "output_tokens": 7,
    "reasoning_tokens": 3,
    "model": "large",
}
CHAT_CHUNKS = [
    {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "do"}}]},
    {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {"content": "ne"}, "finish_reason": None}]},
    {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"id": "chatcmpl-1", "choices": [], "usage": CHAT_ANSWER["usage"]},
]
MESSAGES = {
    "model": "claude-large",
    "max_tokens": 64,
    "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": [{"type": "tool_use", "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "content": "42"}]},
        {"role": "user", "content": [{"type": "text", "text": "second"}]},
        {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "43"}]}]},
    ],
    "tools": [{"name": "look", "input_schema": {}}],
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "metadata": {"user_id": "u1"},
}
MESSAGES_ANSWER = {
    "id": "msg_1",
    "type": "message",
    "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "done"}],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 5,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 10,
        "output_tokens": 7,
    },
}
MESSAGES_CHUNKS = [
    {"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 5, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "do"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ne"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
]
RESPONSES = {
    "model": "large",
    "instructions": "be brief",
    "input": [{"role": "user", "content": [{"type": "input_text", "text": "second"}]}],
    "max_output_tokens": 64,
    "reasoning": {"effort": "low"},
    "tools": [{"type": "function", "name": "look"}],
}
RESPONSES_ANSWER = {
    "id": "resp_1",
    "created_at": 1772359200,
    "status": "completed",
    "output": [
        {"type": "reasoning", "summary": []},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "done"}]},
    ],
    "usage": {"input_tokens": 9, "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 3}},
}


def told(tmp_path: Path, record: Any, name: str | None = None) -> dict[str, Any]:
    """The one exchange of a record, read by detection, which must find the format `name`."""
    path = write_lines(tmp_path / "a.jsonl", [record])
    if name is not None:
        assert open_log([path]).files[0].format == name
    rows, rejects = read(path)
    assert len(rejects) == 0, list(rejects)
    return only(rows)


def test_chat_completions(tmp_path: Path) -> None:
    """Last user turn as text, system apart, tools by name, turns without system messages."""
    row = told(tmp_path, {**WHO, "request": CHAT, "response": CHAT_ANSWER}, "openai")
    assert CHAT_ROW.items() <= row.items()
    assert row["exchange_id"] == "r1" and row["account_id"] == "a1"


@pytest.mark.parametrize("shape", ["list", "strings", "sse", "wrapped"])
def test_streamed_chat_completions_read_the_same(tmp_path: Path, shape: str) -> None:
    """As a list of chunks, of event lines, as one event stream, or under a key."""
    events = [f"data: {json.dumps(chunk)}" for chunk in CHAT_CHUNKS] + ["data: [DONE]"]
    response: Any = {
        "list": CHAT_CHUNKS,
        "strings": events,
        "sse": "\n\n".join(events) + "\n\n",
        "wrapped": {"chunks": CHAT_CHUNKS},
    }[shape]
    row = told(tmp_path, {**WHO, "request": CHAT, "response": response}, "openai")
    assert CHAT_ROW.items() <= row.items()


def test_messages(tmp_path: Path) -> None:
    """Tool results are not the user's words; cached tokens are input; thinking is not the answer."""
    row = told(tmp_path, {**WHO, "request": MESSAGES, "response": MESSAGES_ANSWER}, "anthropic")
    expected = {
        "prompt": "second",
        "system": "be brief",
        "turns": 5,
        "tools": ["look"],
        "reasoning": True,
        "end_user_id": "u1",
        "completion": "done",
        "stop_reason": "end_turn",
        "input_tokens": 115,
        "output_tokens": 7,
    }
    assert expected.items() <= row.items()


def test_streamed_messages(tmp_path: Path) -> None:
    """The event list is put together, thinking left out."""
    row = told(tmp_path, {**WHO, "request": MESSAGES, "response": MESSAGES_CHUNKS}, "anthropic")
    expected = {"completion": "done", "stop_reason": "end_turn", "input_tokens": 5, "output_tokens": 7}
    assert expected.items() <= row.items()


@pytest.mark.parametrize("streamed", [False, True])
def test_responses(tmp_path: Path, streamed: bool) -> None:
    """Instructions are the system prompt; the completed event carries the whole answer."""
    events = [
        {"type": "response.created", "response": {"id": "resp_1"}},
        {"type": "response.output_text.delta", "delta": "do"},
        {"type": "response.completed", "response": RESPONSES_ANSWER},
    ]
    row = told(
        tmp_path,
        {**WHO, "request": RESPONSES, "response": events if streamed else RESPONSES_ANSWER},
        "openai",
    )
    expected = {
        "prompt": "second",
        "system": "be brief",
        "tools": ["look"],
        "max_tokens": 64,
        "reasoning": True,
        "completion": "done",
        "input_tokens": 9,
        "reasoning_tokens": 3,
    }
    assert expected.items() <= row.items()


def test_a_body_that_lies_bare_in_the_record(tmp_path: Path) -> None:
    """Request fields, answer and envelope side by side."""
    row = told(tmp_path, {**WHO, **CHAT, **CHAT_ANSWER}, "openai")
    assert row["prompt"] == "second" and row["completion"] == "done" and row["exchange_id"] == "r1"


def test_bodies_inside_strings_and_http_wrappers(tmp_path: Path) -> None:
    """Exports double-encode; proxies wrap bodies with status and headers."""
    request = {
        "method": "POST",
        "headers": {"Authorization": "Bearer sk-secret-1", "User-Agent": "ua"},
        "body": json.dumps(CHAT),
    }
    response = {"status_code": 200, "body": json.dumps(CHAT_ANSWER)}
    record = {"timestamp": 1772359200.5, "remote_addr": "192.0.2.7", "request": request, "response": response}
    row = told(tmp_path, record, "openai")
    assert row["prompt"] == "second" and row["completion"] == "done"
    assert row["client_ip"] == "192.0.2.7" and row["user_agent"] == "ua" and row["status"] == 200
    assert row["account_id"].startswith("sha256:") and "secret" not in json.dumps(row, default=str)
    assert row["exchange_id"] == "chatcmpl-1"


def test_a_record_without_any_id_gets_one_of_its_bytes(tmp_path: Path) -> None:
    """The same record gets the same id in any file."""
    record = {"timestamp": 1772359200, "account_id": "a1", "request": CHAT, "response": {"choices": []}}
    one = told(tmp_path, record)
    (tmp_path / "b").mkdir()
    two = told(tmp_path / "b", record)
    assert one["exchange_id"].startswith("h:") and one["exchange_id"] == two["exchange_id"]


def test_headers_fill_what_the_envelope_lacks(tmp_path: Path) -> None:
    """Edge headers name country and TLS fingerprint; lists of pairs are headers too."""
    headers = [
        ["X-JA4", "t13d"],
        ["CF-IPCountry", "NL"],
        ["x-api-key", "sk-ant-1"],
        ["x-forwarded-for", "192.0.2.9, 10.0.0.1"],
    ]
    row = told(
        tmp_path,
        {"timestamp": 1772359200, "headers": headers, "request": MESSAGES, "response": MESSAGES_ANSWER},
    )
    assert (row["tls_fingerprint"], row["client_country"], row["client_ip"]) == ("t13d", "NL", "192.0.2.9")
    assert row["account_id"] == row["api_key_id"]


def test_a_call_without_prompt_is_kept_for_its_account(tmp_path: Path) -> None:
    """A failed or unlogged call still has an account, a time and an address."""
    rows, rejects = read(
        write_lines(
            tmp_path / "a.jsonl", [{**WHO, "request": {**CHAT, "messages": []}, "response": CHAT_ANSWER}]
        )
    )
    assert "prompt" not in only(rows) and rejects.warnings == {"prompt_absent": 1}


def test_a_map_overrules_and_fills(tmp_path: Path) -> None:
    """Paths of the map win over the format's own reading; fixed values fill gaps."""
    record = {
        "who": {"owner": "a9"},
        "when": "2026-03-01T10:00:00Z",
        "request": CHAT,
        "response": CHAT_ANSWER,
    }
    path = write_lines(tmp_path / "a.jsonl", [record])
    column_map = ColumnMap(
        format="openai",
        columns={
            "account_id": ("nope", "who.owner"),
            "started_at": ("when",),
            "prompt": ("request.messages[1].content",),
        },
        values={"platform": "first_party", "model": "other"},
    )
    row = only(read(path, column_map=column_map)[0])
    assert (row["account_id"], row["prompt"], row["platform"], row["model"]) == (
        "a9",
        "first",
        "first_party",
        "large",
    )


def test_a_forced_format_is_obeyed(tmp_path: Path) -> None:
    """`--format anthropic` reads chat bodies through the same eyes."""
    path = write_lines(tmp_path / "a.jsonl", [{**WHO, "request": CHAT, "response": CHAT_ANSWER}])
    rows, _ = read(path, format="anthropic")
    assert only(rows)["prompt"] == "second"


def test_records_of_no_known_shape_stop_at_once(tmp_path: Path) -> None:
    """JSON that speaks of something else."""
    with pytest.raises(SchemaError, match="--format"):
        open_log([write_lines(tmp_path / "a.jsonl", [{"temperature": 21.5, "room": "attic"}])])
