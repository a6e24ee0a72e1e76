"""A model that costs nothing: answers chat completions and responses, streamed and not, with made-up prose.

The length of an answer follows from the request alone (its text and `max_tokens`), so a replay gives the same log.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

PORT = 4802
WORDS = [
    "the",
    "a",
    "this",
    "that",
    "first",
    "then",
    "next",
    "because",
    "so",
    "while",
    "although",
    "after",
    "before",
    "each",
    "every",
    "one",
    "two",
    "several",
    "small",
    "large",
    "step",
    "value",
    "list",
    "table",
    "figure",
    "reason",
    "result",
    "answer",
    "part",
    "whole",
    "case",
    "rule",
    "line",
    "word",
    "question",
    "number",
    "point",
    "idea",
    "gives",
    "takes",
    "shows",
    "follows",
    "holds",
    "keeps",
    "needs",
    "means",
    "leads",
    "turns",
    "adds",
    "removes",
    "compares",
    "checks",
    "names",
    "explains",
    "clear",
    "short",
    "long",
    "simple",
    "exact",
    "likely",
    "open",
    "common",
    "rare",
    "useful",
]
app = FastAPI()


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body.get("messages") or body.get("input"), ensure_ascii=False)


def _answer(body: Mapping[str, Any]) -> list[str]:
    """The words of the answer."""
    most = int(
        body.get("max_tokens") or body.get("max_completion_tokens") or body.get("max_output_tokens") or 300
    )
    dice = random.Random(hashlib.sha256(_text(body).encode()).digest())
    n = max(8, int(most * dice.uniform(0.1, 0.5)))
    return [dice.choice(WORDS) for _ in range(n)]


def _usage(body: Mapping[str, Any], words: list[str]) -> tuple[int, int]:
    return len(_text(body).split()) * 4 // 3, len(words) * 4 // 3


def _pieces(words: list[str], n: int = 12) -> list[str]:
    """The answer in a few pieces, as a stream gives it."""
    size = -(-len(words) // n)
    return [" ".join(words[i : i + size]) + " " for i in range(0, len(words), size)]


@app.post("/v1/chat/completions")
async def chat(request: Request) -> Response:
    """OpenAI chat completions."""
    body = await request.json()
    words = _answer(body)
    asked, said = _usage(body, words)
    usage = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    head = {"id": f"chatcmpl-{time.time_ns():x}", "created": int(time.time()), "model": body["model"]}
    if body.get("stream"):
        return StreamingResponse(_chat_stream(head, words, usage), media_type="text/event-stream")
    message = {"role": "assistant", "content": " ".join(words)}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return JSONResponse({**head, "object": "chat.completion", "choices": [choice], "usage": usage})


async def _chat_stream(head: dict[str, Any], words: list[str], usage: dict[str, int]) -> AsyncIterator[str]:
    head = {**head, "object": "chat.completion.chunk"}
    for piece in _pieces(words):
        choice = {"index": 0, "delta": {"role": "assistant", "content": piece}, "finish_reason": None}
        yield f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    yield f"data: {json.dumps({**head, 'choices': [end]})}\n\n"
    yield f"data: {json.dumps({**head, 'choices': [], 'usage': usage})}\n\ndata: [DONE]\n\n"


@app.post("/v1/responses")
async def responses(request: Request) -> Response:
    """OpenAI responses."""
    body = await request.json()
    words = _answer(body)
    asked, said = _usage(body, words)
    usage = {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": asked + said,
    }
    part = {"type": "output_text", "text": " ".join(words), "annotations": []}
    item = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}
    whole = {
        "id": f"resp_{time.time_ns():x}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "model": body["model"],
        "output": [item],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    }
    if body.get("stream"):
        return StreamingResponse(_response_stream(whole, words), media_type="text/event-stream")
    return JSONResponse(whole)


async def _response_stream(whole: dict[str, Any], words: list[str]) -> AsyncIterator[str]:
    start = {**whole, "status": "in_progress", "output": [], "usage": None}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": start}]
    events += [{"type": "response.output_text.delta", "delta": piece, **place} for piece in _pieces(words)]
    events.append({"type": "response.completed", "response": whole})
    for number, event in enumerate(events):
        yield f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n"


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
