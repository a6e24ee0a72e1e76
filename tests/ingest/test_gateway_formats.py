"""LiteLLM, Bedrock, Vertex, Azure and Langfuse logs; every record here was written for these tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingest_worlds import only, read, write_lines

from hydrascope.ingest import open_log

TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)


def told(tmp_path: Path, records: list[Any], name: str) -> list[dict[str, Any]]:
    """The exchanges of a log that detection must take for format `name`."""
    path = write_lines(tmp_path / "a.jsonl", records)
    assert open_log([path]).files[0].format == name
    rows, rejects = read(path)
    assert len(rejects) == 0, list(rejects)
    return rows


def litellm(**changed: Any) -> dict[str, Any]:
    """A payload as the proxy posts it, shortened."""
    payload = {
        "id": "chatcmpl-9",
        "litellm_call_id": "call-1",
        "call_type": "acompletion",
        "status": "success",
        "startTime": 1772359200.0,
        "endTime": 1772359201.5,
        "model": "openai/large-2",
        "model_group": "large-2",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hello"}],
        "response": {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]},
        "model_parameters": {"temperature": 0.5, "max_tokens": 10, "tools": [{"function": {"name": "f"}}]},
        "requester_ip_address": "192.0.2.7",
        "user_agent": "OpenAI/Python",
        "prompt_tokens": 4,
        "completion_tokens": 2,
        "metadata": {
            "user_api_key_hash": "abc",
            "user_api_key_user_id": "user-1",
            "user_api_key_team_id": "team-1",
            "requester_custom_headers": {"x-ja4": "t13d"},
        },
    }
    return {**payload, **changed}


def test_litellm_identity_text_and_client(tmp_path: Path) -> None:
    """The proxy's user is the account, the team the organisation, the edge's JA4 arrives in a custom header."""
    row = only(told(tmp_path, [litellm()], "litellm"))
    assert row == {
        "exchange_id": "call-1",
        "started_at": TEN,
        "account_id": "user-1",
        "organization_id": "team-1",
        "api_key_id": "abc",
        "platform": "gateway",
        "prompt": "hello",
        "system": "s",
        "completion": "hi",
        "client_ip": "192.0.2.7",
        "user_agent": "OpenAI/Python",
        "tls_fingerprint": "t13d",
        "model": "large-2",
        "tools": ["f"],
        "turns": 1,
        "temperature": 0.5,
        "max_tokens": 10,
        "input_tokens": 4,
        "output_tokens": 2,
        "duration_ms": 1500,
        "stop_reason": "stop",
        "status": 200,
    }


@pytest.mark.parametrize("user", [None, "", "default_user_id"])
def test_a_litellm_key_without_owner_stands_for_itself(tmp_path: Path, user: str | None) -> None:
    """The built-in administrator is nobody: its keys are strangers to each other."""
    payload = litellm(metadata={"user_api_key_hash": "abc", "user_api_key_user_id": user})
    assert only(told(tmp_path, [payload], "litellm"))["account_id"] == "abc"


def test_litellm_batches_failures_redactions_and_other_calls(tmp_path: Path) -> None:
    """An array a line; a failure keeps its prompt and code; a redaction is counted; an embedding is passed over."""
    failed = litellm(
        litellm_call_id="call-2",
        status="failure",
        response={},
        error_information={"error_code": "429", "error_class": "RateLimitError"},
    )
    hidden = litellm(litellm_call_id="call-3", messages=[{"role": "user", "content": "redacted-by-litellm"}])
    other = litellm(litellm_call_id="call-4", call_type="aembedding")
    path = write_lines(tmp_path / "a.jsonl", [[litellm(), failed], [hidden, other]])
    rows, rejects = read(path)
    assert [row["exchange_id"] for row in rows] == ["call-1", "call-2", "call-3"]
    assert (rows[1]["status"], rows[1]["stop_reason"], rows[1]["prompt"]) == (429, "RateLimitError", "hello")
    assert "prompt" not in rows[2]
    assert rejects.warnings == {"prompt_redacted": 1, "not_a_model_call": 1}


def test_litellm_times_as_text(tmp_path: Path) -> None:
    """Older versions write local-looking times without a zone."""
    path = write_lines(tmp_path / "a.jsonl", [litellm(startTime="2026-03-01 10:00:00.000000", endTime=None)])
    rows, rejects = read(path)
    assert only(rows)["started_at"] == TEN and rejects.warnings == {"time_zone_assumed": 1}


def bedrock(**changed: Any) -> dict[str, Any]:
    """An invocation log record."""
    record = {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": "2026-03-01T10:00:00Z",
        "accountId": "111122223333",
        "identity": {"arn": "arn:aws:sts::111122223333:assumed-role/Shop/session-7"},
        "requestId": "req-1",
        "operation": "Converse",
        "modelId": "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.vendor.model-v1:0",
        "input": {
            "inputContentType": "application/json",
            "inputBodyJson": {
                "messages": [
                    {"role": "user", "content": [{"text": "hello"}, {"image": {"format": "png"}}]},
                    {"role": "assistant", "content": [{"toolUse": {"name": "f"}}]},
                    {"role": "user", "content": [{"toolResult": {"content": [{"text": "42"}]}}]},
                ],
                "system": [{"text": "s"}],
                "inferenceConfig": {"maxTokens": 10, "temperature": 0.5, "topP": 0.25},
                "toolConfig": {"tools": [{"toolSpec": {"name": "f"}}]},
            },
            "inputTokenCount": 4,
        },
        "output": {
            "outputBodyJson": {
                "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
                "stopReason": "end_turn",
                "usage": {"inputTokens": 4, "outputTokens": 2},
            },
            "outputTokenCount": 2,
        },
    }
    return {**record, **changed}


def test_bedrock_converse(tmp_path: Path) -> None:
    """The role without its session is the account; the AWS account is the organisation."""
    row = only(told(tmp_path, [bedrock()], "bedrock"))
    expected = {
        "exchange_id": "req-1",
        "account_id": "arn:aws:sts::111122223333:assumed-role/Shop",
        "organization_id": "111122223333",
        "platform": "bedrock",
        "prompt": "hello",
        "system": "s",
        "completion": "hi",
        "model": "eu.vendor.model-v1:0",
        "tools": ["f"],
        "turns": 3,
        "temperature": 0.5,
        "top_p": 0.25,
        "max_tokens": 10,
        "input_tokens": 4,
        "output_tokens": 2,
        "stop_reason": "end_turn",
        "status": 200,
    }
    assert expected.items() <= row.items()


STREAMS: dict[str, list[Any]] = {
    "converse": [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "h"}, "contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"text": "i"}, "contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": {"inputTokens": 4, "outputTokens": 2}, "metrics": {"latencyMs": 70}}},
    ],
    "messages": [
        {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 4, "output_tokens": 1}}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"invocationLatency": 70}},
        "[DONE]",
    ],
    "titan": [
        {"outputText": "h", "index": 0},
        {"outputText": "i", "index": 0, "completionReason": "FINISH"},
    ],
    "llama": [
        {"generation": "h", "prompt_token_count": 4},
        {"generation": "i", "generation_token_count": 2, "stop_reason": "stop"},
    ],
}


@pytest.mark.parametrize("dialect", sorted(STREAMS))
def test_bedrock_streams_are_put_together(tmp_path: Path, dialect: str) -> None:
    """Each vendor's list of events gives the same answer."""
    record = bedrock(
        operation="InvokeModelWithResponseStream",
        input={"inputBodyJson": {"prompt": "hello", "max_gen_len": 10}, "inputTokenCount": 4},
        output={"outputBodyJson": STREAMS[dialect], "outputTokenCount": 2},
    )
    row = only(told(tmp_path, [record], "bedrock"))
    assert (row["prompt"], row["completion"], row["input_tokens"], row["output_tokens"]) == (
        "hello",
        "hi",
        4,
        2,
    )


def test_bedrock_failures_large_bodies_and_cloudwatch(tmp_path: Path) -> None:
    """Empty bodies with an error code, pointers to S3, records inside a `message` string."""
    failed = bedrock(requestId="req-2", errorCode="ThrottlingException", input={}, output={})
    large = bedrock(requestId="req-3", input={"inputBodyS3Path": "s3://b/k", "inputTokenCount": 90_000})
    wrapped = {
        "timestamp": 1772359200000,
        "message": json.dumps(bedrock(requestId="req-4")),
        "logStreamName": "x",
    }
    path = write_lines(tmp_path / "a.jsonl", [wrapped, failed, large])
    assert open_log([path]).files[0].format == "bedrock"
    rows, rejects = read(path)
    assert [row["exchange_id"] for row in rows] == ["req-4", "req-2", "req-3"]
    assert (rows[1]["status"], rows[1]["stop_reason"]) == (429, "ThrottlingException")
    assert rows[2]["input_tokens"] == 90_000
    assert rejects.warnings == {"prompt_absent": 2, "truncated_content": 1} and len(rejects) == 0


def test_a_cloudwatch_export_document(tmp_path: Path) -> None:
    """`{"events": [{"message": ...}]}` as the command line gives it."""
    (tmp_path / "a.json").write_text(
        json.dumps({"events": [{"message": json.dumps(bedrock())}], "nextToken": "t"}, indent=1)
    )
    assert only(read(tmp_path / "a.json")[0])["exchange_id"] == "req-1"


VERTEX = {
    "logging_time": "2026-03-01T10:00:00Z",
    "request_id": "77",
    "api_method": "GenerateContent",
    "model": "projects/shop/locations/eu/publishers/google/models/gemini-x",
    "metadata": {"request_latency": 812.5},
    "full_request": {
        "contents": [
            {"role": "user", "parts": [{"text": "hello"}, {"inline_data": {"mime_type": "image/png"}}]}
        ],
        "system_instruction": {"parts": [{"text": "s"}]},
        "generation_config": {
            "max_output_tokens": 10,
            "temperature": 0.5,
            "thinking_config": {"thinking_budget": 0},
        },
        "tools": [{"function_declarations": [{"name": "f"}, {"name": "g"}]}, {"google_search": {}}],
    },
    "full_response": {
        "candidates": [
            {"content": {"parts": [{"thought": True, "text": "hm"}, {"text": "hi"}]}, "finish_reason": "STOP"}
        ],
        "usage_metadata": {"prompt_token_count": 4, "candidates_token_count": 2, "thoughts_token_count": 5},
    },
}


def test_vertex_rows_from_json_csv_and_parquet(tmp_path: Path) -> None:
    """The BigQuery table exported any way; bodies are objects or JSON text."""
    flat = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in VERTEX.items()}
    pq.write_table(pa.Table.from_pylist([flat]), tmp_path / "b.parquet")
    write_lines(tmp_path / "a.jsonl", [VERTEX])
    write_lines(
        tmp_path / "c.jsonl",
        [{"@timestamp": "2026-03-01T10:00:00Z", "gcp": {"vertexai": {"prompt_response_logs": VERTEX}}}],
    )
    expected = {
        "exchange_id": "77",
        "started_at": TEN,
        "account_id": "projects/shop",
        "platform": "vertex",
        "prompt": "hello",
        "system": "s",
        "completion": "hi",
        "tools": ["f", "g", "google_search"],
        "reasoning": False,
        "input_tokens": 4,
        "output_tokens": 7,
        "reasoning_tokens": 5,
        "duration_ms": 812,
        "stop_reason": "STOP",
        "model": "gemini-x",
    }
    for name in ("a.jsonl", "b.parquet", "c.jsonl"):
        assert open_log([str(tmp_path / name)]).files[0].format == "vertex"
        assert expected.items() <= only(read(tmp_path / name)[0]).items(), name


RESOURCE = "/SUBSCRIPTIONS/S-1/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.COGNITIVESERVICES/ACCOUNTS/AI"


def test_azure_records_of_one_call_are_put_together(tmp_path: Path) -> None:
    """Diagnostics, gateway log and the numbered parts of the LLM log, in any order, with properties as text or table."""
    parts = json.dumps([{"role": "system", "content": "s"}, {"role": "user", "content": "hello world"}])
    records = [
        {
            "correlationId": "c1",
            "category": "GatewayLlmLogs",
            "properties": {"sequenceNumber": 1, "requestMessages": parts[30:]},
        },
        {
            "correlationId": "c1",
            "category": "RequestResponse",
            "operationName": "ChatCompletions_Create",
            "time": "2026-03-01T10:00:00.0000000Z",
            "durationMs": -12,
            "callerIpAddress": "192.0.2.***",
            "resultSignature": "200",
            "resourceId": RESOURCE,
            "properties": json.dumps({"modelDeploymentName": "chat", "objectId": ""}),
        },
        {
            "correlationId": "c2",
            "category": "RequestResponse",
            "operationName": "Create_Thread",
            "properties": "{}",
        },
        {
            "correlationId": "c1",
            "category": "GatewayLlmLogs",
            "properties": {
                "sequenceNumber": 0,
                "requestMessages": parts[:30],
                "responseMessages": json.dumps([{"role": "assistant", "content": "hi"}]),
                "promptTokens": 4,
                "completionTokens": 2,
            },
        },
    ]
    path = write_lines(tmp_path / "a.jsonl", records)
    assert open_log([path]).files[0].format == "azure"
    rows, rejects = read(path)
    row = only(rows)
    expected = {
        "exchange_id": "c1",
        "started_at": TEN,
        "account_id": RESOURCE.lower(),
        "organization_id": "s-1",
        "prompt": "hello world",
        "system": "s",
        "completion": "hi",
        "model": "chat",
        "input_tokens": 4,
        "output_tokens": 2,
        "status": 200,
    }
    assert expected.items() <= row.items()
    assert not {"client_ip", "duration_ms"} & set(row)
    assert rejects.warnings == {"bad_address": 1, "not_a_model_call": 1} and len(rejects) == 0


def test_azure_gateway_bodies(tmp_path: Path) -> None:
    """API Management logs bodies as text, cut at a limit; the subscription is the account."""
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}], "max_tokens": 10})
    base = {
        "TimeGenerated": "2026-03-01T10:00:00Z",
        "ApimSubscriptionId": "sub-1",
        "CallerIpAddress": "192.0.2.7",
    }
    records = [
        {
            **base,
            "CorrelationId": "c1",
            "RequestBody": body,
            "RequestHeaders": {"User-Agent": "ua"},
            "ResponseCode": 200,
        },
        {**base, "CorrelationId": "c2", "RequestBody": body[:-5], "ResponseCode": 200},
    ]
    path = write_lines(tmp_path / "a.jsonl", records)
    rows, rejects = read(path)
    assert [row.get("prompt") for row in rows] == ["hello", None]
    assert (rows[0]["account_id"], rows[0]["client_ip"], rows[0]["user_agent"]) == (
        "sub-1",
        "192.0.2.7",
        "ua",
    )
    assert rejects.warnings == {"prompt_absent": 1, "truncated_content": 1}


def test_langfuse_observations_and_traces(tmp_path: Path) -> None:
    """Generations are exchanges, alone or inside their trace; spans are passed over."""
    generation = {
        "id": "o1",
        "type": "GENERATION",
        "traceId": "t1",
        "projectId": "p1",
        "startTime": "2026-03-01T10:00:00Z",
        "endTime": "2026-03-01T10:00:01Z",
        "model": "large",
        "modelParameters": json.dumps({"temperature": 0.5}),
        "input": json.dumps(
            {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hello"}]}
        ),
        "output": {"role": "assistant", "content": "hi"},
        "usageDetails": {"input": 3, "input_cached_tokens": 1, "output": 2, "total": 6},
    }
    span = {**generation, "id": "o2", "type": "SPAN"}
    trace = {"id": "t1", "userId": "user-1", "observations": [generation, span]}
    expected = {
        "exchange_id": "o1",
        "started_at": TEN,
        "prompt": "hello",
        "system": "s",
        "completion": "hi",
        "temperature": 0.5,
        "input_tokens": 4,
        "output_tokens": 2,
        "duration_ms": 1000,
        "organization_id": "p1",
        "model": "large",
    }
    (tmp_path / "one").mkdir()
    row = only(told(tmp_path / "one", [generation, span], "langfuse"))
    assert {**expected, "account_id": "p1"}.items() <= row.items()
    row = only(told(tmp_path, [trace], "langfuse"))
    assert {**expected, "account_id": "user-1"}.items() <= row.items()


def test_bedrock_text_under_a_guardrail_is_text(tmp_path: Path) -> None:
    """`guardContent` wraps what the user said."""
    content = [{"guardContent": {"text": {"text": "hello", "qualifiers": ["guard_content"]}}}]
    record = bedrock(input={"inputBodyJson": {"messages": [{"role": "user", "content": content}]}})
    assert only(told(tmp_path, [record], "bedrock"))["prompt"] == "hello"


def test_azure_event_hub_batches(tmp_path: Path) -> None:
    """A line may hold `{"records": [...]}`."""
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}]})
    record = {
        "time": "2026-03-01T10:00:00Z",
        "apimSubscriptionId": "s",
        "category": "GatewayLogs",
        "requestBody": body,
    }
    lines = [{"records": [{**record, "correlationId": f"c{i}"}]} for i in (1, 2)]
    assert [row["exchange_id"] for row in told(tmp_path, lines, "azure")] == ["c1", "c2"]
