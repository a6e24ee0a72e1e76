"""Sealed reasoning is known again in every shape that a provider gives it, and in the request that sends it back."""

from __future__ import annotations

from typing import Any

import pytest

from hydrascope.ingest.formats.requests import read_request
from hydrascope.ingest.formats.responses import read_response

SEAL = "EqQBCkYIBxgCKkDf0m7Jt1xwVq3"
ANTHROPIC = [
    {"type": "thinking", "thinking": "", "signature": SEAL},
    {"type": "text", "text": "four"},
]
CONVERSE = [{"reasoningContent": {"reasoningText": {"text": "", "signature": SEAL}}}, {"text": "four"}]
SAID = {
    "anthropic": {"content": ANTHROPIC},
    "redacted": {"content": [{"type": "redacted_thinking", "data": SEAL}, {"type": "text", "text": "four"}]},
    "converse": {"output": {"message": {"content": CONVERSE}}},
    "responses": {
        "output": [
            {"type": "reasoning", "encrypted_content": SEAL},
            {"type": "message", "content": [{"type": "output_text", "text": "four"}]},
        ]
    },
    "gemini": {"candidates": [{"content": {"parts": [{"text": "four", "thoughtSignature": SEAL}]}}]},
    "gateway": {
        "choices": [
            {
                "message": {
                    "content": "four",
                    "reasoning_details": [{"type": "reasoning.encrypted", "data": SEAL}],
                }
            }
        ]
    },
    "anthropic stream": [
        {"type": "message_start", "message": {"id": "m"}},
        {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": SEAL}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "four"}},
    ],
    "converse stream": [
        {"contentBlockDelta": {"delta": {"reasoningContent": {"signature": SEAL}}}},
        {"contentBlockDelta": {"delta": {"text": "four"}}},
        {"messageStop": {"stopReason": "end_turn"}},
    ],
    "gemini stream": [{"candidates": [{"content": {"parts": [{"text": "four", "thoughtSignature": SEAL}]}}]}],
}
SENT = {
    "anthropic": {"messages": [{"role": "user", "content": "2+2"}, {"role": "assistant", "content": ANTHROPIC}, {"role": "user", "content": "why"}]},
    "converse": {"messages": [{"role": "user", "content": [{"text": "2+2"}]}, {"role": "assistant", "content": CONVERSE}, {"role": "user", "content": [{"text": "why"}]}]},
    "responses": {"input": [{"role": "user", "content": "2+2"}, {"type": "reasoning", "encrypted_content": SEAL}, {"role": "user", "content": "why"}]},
    "gemini": {"contents": [{"role": "model", "parts": [{"text": "four", "thoughtSignature": SEAL}]}, {"role": "user", "parts": [{"text": "why"}]}]},
}  # fmt: skip


@pytest.mark.parametrize("shape", SAID)
def test_what_came_with_an_answer(shape: str) -> None:
    """Whole or in pieces; beside the text, of which it is no part."""
    row = read_response(SAID[shape])
    assert row["completion"] == "four"
    assert row["signatures"] == read_response(SAID["anthropic"])["signatures"]
    assert SEAL not in str(row)


@pytest.mark.parametrize("shape", SENT)
def test_what_a_request_is_sent_with(shape: str) -> None:
    """The same digest as the answer's, so that the two are known for one."""
    row = read_request(SENT[shape])
    assert row["prompt"] == "why"
    assert row["sent_signatures"] == read_response(SAID["anthropic"])["signatures"]


def test_a_signature_is_the_same_in_either_alphabet() -> None:
    """Clients decode base64 and write it anew, URL-safe or not, with or without padding."""
    came = read_response(
        {"candidates": [{"content": {"parts": [{"thoughtSignature": "CvgCAb4+9vup9EIJ/mw1=="}]}}]}
    )
    sent = {
        "role": "model",
        "parts": [{"functionCall": {"name": "f"}, "thought_signature": "CvgCAb4-9vup9EIJ_mw1"}],
    }
    assert read_request({"contents": [sent]})["sent_signatures"] == came["signatures"]


def test_a_long_conversation_is_known_by_its_last() -> None:
    """Its earlier signatures were sent with its earlier turns."""
    turns: list[dict[str, Any]] = [
        {"role": "assistant", "content": [{"type": "thinking", "signature": f"{SEAL}{i}"}]} for i in range(5)
    ]
    last = read_response({"content": turns[-1]["content"]})["signatures"]
    assert (
        read_request({"messages": [*turns, {"role": "user", "content": "go on"}]})["sent_signatures"] == last
    )


def test_what_only_looks_like_one_is_none() -> None:
    """A short signature, a fingerprint of the system, a user's own words, and none at all."""
    assert "signatures" not in read_response(
        {"content": [{"type": "text", "text": "x", "signature": "short"}]}
    )
    assert "signatures" not in read_response(
        {"choices": [{"message": {"content": "x"}}], "system_fingerprint": SEAL}
    )
    assert "sent_signatures" not in read_request(
        {"messages": [{"role": "user", "content": f"signature {SEAL}"}]}
    )
    result = {"type": "tool_result", "content": [{"signature": SEAL}]}
    assert "sent_signatures" not in read_request({"messages": [{"role": "user", "content": [result]}]})
    call = {"type": "tool_use", "name": "define", "input": {"signature": "def add(left: int, right: int)"}}
    assert "signatures" not in read_response({"content": [call]})
