"""What findings show besides the numbers: names behind hashes, kept texts, bans and releases, model mix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.engine.base import Engine
from hydrascope.features.activity import HOUR_US
from hydrascope.features.population import Population
from hydrascope.kernels.strings import hash_strings

__all__ = ["Happenings", "TextSample", "read_happenings", "read_models", "read_names", "read_texts"]

_MAX_TEXTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Happenings:
    """What the operator knows besides the log, by account code."""

    banned_at: np.ndarray
    """int64[n], microseconds; -1 where never banned."""
    releases: tuple[tuple[int, str], ...] = ()
    """(time in microseconds, model), ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSample:
    """Kept texts, sorted by account, then rank."""

    offsets: np.ndarray
    """int64[n_accounts+1]."""
    xid: np.ndarray
    exchange_id: Sequence[str]
    text: Sequence[str]
    """System prompt, if any, a blank line, and the last user turn; both cut."""


def read_happenings(events: pa.Table | None, population: Population) -> Happenings:
    """Bans and limits of known accounts, and model releases."""
    banned = np.full(len(population), -1, np.int64)
    if events is None or events.num_rows == 0:
        return Happenings(banned_at=banned)
    events = events.sort_by([("at", "ascending"), ("kind", "ascending"), ("subject", "ascending")])
    at = events["at"].cast(pa.int64())
    code = {name: i for i, name in enumerate(population.account_id)}
    for kind, when, subject in zip(
        events["kind"].to_pylist(), at.to_pylist(), events["subject"].to_pylist(), strict=True
    ):
        if kind == "account_banned" and subject in code and banned[code[subject]] < 0:
            banned[code[subject]] = when
    released = events.filter(pc.equal(events["kind"], "model_release"))
    times = zip(released["at"].cast(pa.int64()).to_pylist(), released["subject"].to_pylist(), strict=True)
    return Happenings(banned_at=banned, releases=tuple(times))


def read_texts(engine: Engine, population: Population, accounts: np.ndarray) -> TextSample:
    """The lowest-ranked kept texts of some accounts."""
    engine.register(
        "wanted", pa.table({"account": population.hashed[accounts], "code": accounts.astype(np.int32)})
    )
    rows = engine.collect(f"""
        SELECT r.code AS code, r.rank AS rank, r.xid AS xid, r.exchange_id AS exchange_id, r.text AS text, s.text AS system FROM (
          SELECT w.code AS code, t.rank AS rank, t.xid AS xid, t.exchange_id AS exchange_id, t.text AS text, t.system AS system,
                 row_number() OVER (PARTITION BY t.account ORDER BY t.rank) AS position
          FROM texts t JOIN wanted w ON t.account = w.account
        ) r LEFT JOIN systems s ON r.system = s.system WHERE r.position <= {_MAX_TEXTS}""").sort_by(
        [("code", "ascending"), ("rank", "ascending")]
    )
    offsets = np.searchsorted(rows["code"].to_numpy(), np.arange(len(population) + 1))
    return TextSample(
        offsets=offsets,
        xid=rows["xid"].to_numpy(),
        exchange_id=rows["exchange_id"].to_pylist(),
        text=[
            _joined(*pair) for pair in zip(rows["system"].to_pylist(), rows["text"].to_pylist(), strict=True)
        ],
    )


def _joined(system: str | None, prompt: str) -> str:
    return prompt if not system else f"{system}\n\n{prompt}"


def read_names(engine: Engine, population: Population) -> dict[str, dict[int, str]]:
    """Channel to value hash to the text behind it, for channels with few values or that the analyst is shown."""
    rows = engine.collect(
        "SELECT DISTINCT channel, value, text FROM value_names WHERE channel IN ('user_agent', 'tls', 'platform', 'model', 'ip')"
    )
    names: dict[str, dict[int, str]] = {}
    for channel, value, text in zip(
        *(rows[c].to_pylist() for c in ("channel", "value", "text")), strict=True
    ):
        names.setdefault(channel, {})[value] = text
    for attribute in ("payment_fingerprint", "email_domain", "access_pathway"):
        texts = sorted({v for v in population.attributes.get(attribute, []) if v is not None})
        hashes = hash_strings(pa.array(texts, pa.string())).to_pylist()
        names[attribute] = dict(zip(hashes, texts, strict=True))
    return names


def read_models(engine: Engine, accounts: np.ndarray, start_hour: int) -> Mapping[int, np.ndarray]:
    """Account code to rows (hour since the log's first, model hash, exchanges)."""
    engine.register("shown", pa.table({"code": accounts.astype(np.int32)}))
    rows = engine.collect(f"""
        SELECT s.code AS code, g.hour AS hour, g.model AS model, g.n AS n FROM (
          SELECT account, CAST(floor(at_us / {HOUR_US}e0) AS BIGINT) AS hour, model, count(*) AS n
          FROM exchanges WHERE model IS NOT NULL GROUP BY account, 2, model
        ) g JOIN dim d ON g.account = d.account JOIN shown s ON d.code = s.code""")
    table = np.stack([rows[c].to_numpy().astype(np.int64) for c in ("code", "hour", "model", "n")], axis=1)
    table = table[np.lexsort((table[:, 2], table[:, 1], table[:, 0]))]
    table[:, 1] -= start_hour
    bounds = np.searchsorted(table[:, 0], np.append(accounts, 2**31))
    return {int(a): table[bounds[i] : bounds[i + 1], 1:] for i, a in enumerate(accounts.tolist())}
