"""Whatever stands in a record, its format either reads it or rejects it, and the next record is read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ingest_worlds import exchange
from test_gateway_formats import RESOURCE, VERTEX, bedrock, litellm
from test_otlp import ASKED, COMMON, export, span
from test_provider_bodies import CHAT, CHAT_ANSWER, CHAT_CHUNKS, MESSAGES, MESSAGES_CHUNKS, WHO

from hydrascope.ingest import FORMATS, PROVENANCE, Rejects, open_log
from hydrascope.schema import EXCHANGES

SAMPLES: dict[str, dict[str, Any]] = {
    "contract": exchange(tools=["f"], temperature=0.5, client_ip="192.0.2.7"),
    "openai": {**WHO, "request": CHAT, "response": [CHAT_ANSWER, *CHAT_CHUNKS]},
    "anthropic": {**WHO, "request": MESSAGES, "response": MESSAGES_CHUNKS, "headers": {"user-agent": "ua"}},
    "litellm": litellm(),
    "bedrock": bedrock(),
    "vertex": VERTEX,
    "otlp": export(span({**COMMON, "gen_ai.input.messages": ASKED})),
    "azure": {
        "correlationId": "c1",
        "operationName": "ChatCompletions_Create",
        "resourceId": RESOURCE,
        "properties": {"sequenceNumber": 0, "requestMessages": [{"role": "user", "content": "hello"}]},
    },
    "langfuse": {
        "id": "o",
        "traceId": "t",
        "projectId": "p",
        "type": "GENERATION",
        "startTime": "2026-03-01T10:00:00Z",
        "input": {"messages": [{"role": "user", "content": "x"}]},
        "modelParameters": {},
        "output": "hi",
    },
}
JUNK: tuple[Any, ...] = (
    None,
    "",
    "text",
    0,
    -1,
    2**70,
    1.5e300,
    True,
    [],
    {},
    [None],
    [[]],
    [1, "a", {}],
    {"a": None},
    {"type": 3},
    "{",
    '{"a": [1]}',
    "[]",
    [{"role": 7, "content": {"x": []}}],
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from places(each, (*path, key))


def changed(record: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """The record with another value at a path."""
    copy = json.loads(json.dumps(record))
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = junk
    return copy


def test_there_is_a_sample_of_every_format() -> None:
    """A new format joins this test."""
    assert set(SAMPLES) == set(FORMATS) == set(PROVENANCE)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_no_shape_stops_a_run(tmp_path: Path, name: str) -> None:
    """Every place of a good record filled with odd values; each record is read, rejected or passed over."""
    record = SAMPLES[name]
    dice = Random(name)
    records = [changed(record, path, junk) for path in places(record) for junk in dice.sample(JUNK, 6)]
    records.append(record)
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    rejects = Rejects()
    batches = list(open_log([str(tmp_path / "a.jsonl")], format=name).batches(rejects))
    for batch in batches:
        assert batch.schema == EXCHANGES
        batch.validate(full=True)
    assert sum(batch.num_rows for batch in batches) > len(records) // 4 or name == "azure"


@pytest.mark.parametrize("name", sorted(PROVENANCE))
def test_provenance_names_columns_and_writers(name: str) -> None:
    """A caller writes prompts whatever the format, and never the account of a log that the server keeps."""
    table = PROVENANCE[name]
    assert set(table) <= set(EXCHANGES.names)
    assert set(table.values()) <= {"server", "operator", "caller"}
    assert table["prompt"] == "caller" and table["account_id"] != "caller"
