"""What is hunted for: values, networks, template texts, shingles, or all that marks a known campaign.

```toml
[indicators]                                     # the control file's table; a control file will do
client_ip = ["203.0.113.9", "198.51.100.0/22"]
payment_fingerprint = ["pf_1"]
tls_fingerprint = ["t13d1516h2_8daaf6152771_02713d6af862"]
tools = [["bash", "str_replace_editor"]]
decoding = [{ temperature = 0.6, top_p = 0.95, max_tokens = 8192 }]
template = ["Write out every step that leads from {{problem}} to the answer {{answer}}, in full sentences."]
shingles = [[8721350981234, -5512349871]]        # as in tracks.json
```
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hydrascope.campaigns.track import Track
from hydrascope.config import read_toml
from hydrascope.errors import ConfigError, UsageError, nearest
from hydrascope.features.incidence import CHANNELS
from hydrascope.features.observed import CHANNEL_COLUMNS, observe_exchanges
from hydrascope.features.population import ATTRIBUTES
from hydrascope.kernels.strings import hash_strings
from hydrascope.schema import EXCHANGES
from hydrascope.sketch import RATE, sketch_texts

__all__ = ["KINDS", "LEAST_CORE", "Hunted", "core_of_text", "indicators_like", "read_indicators"]

LEAST_CORE = 8
"""Shingles of a template's text, about ten words; with fewer, a common phrase would match."""
_LIKE = 0.2
"""Least share of the users of a value or template that a campaign's accounts must be for it to mark the campaign."""
_SLOT = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_ROW_KINDS: Mapping[str, str] = {
    **{source: name for name, source in CHANNEL_COLUMNS.items()},
    "system": "system",
    "tools": "tools",
    "decoding": "decoding",
    "account_id": "account",
}
"""Kind to the narrow column that is compared; the others are columns of the accounts table."""
KINDS = (*_ROW_KINDS, *(a for a in ATTRIBUTES if a not in _ROW_KINDS), "template", "shingles")
_FAMILY: Mapping[str, str] = {
    **CHANNELS,
    "account": "identity",
    "template": "content",
    "organization": "identity",
    "organization_id": "identity",
    "end_user": "identity",
}
_DECODING = ("temperature", "top_p", "max_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunted:
    """One indicator: a value of one column, addresses inside a network, or a template."""

    kind: str
    text: str | None
    """How it is shown; None for a value of which only the hash is known until it is met."""
    column: str
    """Narrow column, column of the accounts table, or `template`."""
    family: str
    """Evidence family, whose cap holds; empty for what no family has."""
    value: int | None = None
    """Hash of the value; None for a network or a template."""
    network: str | None = None
    """Addresses inside it match, where it is neither a /24 nor a /48."""
    core: tuple[int, ...] = ()
    """Shingles of a template."""
    is_whole: bool = False
    """Whether `core` is every shingle of a known text, not a sample."""
    in_accounts: bool = False
    """Whether the column is one of the accounts table."""
    p_member: float | None = None
    """Share of the known campaign's accounts that show it; None where it is not known."""

    @property
    def label(self) -> str:
        """Kind and value in words."""
        return f"{self.kind} {self.text or f'#{(self.value or 0) & 0xFFFFFFFF:08x}'}"


def read_indicators(path: Path) -> tuple[Hunted, ...]:
    """The indicators of a file, in its order.

    Raises:
        ConfigError: no TOML, no indicators, an unknown kind, or a value that cannot be one.
    """
    table = read_toml(path)
    file = str(path)
    indicators = table.get("indicators")
    if not isinstance(indicators, dict) or not indicators:
        raise ConfigError("has no [indicators]", file=file, hint='write [indicators] and client_ip = ["..."]')
    found: list[Hunted] = []
    for kind, values in indicators.items():
        if kind not in KINDS:
            raise ConfigError(f"[indicators] has no kind '{kind}'", file=file, hint=nearest(kind, KINDS))
        if not isinstance(values, list):
            raise ConfigError(f"[indicators] {kind} is no list", file=file, hint=f"write {kind} = [...]")
        try:
            found += [_indicator(kind, v) for v in values]
        except (TypeError, ValueError, pa.ArrowException) as error:
            raise ConfigError(f"[indicators] {kind}: {error}", file=file) from error
    return tuple(dict.fromkeys(found))


def _indicator(kind: str, value: Any) -> Hunted:
    if kind == "template":
        return _template(value)
    if kind == "shingles":
        core = tuple(sorted({int(v) for v in value}))
        return Hunted(kind=kind, text=f"{len(core)} shingles", column="template", family="content", core=core)
    if kind == "client_ip" and "/" in _text(value):
        return _network(value)
    if kind in _ROW_KINDS:
        column = _ROW_KINDS[kind]
        return Hunted(
            kind=kind,
            text=_short(_shown(value)),
            column=column,
            family=_FAMILY.get(column, ""),
            value=_row_hash(kind, value),
        )
    return Hunted(
        kind=kind,
        text=_short(_text(value)),
        column=kind,
        family=_FAMILY.get(kind, ""),
        value=hash_strings(pa.array([_text(value)]))[0].as_py(),
        in_accounts=True,
    )


def _template(value: Any) -> Hunted:
    core = core_of_text(_text(value))
    if len(core) < LEAST_CORE:
        raise ValueError(f"'{_short(value)}' is too short to be told from a common phrase: give ten words")
    return Hunted(
        kind="template",
        text=_short(value),
        column="template",
        family="content",
        core=core,
        is_whole=True,
    )


def _network(value: str) -> Hunted:
    network = ipaddress.ip_network(value, strict=False)
    usual = network.prefixlen == (24 if network.version == 4 else 48)
    hashed = _row_hash("client_ip", str(network.network_address), "network") if usual else None
    return Hunted(
        kind="client_ip",
        text=str(network),
        column="network" if usual else "ip",
        family="egress",
        value=hashed,
        network=None if usual else str(network),
    )


def _row_hash(kind: str, value: Any, column: str | None = None) -> int:
    """The value as an exchange that has it would be hashed: there is one place that hashes."""
    row: dict[str, Any] = {
        "exchange_id": "",
        "account_id": "",
        "started_at": datetime(1970, 1, 1, tzinfo=UTC),
    }
    if kind == "decoding":
        unknown = sorted(set(value) - set(_DECODING))
        if unknown:
            raise ValueError(f"'{unknown[0]}' is none of {', '.join(_DECODING)}")
        row |= value
    else:
        row[kind] = [_text(v) for v in value] if kind == "tools" else _text(value)
    schema = pa.schema([f.with_nullable(True) for f in EXCHANGES])
    rows = observe_exchanges(pa.RecordBatch.from_pylist([row], schema=schema), rate=RATE).rows
    return int(rows[column or _ROW_KINDS[kind]][0].as_py())


def core_of_text(text: str) -> tuple[int, ...]:
    """Every shingle of a template's constant text, ascending.

    Args:
        text: slots as `{{anything}}`; no shingle reaches over one.
    """
    parts = pa.array([p for p in _SLOT.split(text) if p.strip()], pa.string())
    shingles = sketch_texts(parts, rate=1.0).shingles
    return tuple(np.unique(shingles.view(np.int64)).tolist())


def indicators_like(track: Track) -> tuple[Hunted, ...]:
    """All that marks a known campaign: its templates and the values that few others use.

    Raises:
        UsageError: nothing is remembered of it but its accounts.
    """
    found = [*_templates(track), *_values(track)]
    if not found:
        raise UsageError(
            f"nothing is known of {track.campaign_id} that others could match",
            hint="scan again with this version, which keeps templates and values in tracks.json",
        )
    return tuple(found)


def _templates(track: Track) -> Iterator[Hunted]:
    for i, mark in enumerate(track.portrait.templates, 1):
        if mark.n_members < _LIKE * mark.n_all:
            continue
        yield Hunted(
            kind="template",
            text=f"template {i} of {track.campaign_id}",
            column="template",
            family="content",
            core=mark.core,
            p_member=mark.n_members / len(track.portrait.members),
        )


def _values(track: Track) -> Iterator[Hunted]:
    attributes = {*ATTRIBUTES, "signup_network"}
    for channel, marks in sorted(track.portrait.values.items()):
        for mark in (m for m in marks if m.n_members >= _LIKE * m.n_all):
            yield Hunted(
                kind=channel,
                text=None,
                column=channel,
                family=CHANNELS[channel],
                value=mark.value,
                in_accounts=channel in attributes,
                p_member=mark.n_members / len(track.portrait.members),
            )


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is no text")
    return value


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    return ", ".join(value) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:79] + "…"
