"""Kills a writer at random moments, again and again, and checks the state after each: run by test_landing.

Each turn forks a child that lands, merges and publishes, and kills it after a random time. The fork happens before
any thread exists, so a turn costs no start-up.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope.kernels.strings import hash_strings
from hydrascope.pipeline.watch import delete_account, journal, land_files, merge_parts, open_state

FILES, ROWS, ACCOUNTS = 24, 40, 7
GONE = "acct_0"


def _write_source(source: Path) -> None:
    source.mkdir()
    for number in range(FILES):
        ids = range(number * ROWS, (number + 1) * ROWS)
        table = pa.table(
            {
                "exchange_id": [f"x{i}" for i in ids],
                "started_at": pa.array(
                    [1_760_000_000_000_000 + i for i in ids], pa.timestamp("us", tz="UTC")
                ),
                "account_id": [f"acct_{i % ACCOUNTS}" for i in ids],
                "prompt": [f"what is the height of mountain number {i} in metres" for i in ids],
            }
        )
        pq.write_table(table, source / f"{number:03d}.parquet")


def _write_state(source: Path, folder: Path) -> None:
    with open_state(folder) as state:
        for tens in range((FILES + 2) // 3):
            names = [source / f"{n:03d}.parquet" for n in range(3 * tens, min(3 * tens + 3, FILES))]
            land_files(state, [str(n) for n in names])
            merge_parts(state, at=3)
            delete_account(state, GONE)
            state.publish()


def _check(source: Path, folder: Path, complete: bool) -> None:
    with open_state(folder) as state:
        landed = {f.path for f in state.journal.files}
    current = folder / "current"
    if current.exists():
        shown = journal.read_journal(current / "journal.json")
        assert shown is not None
        files = {f.path for f in shown.files}
        _check_rows(current, files, False)
        assert files <= landed
    _check_rows(folder, landed, complete)
    assert not complete or len(landed) == FILES


def _check_rows(folder: Path, landed: set[str], complete: bool) -> None:
    tables = [pq.read_table(p, columns=["exchange_id", "account_id"]) for p in sorted(landed)]
    rows = pa.concat_tables(tables) if tables else None
    expected = [] if rows is None else hash_strings(rows["exchange_id"]).to_pylist()
    owners = [] if rows is None else rows["account_id"].to_pylist()
    found = Counter(
        x for p in (folder / "rows").glob("*.parquet") for x in pq.read_table(p)["xid"].to_pylist()
    )
    kept = {x for x, owner in zip(expected, owners, strict=True) if owner != GONE}
    assert max(found.values(), default=1) == 1, "an exchange is there twice"
    assert kept <= set(found) <= set(expected), "an exchange is lost, or came from nowhere"
    assert not complete or set(found) == kept, "a deleted account is still there"


def _reset(folder: Path) -> None:
    shutil.rmtree(folder)


def main(folder: Path, kills: int) -> int:
    """Kill `kills` writers, let a last one finish, and compare with what was written to the source."""
    source, state = folder / "source", folder / "state"
    journal.MOST_TAIL_BYTES = 4_000  # so that writers are killed while they put the tail into the whole, too
    chance = random.Random(5)
    killed, turn, budget_s = 0, 0, 0.05
    _write_source(source)
    _write_state(source, folder / "warm")  # kernels are loaded once, here
    while killed < kills:
        turn += 1
        pid = os.fork()
        if pid == 0:
            _exit(_write_state, source, state)
        time.sleep(chance.uniform(0.0, budget_s))
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        if os.WIFSIGNALED(status):
            killed += 1
            budget_s = min(budget_s * 1.2, 3.0)
        elif os.WEXITSTATUS(status):
            return 1
        else:
            budget_s = max(budget_s / 2, 0.02)
            _child(_check, source, state, True)
            _child(_reset, state)
        if killed % 5 == 0:
            _child(_check, source, state, False)
    _child(_write_state, source, state)
    _child(_check, source, state, True)
    return 0


def _child(work: object, *args: object) -> None:
    pid = os.fork()
    if pid == 0:
        _exit(work, *args)
    status = os.waitpid(pid, 0)[1]
    if status:
        raise SystemExit(f"{getattr(work, '__name__', work)} failed with {status}")


def _exit(work: object, *args: object) -> None:
    try:
        work(*args)  # type: ignore[operator]
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), int(sys.argv[2])))
