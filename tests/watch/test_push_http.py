"""Pushes over HTTP: what is taken, what is answered, and that OpenTelemetry's own exporter is understood."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pushing import exchange_lines, hashed, ids_of, log_request, post, rows_of, span_request

from hydrascope.errors import UsageError
from hydrascope.pipeline.push import Receiver, Spool, land_pushes, listen_address, open_spool, receive
from hydrascope.pipeline.push.app import PushSettings
from hydrascope.pipeline.push.seal import SealSettings
from hydrascope.pipeline.watch import open_state

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

PATIENT = SealSettings(settle_s=0.0, patience_s=3600.0)
LIMIT = 200_000


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A spool with room for a little more than one push."""
    with open_spool(tmp_path / "spool", limit_bytes=300_000) as opened:
        yield opened


@pytest.fixture
def receiver(spool: Spool) -> Iterator[Receiver]:
    """A receiver without a token."""
    with receive(spool, "127.0.0.1", 0, PushSettings(most_bytes=LIMIT)) as running:
        yield running


def landed(tmp_path: Path, spool: Spool) -> list[dict[str, Any]]:
    """The rows of a new state that everything was landed in."""
    with open_state(tmp_path / "state") as state:
        land_pushes(state, spool, PATIENT)
        return rows_of(state)


def test_json_lines_are_on_the_disk_when_they_are_answered(
    tmp_path: Path, spool: Spool, receiver: Receiver
) -> None:
    """200 with an id; the same bytes again are the same push; all are landed once."""
    status, _, answer = post(receiver.port, exchange_lines(range(10)))
    assert (status, json.loads(answer)["duplicate"]) == (200, False)
    assert len(spool.pushes()) == 1
    status, _, again = post(receiver.port, exchange_lines(range(10)))
    assert (status, json.loads(again)) == (200, {**json.loads(answer), "duplicate": True})
    assert sorted(row["xid"] for row in landed(tmp_path, spool)) == hashed(f"x{i}" for i in range(10))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_otlp_json_spans_and_log_records_meet(
    tmp_path: Path, spool: Spool, receiver: Receiver, packed: bool
) -> None:
    """Sent to two paths; the answer is OTLP's empty object."""
    for path, request in (("/v1/traces", span_request(range(5))), ("/v1/logs", log_request(range(5)))):
        body = msgspec.json.encode(request)
        headers = {"Content-Encoding": "gzip"} if packed else {}
        body = gzip.compress(body) if packed else body
        status, _, answer = post(receiver.port, body, path, media_type="application/json", headers=headers)
        assert (status, answer) == (200, b"{}")
    rows = landed(tmp_path, spool)
    assert len(rows) == 5
    assert all(row["prompt"] is not None for row in rows)


def test_any_log_format_is_told_by_its_shape(tmp_path: Path, spool: Spool, receiver: Receiver) -> None:
    """An OpenAI-shaped document, spread over lines, beside contract lines: two files are landed."""
    call = {
        "request": {"model": "gpt", "messages": [{"role": "user", "content": "how high is the mountain"}]},
        "response": {"id": "r1", "created": 1_772_409_600, "object": "chat.completion", "choices": []},
        "account_id": "acct_1",
    }
    document = json.dumps([call, {**call, "response": {**call["response"], "id": "r2"}}], indent=2).encode()
    status, _, answer = post(receiver.port, document, media_type="application/json; charset=utf-8")
    assert status == 200, answer
    assert post(receiver.port, exchange_lines(range(3)))[0] == 200
    assert {p.kind for p in spool.pushes()} == {"openai.jsonl", "contract.jsonl"}
    assert len(landed(tmp_path, spool)) == 5


REFUSALS = {
    "empty": (b" ", "/v1/exchanges", "application/x-ndjson", {}, 400, "empty"),
    "no json": (b"{broken", "/v1/traces", "application/json", {}, 400, "no JSON"),
    "no otlp": (b'{"a": 1}', "/v1/logs", "application/json", {}, 400, "resourceLogs"),
    "no exchange": (b'{"a": 1}\n', "/v1/exchanges", "application/x-ndjson", {}, 400, "exchange_id"),
    "no line": (b"nothing\nat all\n", "/v1/exchanges", "application/x-ndjson", {}, 400, "no line"),
    "csv": (b"exchange_id,prompt\n1,a\n", "/v1/exchanges", "application/json", {}, 415, "csv"),
    "type": (b"{}", "/v1/exchanges", "text/plain", {}, 415, "text/plain"),
    "protobuf lines": (b"\x0a\x00", "/v1/exchanges", "application/x-protobuf", {}, 415, "x-protobuf"),
    "encoding": (b"{}", "/v1/traces", "application/json", {"Content-Encoding": "br"}, 415, "'br'"),
    "gzip": (b"\x1f\x8bno", "/v1/traces", "application/json", {"Content-Encoding": "gzip"}, 400, "gzip"),
    "half gzip": (
        gzip.compress(b"{}" * 99)[:20],
        "/v1/traces",
        "application/json",
        {"Content-Encoding": "gzip"},
        400,
        "ends early",
    ),
    "bomb": (
        gzip.compress(b"{}" * LIMIT),
        "/v1/traces",
        "application/json",
        {"Content-Encoding": "gzip"},
        413,
        "200,000 bytes",
    ),
    "size": (b" " * (LIMIT + 1), "/v1/traces", "application/json", {}, 413, "200,000 bytes"),
    "path": (b"{}", "/v1/metrics", "application/json", {}, 404, "Not Found"),
    "format": (b"{}", "/v1/exchanges?format=opanai", "application/json", {}, 400, "unknown format"),
}


@pytest.mark.parametrize("case", sorted(REFUSALS))
def test_what_cannot_be_read_is_refused_with_a_reason(spool: Spool, receiver: Receiver, case: str) -> None:
    """As JSON, with the status that says whether sending again would help; nothing is stored."""
    body, path, media_type, headers, wanted, said = REFUSALS[case]
    status, _, answer = post(receiver.port, body, path, media_type=media_type, headers=headers)
    if "protobuf" in media_type:
        assert (status, said.encode() in answer) == (wanted, True)
    else:
        assert status == wanted, answer
        assert said in json.loads(answer)["message"]
    assert not spool.pushes()
    assert not list((spool.folder / "incoming").iterdir())


def test_protobuf_is_answered_in_protobuf(spool: Spool, receiver: Receiver) -> None:
    """An error is a `google.rpc.Status`, as OTLP asks for; its message may be long."""
    status, headers, answer = post(
        receiver.port, b"\xff\xff", "/v1/traces", media_type="application/x-protobuf"
    )
    assert (status, headers["content-type"]) == (400, "application/x-protobuf")
    assert answer[:3] == bytes([8, 3, 18])
    assert b"no OTLP export request" in answer


def test_a_full_spool_asks_to_come_back(tmp_path: Path, spool: Spool, receiver: Receiver) -> None:
    """503 with Retry-After, and what was refused can be sent again once there is room."""
    first, second = exchange_lines(range(1000)), exchange_lines(range(1000, 2000))
    assert post(receiver.port, first)[0] == 200
    status, headers, answer = post(receiver.port, second)
    assert (status, headers["retry-after"]) == (503, "10")
    assert "waits to be landed" in json.loads(answer)["message"]
    assert len(landed(tmp_path, spool)) == 1000
    assert post(receiver.port, second)[0] == 200


def test_an_idempotency_key_is_held_to(receiver: Receiver) -> None:
    """The same key with another body is refused."""
    key = {"Idempotency-Key": "batch-7"}
    assert post(receiver.port, exchange_lines(range(3)), headers=key)[0] == 200
    assert json.loads(post(receiver.port, exchange_lines(range(3)), headers=key)[2])["duplicate"]
    assert post(receiver.port, exchange_lines(range(4)), headers=key)[0] == 422


def test_the_same_push_many_times_at_once_is_stored_once(spool: Spool, receiver: Receiver) -> None:
    """Every sender is told so only when it is on the disk."""
    answers: list[bytes] = []
    senders = [
        threading.Thread(target=lambda: answers.append(post(receiver.port, exchange_lines(range(9)))[2]))
        for _ in range(8)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert sorted(json.loads(a)["duplicate"] for a in answers) == [False] + [True] * 7
    assert len(spool.pushes()) == 1


def test_a_token_is_asked_for(spool: Spool) -> None:
    """Without it, or with another, 401 before anything is read."""
    settings = PushSettings(token="a long enough token")
    with receive(spool, "127.0.0.1", 0, settings) as running:
        status, headers, answer = post(running.port, exchange_lines(range(3)))
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        assert "Authorization" in json.loads(answer)["hint"]
        for token, wanted in (("another token", 401), ("a long enough token", 200)):
            said = {"Authorization": f"Bearer {token}"}
            assert post(running.port, exchange_lines(range(3)), headers=said)[0] == wanted


def test_strangers_are_only_let_in_with_a_token(spool: Spool) -> None:
    """An address that others reach needs one."""
    with pytest.raises(UsageError, match="no token"), receive(spool, "0.0.0.0", 0, PushSettings()):
        pass
    with receive(spool, "0.0.0.0", 0, PushSettings(token="a long enough token")) as running:
        assert post(running.port, b"", "/healthz", method="GET")[0] == 200


def test_an_address_in_use_is_named(spool: Spool, receiver: Receiver) -> None:
    """Before anything is taken."""
    with (
        pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{receiver.port}"),
        receive(spool, "127.0.0.1", receiver.port, PushSettings()),
    ):
        pass


@pytest.mark.parametrize("text", ["4318", "localhost", "localhost:", ":4318", "localhost:99999"])
def test_an_address_has_a_host_and_a_port(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(UsageError, match="HOST:PORT"):
        listen_address(text)


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_opentelemetry_s_own_exporter_is_understood(
    tmp_path: Path, spool: Spool, receiver: Receiver, compressed: bool
) -> None:
    """Spans of two accounts through the SDK's batches and its OTLP/HTTP protobuf exporter become exchanges."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = OTLPSpanExporter(
        endpoint=f"http://127.0.0.1:{receiver.port}/v1/traces",
        compression=Compression.Gzip if compressed else Compression.NoCompression,
    )
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    for i in range(20):
        with tracer.start_as_current_span("chat") as span:
            span.set_attribute("gen_ai.operation.name", "chat")
            span.set_attribute("gen_ai.request.model", "m")
            span.set_attribute("user.id", f"acct_{i % 2}")
            span.set_attribute("gen_ai.usage.input_tokens", 7)
            said = [{"role": "user", "parts": [{"type": "text", "content": f"how high is mountain {i}"}]}]
            span.set_attribute("gen_ai.input.messages", json.dumps(said))
    assert provider.force_flush()
    provider.shutdown()
    rows = landed(tmp_path, spool)
    assert len(rows) == 20
    assert len({row["account"] for row in rows}) == 2
    assert {row["input_tokens"] for row in rows} == {7}
    assert all(row["prompt"] is not None for row in rows)


def test_the_sdk_s_log_records_meet_its_spans(tmp_path: Path, spool: Spool, receiver: Receiver) -> None:
    """Messages as events beside the span, each exporter on its own path."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    base = f"http://127.0.0.1:{receiver.port}"
    traces, logs = TracerProvider(), LoggerProvider()
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{base}/v1/traces")))
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=f"{base}/v1/logs")))
    tracer, logger = traces.get_tracer("test"), logs.get_logger("test")
    for i in range(6):
        with tracer.start_as_current_span("chat") as span:
            span.set_attribute("gen_ai.operation.name", "chat")
            span.set_attribute("gen_ai.request.model", "m")
            span.set_attribute("user.id", "acct_1")
            logger.emit(
                LogRecord(
                    timestamp=time.time_ns(),
                    severity_number=SeverityNumber.INFO,
                    event_name="gen_ai.user.message",
                    body={"content": f"how high is mountain {i} in metres"},
                )
            )
    assert traces.force_flush()
    assert logs.force_flush()
    traces.shutdown()
    logs.shutdown()
    rows = landed(tmp_path, spool)
    assert len(rows) == 6
    assert all(row["prompt"] is not None and row["n_words"] == 7 for row in rows)


def test_the_command_receives_and_stops_politely(tmp_path: Path) -> None:
    """`watch --listen` lands what is pushed; SIGTERM ends it with 0, and what was answered but not landed is kept."""
    port = free_port()
    state = tmp_path / "state"
    command = [
        *(sys.executable, "-m", "hydrascope", "watch", "--listen", f"127.0.0.1:{port}"),
        *("--state", str(state), "--every", "0.2", "--detect-every", "0"),
    ]
    environment = {**os.environ, "HYDRASCOPE_PUSH_TOKEN": "sixteen letters and more"}
    token = {"Authorization": "Bearer sixteen letters and more"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
        try:
            wait_for(lambda: post(port, b"", "/healthz", method="GET")[0] == 200)
            assert post(port, exchange_lines(range(40)))[0] == 401
            assert post(port, exchange_lines(range(40)), headers=token)[0] == 200
            assert run.stdout is not None
            assert f"listening on 127.0.0.1 port {port}" in run.stdout.readline()
            assert "40 pushed exchanges landed" in run.stdout.readline()
        finally:
            run.send_signal(signal.SIGTERM)
        run.communicate(timeout=60)
    assert run.returncode == 0
    assert len(ids_of(state / "current")) == 40


def free_port() -> int:
    """A port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(is_so: Any, timeout_s: float = 90.0) -> None:
    """Until it is so; refused connections count as not yet."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        try:
            if is_so():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")
