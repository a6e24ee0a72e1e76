"""The accounts of a log, one array a quantity; position in the arrays is the account's code.

Codes follow the order of the account ids, so they are the same whatever order the log came in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.engine.base import Engine
from hydrascope.kernels.strings import hash_strings

__all__ = ["ATTRIBUTES", "Population", "read_population"]

ATTRIBUTES = (
    "organization_id",
    "access_pathway",
    "plan",
    "payment_fingerprint",
    "email_domain",
    "phone_fingerprint",
    "device_fingerprint",
    "signup_ip",
    "billing_country",
    "declared",
)
"""Columns of the accounts table that describe an account."""

_SUMMARY = """
SELECT account, count(*) AS n, min(at_us) AS first_at, max(at_us) AS last_at,
       CAST(sum(CAST(coalesce(input_tokens, 0) AS BIGINT)) AS BIGINT) AS input_tokens,
       CAST(sum(CAST(coalesce(output_tokens, 0) AS BIGINT)) AS BIGINT) AS output_tokens,
       CAST(sum(CASE WHEN output_tokens IS NOT NULL AND input_tokens IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS n_metered,
       CAST(sum(CASE WHEN reasoning = 1 THEN 1 ELSE 0 END) AS BIGINT) AS n_reasoning,
       CAST(sum(CASE WHEN reasoning IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS n_reasoning_known,
       CAST(sum(CASE WHEN status >= 400 THEN 1 ELSE 0 END) AS BIGINT) AS n_failed,
       CAST(sum(CASE WHEN turns > 1 THEN 1 ELSE 0 END) AS BIGINT) AS n_multi_turn,
       CAST(sum(CASE WHEN turns IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS n_turns_known,
       CAST(sum(CAST(n_words AS BIGINT)) AS BIGINT) AS n_words,
       CAST(sum(CAST(round(1e3 * ln(1e0 + n_words)) AS BIGINT)) AS BIGINT) AS words_sum,
       CAST(sum(CAST(round(1e3 * ln(1e0 + n_words) * ln(1e0 + n_words)) AS BIGINT)) AS BIGINT) AS words_squares,
       count(DISTINCT end_user) AS n_end_users
FROM exchanges GROUP BY account
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """n accounts; arrays are aligned, times are microseconds since 1970 UTC, -1 where unknown."""

    account_id: Sequence[str]
    hashed: np.ndarray
    """int64[n], the account's hash in the narrow tables."""
    n: np.ndarray
    """int64[n] exchanges."""
    first_at: np.ndarray
    last_at: np.ndarray
    created_at: np.ndarray
    """int64[n], -1 where unknown."""
    totals: dict[str, np.ndarray]
    """Sums over an account's exchanges, by column name."""
    attributes: dict[str, list[str | None]]
    """By name of `ATTRIBUTES`; a name is absent where no account has a value."""

    def __len__(self) -> int:
        return len(self.account_id)

    def ratio(self, numerator: str, denominator: str) -> np.ndarray:
        """float64[n], NaN-free: -1 where the denominator is zero."""
        top, bottom = self.totals[numerator].astype(float), self.totals[denominator].astype(float)
        return np.where(bottom > 0, top / np.maximum(bottom, 1), -1.0)


def read_population(engine: Engine, accounts: pa.Table | None) -> Population:
    """Summarise the view `exchanges` by account and join what is known of each account.

    Registers the table `dim` (account, code) with the engine.
    """
    summary = engine.collect(_SUMMARY)
    names = engine.collect(
        "SELECT DISTINCT value AS account, text AS account_id FROM value_names WHERE channel = 'account'"
    )
    table = summary.join(names, "account", join_type="inner").sort_by("account_id")
    account_id = table["account_id"].to_pylist()
    hashed = table["account"].to_numpy()
    engine.register("dim", pa.table({"account": hashed, "code": np.arange(len(hashed), dtype=np.int32)}))
    created_at, attributes = _attributes(accounts, hashed)
    totals = [c for c in summary.column_names if c not in ("account", "n", "first_at", "last_at")]
    return Population(
        account_id=account_id,
        hashed=hashed,
        n=table["n"].to_numpy().astype(np.int64),
        first_at=table["first_at"].to_numpy(),
        last_at=table["last_at"].to_numpy(),
        created_at=created_at,
        totals={name: table[name].cast(pa.int64()).to_numpy() for name in totals},
        attributes=attributes,
    )


def _attributes(
    accounts: pa.Table | None, hashed: np.ndarray
) -> tuple[np.ndarray, dict[str, list[str | None]]]:
    if accounts is None or accounts.num_rows == 0:
        return np.full(len(hashed), -1, np.int64), {}
    keys = hash_strings(accounts["account_id"].combine_chunks()).to_numpy()
    order = np.argsort(keys, kind="stable")
    position = np.minimum(np.searchsorted(keys, hashed, sorter=order), len(keys) - 1)
    row = order[position]
    index = pa.array(row, mask=keys[row] != hashed)
    created = pc.fill_null(accounts["created_at"].cast(pa.int64()).take(index), -1).to_numpy()
    columns = {name: accounts[name].take(index) for name in ATTRIBUTES}
    return created, {n: c.to_pylist() for n, c in columns.items() if c.null_count < len(c)}
