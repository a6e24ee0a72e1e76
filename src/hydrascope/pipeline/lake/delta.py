"""The lake as a Delta table partitioned by date and hour: a part is one commit, seen wholly or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from hydrascope.errors import UsageError
from hydrascope.pipeline.lake.rows import PARTITIONS

__all__ = ["DeltaLake"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DeltaLake:
    """A table of other engines' making may not be in the folder; other states may write to the same table."""

    def __init__(self, folder: Path) -> None:
        try:
            import deltalake
        except ImportError as error:
            raise UsageError(
                "--lake-format delta needs the extra 'delta'", hint="pip install 'hydrascope[delta]'"
            ) from error
        self._delta: Any = deltalake
        self._path = str(folder)
        folder.mkdir(parents=True, exist_ok=True)

    def last(self, state: str) -> int:
        """The number of the state's last part that the table holds, -1 where it holds none."""
        table = self._table()
        version = None if table is None else table.transaction_version(f"hydrascope-{state}")
        return -1 if version is None else int(version)

    def append(self, rows: pa.Table, *, state: str, part: int) -> None:
        """Add a part's rows in one commit, with the part's number as the state's transaction."""
        done = self._delta.Transaction(f"hydrascope-{state}", part)
        self._delta.write_deltalake(
            self._path,
            rows,
            mode="append",
            partition_by=list(PARTITIONS),
            commit_properties=self._delta.CommitProperties(app_transactions=[done]),
        )

    def delete_account(self, account_id: str) -> None:
        """Remove the account's rows, and the files that still hold them: earlier versions can no longer be read."""
        quoted = account_id.replace("'", "''")
        self._delete(f"account_id = '{quoted}'")

    def retain_since(self, at_us: int) -> None:
        """Remove rows that began before, and the files that still hold them."""
        at = _EPOCH + timedelta(microseconds=at_us)
        # The date prunes partitions; the time alone would open every file.
        self._delete(f"date <= '{at:%Y-%m-%d}' AND started_at < '{at:%Y-%m-%dT%H:%M:%S.%fZ}'")

    def _delete(self, predicate: str) -> None:
        table = self._table()
        if table is None:
            return
        if table.delete(predicate)["num_deleted_rows"]:
            table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)

    def _table(self) -> Any | None:
        exists = self._delta.DeltaTable.is_deltatable(self._path)
        return self._delta.DeltaTable(self._path) if exists else None
