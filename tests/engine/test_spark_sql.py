"""The one place where the portable SQL is put into Spark's words."""

from __future__ import annotations

import pytest

from hydrascope.engine.spark import spark_sql


@pytest.mark.parametrize(
    ("portable", "spark"),
    [
        ("SELECT unnest(a) AS b FROM t", "SELECT explode(a) AS b FROM t"),
        ("SELECT 1e0 + sqrt(x) FROM t", "SELECT 1e0 + sqrt(x) FROM t"),
        ("SELECT unnest_count FROM t", "SELECT unnest_count FROM t"),
        ("SELECT row_number() OVER (PARTITION BY a ORDER BY b) FROM t",) * 2,
    ],
)
def test_only_spelling_differs(portable: str, spark: str) -> None:
    """A call that Spark names otherwise is renamed; everything else passes through."""
    assert spark_sql(portable) == spark
