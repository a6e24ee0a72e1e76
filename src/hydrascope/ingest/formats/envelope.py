"""What surrounds a request/response pair in somebody's own log: who, when, from where, with which status.

There is no standard envelope, so each column is looked for under the names in common use, at the top level, in
the usual nested tables, and in the headers. A map file overrules all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydrascope.ingest.formats.base import Row
from hydrascope.ingest.formats.contract import COLUMNS
from hydrascope.ingest.formats.values import first, headers_of, hidden_key, mapping, opened, pick

__all__ = ["REQUEST_KEYS", "RESPONSE_KEYS", "bodies", "edge_columns", "read_envelope"]

REQUEST_KEYS = ("request", "request_body", "requestBody", "req", "request_json", "input_body")
RESPONSE_KEYS = (
    "response",
    "response_body",
    "responseBody",
    "resp",
    "response_json",
    "output_body",
    "chunks",
)
_NAMES: Mapping[str, tuple[str, ...]] = {
    "exchange_id": ("exchange_id", "request_id", "requestId", "x_request_id", "call_id", "custom_id", "id"),
    "started_at": (
        "started_at",
        "timestamp",
        "@timestamp",
        "time",
        "ts",
        "request_time",
        "requested_at",
        "received_at",
        "start_time",
        "startTime",
        "created_at",
        "date",
    ),
    "account_id": (
        "account_id",
        "accountId",
        "account",
        "customer_id",
        "billing_account",
        "workspace_id",
        "tenant_id",
    ),
    "organization_id": ("organization_id", "org_id", "organization", "organizationId", "team_id"),
    "api_key_id": ("api_key_id", "apiKeyId", "key_id", "key_hash", "api_key_hash", "api_key"),
    "end_user_id": ("end_user_id", "end_user"),
    "platform": ("platform", "provider"),
    "client_ip": (
        "client_ip",
        "clientIp",
        "ip",
        "ip_address",
        "remote_addr",
        "remote_ip",
        "source_ip",
        "client_address",
    ),
    "client_country": ("client_country", "country"),
    "client_asn": ("client_asn", "asn"),
    "user_agent": ("user_agent", "userAgent"),
    "tls_fingerprint": ("tls_fingerprint", "ja4", "ja3", "ja3_hash"),
    "status": ("status", "status_code", "statusCode", "http_status", "response_code"),
    "duration_ms": ("duration_ms", "latency_ms", "elapsed_ms", "durationMs", "latencyMs"),
}
_TABLES = ("client", "edge", "http", "meta", "metadata", "auth", "account")
_HEADERS: Mapping[str, tuple[str, ...]] = {
    "exchange_id": ("x-request-id", "request-id"),
    "client_ip": ("x-forwarded-for", "x-real-ip", "cf-connecting-ip", "true-client-ip"),
    "client_country": ("cf-ipcountry", "cloudfront-viewer-country", "x-client-country"),
    "user_agent": ("user-agent",),
    "tls_fingerprint": (
        "x-ja4",
        "ja4",
        "x-ja4-fingerprint",
        "cloudfront-viewer-ja4-fingerprint",
        "x-ja3",
        "x-ja3-hash",
    ),
    "organization_id": ("openai-organization", "anthropic-organization-id"),
}
_SECRETS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


def bodies(record: Mapping[str, Any]) -> tuple[Any, Any]:
    """The request body and the response body of a record, out of HTTP wrappers; None where there is none."""
    return _body(first(record, REQUEST_KEYS) or record.get("body")), _body(first(record, RESPONSE_KEYS))


def _body(value: Any) -> Any:
    value = opened(value)
    if isinstance(value, dict):
        for key in ("body", "json", "postData", "content_json"):
            inner = opened(value.get(key))
            if isinstance(inner, dict) and isinstance(inner.get("text"), str) and key == "postData":
                return opened(inner["text"])
            if isinstance(inner, (dict, list)) or (isinstance(inner, str) and "messages" not in value):
                return inner
    return value


def read_envelope(record: Mapping[str, Any]) -> Row:
    """Who, when and from where; a column without a value is left out.

    The account is the first of: an account id, a key id, an organisation, the hash of the key in the headers.
    """
    headers = _headers(record)
    row = {name: value for name in COLUMNS if (value := _look_up(record, name)) is not None}
    row.update({name: value for name, value in edge_columns(headers).items() if name not in row})
    row["api_key_id"] = hidden_key(row.get("api_key_id")) or hidden_key(first(headers, _SECRETS))
    for table in ("request", "response"):
        status = first(mapping(record.get(table)), ("status_code", "status", "statusCode"))
        if "status" not in row and isinstance(status, int):
            row["status"] = status
    if isinstance(row.get("status"), str) and not row["status"].isdigit():
        del row["status"]
    if isinstance(row.get("account_id"), dict):
        row["account_id"] = row["account_id"].get("id")
    row["account_id"] = row.get("account_id") or row["api_key_id"] or row.get("organization_id")
    return {name: value for name, value in row.items() if value is not None and not isinstance(value, dict)}


def _headers(record: Mapping[str, Any]) -> dict[str, str]:
    tables = ("request", "req", "http")
    nested = (pick(record, table, "headers") for table in tables)
    return headers_of(record.get("headers"), record.get("request_headers"), *nested)


def _look_up(record: Mapping[str, Any], column: str) -> Any:
    names = _NAMES.get(column)
    if names is None:
        return None
    found = first(record, names)
    for table in _TABLES:
        if found is None:
            found = first(
                mapping(record.get(table)), (column, *names[:3]) if table != "account" else (column,)
            )
    if found is None and column == "account_id":
        found = pick(record, "account", "id")
    return found


def edge_columns(headers: Mapping[str, str]) -> Row:
    """Columns that an edge writes into headers; names of headers are lower case."""
    found = {column: first(headers, names) for column, names in _HEADERS.items()}
    return {column: value for column, value in found.items() if value is not None}
