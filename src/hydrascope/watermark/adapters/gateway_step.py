"""The gateway's part: who gets which key, and what clients may not say about it. Pure functions.

    account -> cluster (from the detector's findings) -> handle (from the registry) -> signed header

A client that could choose its key, switch marking off, or bend logits could wash the mark out, or have somebody
else accused. So those fields are taken out of every request before the gateway's own header goes in, and the
header is signed, so that an engine believes nobody else.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hydrascope.errors import RefusalError
from hydrascope.watermark.keys import Level
from hydrascope.watermark.registry import Registry

__all__ = [
    "HEADER",
    "STRIPPED",
    "Handles",
    "handles_of",
    "mark_request",
    "open_header",
    "sign_header",
    "strip_request",
]

HEADER = "X-Hydrascope-Mark"
"""HTTP form of the signed handle; engines that take arguments get it as `vllm_xargs.hydrascope_mark`."""
STRIPPED = frozenset(
    {
        "bad_words",
        "custom_logit_processor",
        "custom_params",
        "extra_args",
        "logit_bias",
        "logits_processors",
        "vllm_xargs",
        "watermark",
        "watermarking",
        "watermarking_config",
    }
)
"""Request fields that clients may not set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handles:
    """Which key marks whose text; the narrowest that exists wins."""

    deployment: str | None = None
    """Handle of the deployment's key, for everyone; None marks flagged clusters alone."""
    clusters: Mapping[str, str]
    """Cluster to handle."""
    accounts: Mapping[str, str]
    """Account to handle; empty unless per-account keys were asked for."""

    def find(self, account: str, cluster: str | None) -> str | None:
        """Handle for an account, or None where its text is not marked."""
        if account in self.accounts:
            return self.accounts[account]
        if cluster is not None and cluster in self.clusters:
            return self.clusters[cluster]
        return self.deployment


def handles_of(registry: Registry, schemes: Iterable[str] = ("red_green",)) -> Handles:
    """Handles of the registry's active keys whose scheme a request can name."""
    wanted = set(schemes)
    of: dict[Level, dict[str, str]] = {level: {} for level in Level}
    for key in registry.keys:
        if key.active and key.mark.scheme in wanted:
            of[key.path.level][key.path.subject] = key.key_id
    return Handles(
        deployment=of[Level.DEPLOYMENT].get(registry.deployment),
        clusters=of[Level.CLUSTER],
        accounts=of[Level.ACCOUNT],
    )


def sign_header(secret: bytes, handle: str, *, expires_at_s: int) -> str:
    """`v1.HANDLE.EXPIRES.MAC`: names a key until a time, and cannot be made without the gateway's secret."""
    body = f"v1.{handle}.{expires_at_s}"
    return f"{body}.{_mac(secret, body)}"


def open_header(secret: bytes, header: str, *, now_s: int) -> str:
    """The handle in a signed header.

    Raises:
        RefusalError: malformed, not signed with `secret`, or expired.
    """
    parts = header.split(".")
    if len(parts) != 4 or parts[0] != "v1" or not parts[2].isdigit():
        raise RefusalError(
            "this is not a mark header", hint="only the gateway makes it: v1.HANDLE.EXPIRES.MAC"
        )
    body = ".".join(parts[:3])
    if not hmac.compare_digest(parts[3], _mac(secret, body)):
        raise RefusalError(
            "the mark header's signature does not hold", hint="gateway and engine share one key ring"
        )
    if now_s > int(parts[2]):
        raise RefusalError("the mark header has expired", hint="the gateway signs each request anew")
    return parts[1]


def strip_request(
    body: Mapping[str, Any], headers: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Request body and headers without what clients may not say, nested sampling parameters included."""
    clean = {name: value for name, value in body.items() if name.lower() not in STRIPPED}
    for name in ("extra_body", "sampling_params", "nvext"):
        if isinstance(clean.get(name), Mapping):
            clean[name] = {key: value for key, value in clean[name].items() if key.lower() not in STRIPPED}
    kept = {name: value for name, value in headers.items() if name.lower() != HEADER.lower()}
    return clean, kept


def mark_request(
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    *,
    account: str,
    cluster: str | None,
    handles: Handles,
    secret: bytes,
    now_s: int,
    lifetime_s: int = 300,
) -> tuple[dict[str, Any], dict[str, str]]:
    """The request as an engine should see it: stripped, then named and signed.

    Args:
        body: request body, OpenAI-compatible. headers: HTTP headers.
        account: who asked. cluster: the cluster it was assigned to, None where none.
        handles: which key marks whose text.
        secret: the ring's `gateway_secret`.
        now_s: Unix time. lifetime_s: how long the header holds.

    Returns:
        New body and headers; the inputs are not touched.
    """
    clean, kept = strip_request(body, headers)
    handle = handles.find(account, cluster)
    if handle is None:
        return clean, kept
    header = sign_header(secret, handle, expires_at_s=now_s + lifetime_s)
    return {**clean, "vllm_xargs": {"hydrascope_mark": header}}, {**kept, HEADER: header}


def _mac(secret: bytes, body: str) -> str:
    return hmac.new(secret, body.encode(), hashlib.sha256).hexdigest()[:32]
