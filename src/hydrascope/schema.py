"""The Arrow schemas that pass between rooms; names and types of the public ones are the contract's.

`EXCHANGES` is what ingest yields, batch by batch. The rest of the pipeline never sees a log format.
"""

from __future__ import annotations

import pyarrow as pa

__all__ = [
    "ACCOUNTS",
    "CAPABILITIES",
    "ELICITATIONS",
    "EVENTS",
    "EXCHANGES",
    "FINDINGS_ACCOUNTS",
    "FINDINGS_CAMPAIGNS",
    "TRUTH",
]

TIMESTAMP = pa.timestamp("us", tz="UTC")

EXCHANGES = pa.schema(
    [
        pa.field("exchange_id", pa.string(), nullable=False),
        pa.field("started_at", TIMESTAMP, nullable=False),
        pa.field("account_id", pa.string(), nullable=False),
        ("prompt", pa.string()),
        ("sketch", pa.string()),
        ("system", pa.string()),
        ("completion", pa.string()),
        ("organization_id", pa.string()),
        ("api_key_id", pa.string()),
        ("end_user_id", pa.string()),
        ("platform", pa.string()),
        ("client_ip", pa.string()),
        ("client_country", pa.string()),
        ("client_asn", pa.int32()),
        ("user_agent", pa.string()),
        ("tls_fingerprint", pa.string()),
        ("model", pa.string()),
        ("tools", pa.list_(pa.string())),
        ("turns", pa.int32()),
        ("temperature", pa.float32()),
        ("top_p", pa.float32()),
        ("max_tokens", pa.int32()),
        ("input_tokens", pa.int32()),
        ("output_tokens", pa.int32()),
        ("reasoning_tokens", pa.int32()),
        ("duration_ms", pa.int32()),
        ("reasoning", pa.bool_()),
        ("stop_reason", pa.string()),
        ("status", pa.int16()),
        ("signatures", pa.list_(pa.string())),  # sealed reasoning that came with the answer
        ("sent_signatures", pa.list_(pa.string())),  # that the request was sent with
        ("source_file", pa.int32()),  # index into the run's sorted list of input files
        ("source_line", pa.int64()),  # 1-based line or row in that file
    ]
)
"""One exchange a row. A null means unknown; `prompt` and `sketch` are both null where the text was redacted or lost."""

ACCOUNTS = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        ("created_at", TIMESTAMP),
        ("organization_id", pa.string()),
        ("access_pathway", pa.string()),
        ("plan", pa.string()),
        ("payment_fingerprint", pa.string()),
        ("email_domain", pa.string()),
        ("phone_fingerprint", pa.string()),
        ("device_fingerprint", pa.string()),
        ("signup_ip", pa.string()),
        ("billing_country", pa.string()),
        ("declared", pa.string()),
    ]
)

EVENTS = pa.schema([("kind", pa.string()), ("at", TIMESTAMP), ("subject", pa.string())])

TRUTH = pa.schema([("account_id", pa.string()), ("label", pa.string()), ("campaign", pa.string())])

FINDINGS_CAMPAIGNS = pa.schema(
    [
        ("campaign_id", pa.string()),
        ("verdict", pa.string()),
        ("probability", pa.float64()),
        ("q_value", pa.float64()),
        ("enforceable", pa.bool_()),
        ("n_accounts", pa.int64()),
        ("n_exchanges", pa.int64()),
        ("first_seen", TIMESTAMP),
        ("last_seen", TIMESTAMP),
        ("distillation_share", pa.float64()),
        ("capabilities", pa.map_(pa.string(), pa.float64())),
        ("input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("title", pa.string()),
    ]
)

FINDINGS_ACCOUNTS = pa.schema(
    [
        ("account_id", pa.string()),
        ("campaign_id", pa.string()),
        ("probability", pa.float64()),
        ("bits", pa.float64()),
        ("enforceable", pa.bool_()),
        ("distillation_share", pa.float64()),
        ("n_exchanges", pa.int64()),
    ]
)

CAPABILITIES: tuple[str, ...] = (
    "agentic_tool_use",
    "coding",
    "computer_use",
    "data_analysis",
    "general",
    "reasoning",
    "grading",
    "rewriting",
    "translation",
    "extraction",
    "classification",
)
"""What a template asks the model to be good at."""

ELICITATIONS: tuple[str, ...] = (
    "reasoning_articulation",
    "inline_tag_forcing",
    "language_pinning",
    "translation_laundering",
    "rubric_grading",
    "preference_data",
    "censorship_safe_rewriting",
    "rl_task_writing",
    "data_cleaning",
    "agent_trajectory",
    "none",
)
"""How a template draws training signal out of the model; `none` for ordinary use.

`agent_trajectory` asks for a whole episode, its tool results or both its voices made up. An agent's next step, which its program
carries out, is `none`: thoughts and actions are written for anybody.
"""
