"""Small logs for states to land."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from watch_logs import START

LogWriter = Callable[..., Path]


@pytest.fixture
def write_log(tmp_path: Path) -> LogWriter:
    """Writes `source/NAME` with n exchanges, their ids counted from `first`, one a minute from `START`."""

    def write(name: str, first: int, n: int, *, accounts: int = 5) -> Path:
        path = tmp_path / "source" / name
        path.parent.mkdir(exist_ok=True)
        numbers = range(first, first + n)
        table = pa.table(
            {
                "exchange_id": [f"x{i}" for i in numbers],
                "started_at": pa.array(
                    [START + timedelta(minutes=i) for i in numbers], pa.timestamp("us", tz="UTC")
                ),
                "account_id": [f"acct_{i % accounts}" for i in numbers],
                "prompt": [f"please summarise chapter {i} of the long book about rivers" for i in numbers],
                "completion": [
                    f"chapter {i} follows " + " ".join(f"river {i * k}" for k in range(40)) for i in numbers
                ],
                "system": [f"You are assistant number {i % 3}." for i in numbers],
                "client_ip": [f"192.0.2.{i % accounts}" for i in numbers],
            }
        )
        pq.write_table(table, path)
        return path

    return write
