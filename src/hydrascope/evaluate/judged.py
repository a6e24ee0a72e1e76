"""Findings and truth side by side, one entry an account: what every metric reads.

Accounts of the findings that the truth does not name are left out of everything and counted. Accounts of the
truth that the findings do not name (no exchange in the log) count as not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope.errors import InputError, SchemaError
from hydrascope.evaluate.findings import Findings

__all__ = ["Judged", "judge_against", "read_truth"]

Text = npt.NDArray[np.object_]
Flags = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Aligned columns, sorted by account; empty text stands for null."""

    account_id: Text
    label: Text
    campaign: Text
    """True campaign; empty: benign."""
    found: Text
    """Found campaign of any verdict; empty: none."""
    verdict: Text
    """Verdict of the found campaign; empty: none."""
    enforceable: Flags
    """The found campaign is an enforceable distillation verdict."""
    acted: Flags
    """`enforceable`, and the account itself is marked enforceable: what automation would act on."""
    probability: Reals
    """Of taking part in a distillation campaign; 0 where the findings are silent."""
    share: Reals
    """Found distillation share of the account's exchanges; 0 where the findings are silent."""
    true_share: Reals | None
    """True distillation share, where the truth has a column `distillation_share`."""
    n_exchanges: Counts
    n_unlabelled: int = 0
    """Accounts of the findings without truth."""
    n_absent: int = 0
    """Accounts of the truth without a row in the findings."""

    @property
    def honest(self) -> Flags:
        """Accounts that belong to no true campaign."""
        return np.asarray(self.campaign == "", dtype=np.bool_)

    @property
    def caught(self) -> Flags:
        """Accounts inside a distillation verdict."""
        return np.asarray(self.verdict == "distillation", dtype=np.bool_)


def read_truth(path: Path) -> pa.Table:
    """Read `truth.parquet`, and `truth_shares.parquet` where it lies beside it.

    The shares (`account_id, n_exchanges, n_distilled`) add a column `distillation_share`; an account that they
    give no exchange is left out, since a log cannot show it.

    Raises:
        InputError: the file is missing.
        SchemaError: it lacks a column, or names an account twice.
    """
    if not path.exists():
        raise InputError("no such truth file", file=str(path), hint="give the truth.parquet of the world")
    table = pq.read_table(path)
    for name in ("account_id", "label", "campaign"):
        if name not in table.column_names:
            raise SchemaError(f"truth lacks the column {name!r}", file=str(path))
    if len(table["account_id"].unique()) != len(table):
        raise SchemaError("truth names an account more than once", file=str(path))
    shares = path.with_name("truth_shares.parquet")
    return add_shares(table, pq.read_table(shares)) if shares.exists() else table


def add_shares(truth: pa.Table, shares: pa.Table) -> pa.Table:
    """The truth of accounts with at least one exchange, with their true distillation share."""
    with duckdb.connect() as db:
        db.register("t_", truth.select(["account_id", "label", "campaign"]))
        db.register("s_", shares)
        return db.sql("""
            SELECT t.account_id, t.label, t.campaign, s.n_distilled / s.n_exchanges AS distillation_share
            FROM t_ t JOIN s_ s USING (account_id) WHERE s.n_exchanges > 0 ORDER BY t.account_id
        """).to_arrow_table()


def judge_against(findings: Findings, truth: pa.Table) -> Judged:
    """Align findings with truth, account by account."""
    has_share = "distillation_share" in truth.column_names
    joined = joined_table(findings, truth, "t.distillation_share" if has_share else "0")
    seen = set(findings.accounts["account_id"].to_pylist())
    named = set(truth["account_id"].to_pylist())
    return Judged(
        **{name: text(joined, name) for name in ("account_id", "label", "campaign", "found", "verdict")},
        enforceable=joined["enforceable"].to_numpy(zero_copy_only=False),
        acted=joined["acted"].to_numpy(zero_copy_only=False),
        probability=joined["probability"].to_numpy(),
        share=joined["share"].to_numpy(),
        true_share=joined["true_share"].to_numpy() if has_share else None,
        n_exchanges=joined["n_exchanges"].to_numpy(),
        n_unlabelled=len(seen - named),
        n_absent=len(named - seen),
    )


def text(table: pa.Table, name: str) -> Text:
    """A text column as a NumPy object array."""
    return np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.object_)


def joined_table(findings: Findings, truth: pa.Table, true_share: str) -> pa.Table:
    """The truth with what the findings say of each account, sorted by account."""
    with duckdb.connect() as db:
        db.register("t_", truth)
        db.register("a_", findings.accounts)
        db.register("c_", findings.campaigns.select(["campaign_id", "verdict", "enforceable"]))
        return db.sql(f"""
            SELECT t.account_id, coalesce(t.label, '') AS label, coalesce(t.campaign, '') AS campaign,
                coalesce(a.campaign_id, '') AS found, coalesce(c.verdict, '') AS verdict,
                coalesce(c.enforceable AND c.verdict = 'distillation', false) AS enforceable,
                coalesce(c.enforceable AND c.verdict = 'distillation' AND a.enforceable, false) AS acted,
                coalesce(a.probability, 0)::DOUBLE AS probability,
                coalesce(a.distillation_share, 0)::DOUBLE AS share,
                coalesce({true_share}, 0)::DOUBLE AS true_share,
                coalesce(a.n_exchanges, 0)::BIGINT AS n_exchanges
            FROM t_ t LEFT JOIN a_ a USING (account_id) LEFT JOIN c_ c USING (campaign_id)
            ORDER BY t.account_id
        """).to_arrow_table()
