"""New files are observed once; what stops a run between two instructions changes nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hydrascope.errors import StateError
from hydrascope.features.observer import KINDS, ObserveSettings
from hydrascope.pipeline.watch import Landing, State, land_files, open_state

LogWriter = Callable[..., Path]


def land(folder: Path, source: Path) -> Landing:
    """One look at the source."""
    with open_state(folder) as state:
        return land_files(state, [str(source)])


def exchange_ids(folder: Path) -> list[int]:
    """The hashed exchange ids in a state or snapshot, sorted."""
    return sorted(x for p in (folder / "rows").glob("*.parquet") for x in pq.read_table(p)["xid"].to_pylist())


def test_each_file_is_landed_once(tmp_path: Path, write_log: LogWriter) -> None:
    """A second look brings nothing, a new file only itself."""
    source = write_log("a.parquet", 0, 20).parent
    assert land(tmp_path / "state", source).n_exchanges == 20
    assert land(tmp_path / "state", source).n_files == 0
    write_log("b.parquet", 20, 7)
    assert land(tmp_path / "state", source).n_exchanges == 7
    assert len(exchange_ids(tmp_path / "state")) == 27


def test_a_file_still_being_written_waits(tmp_path: Path, write_log: LogWriter) -> None:
    """A file younger than the settling time is left to the next look; hidden and temporary ones are passed over."""
    source = write_log("a.parquet", 0, 5).parent
    shutil.copy(source / "a.parquet", source / ".b.parquet")
    shutil.copy(source / "a.parquet", source / "c.parquet.tmp")
    with open_state(tmp_path / "state") as state:
        assert land_files(state, [str(source)], settle_s=3600).n_files == 0
        assert land_files(state, [str(source)]).n_files == 1


def test_a_file_that_changes_later_is_named(tmp_path: Path, write_log: LogWriter) -> None:
    """What was landed is not read twice, and the operator is told."""
    path = write_log("a.parquet", 0, 5)
    land(tmp_path / "state", path.parent)
    write_log("a.parquet", 0, 9)
    landing = land(tmp_path / "state", path.parent)
    assert (landing.n_exchanges, landing.changed) == (0, (str(path),))


def test_a_file_that_is_no_log_does_not_stop_the_others(tmp_path: Path, write_log: LogWriter) -> None:
    """It is refused with a reason and looked at again; an accounts table beside the log is passed over."""
    source = write_log("a.parquet", 0, 5).parent
    (source / "b.parquet").write_bytes(b"PAR1 this is no parquet PAR1")
    landing = land(tmp_path / "state", source)
    assert landing.n_exchanges == 5
    assert [path for path, _ in landing.refused] == [str(source / "b.parquet")]


def test_a_snapshot_keeps_while_the_state_goes_on(tmp_path: Path, write_log: LogWriter) -> None:
    """A reader's snapshot does not change; `current` turns to the newest."""
    source = write_log("a.parquet", 0, 5).parent
    with open_state(tmp_path / "state") as state:
        land_files(state, [str(source)])
        before = state.publish()
        write_log("b.parquet", 5, 5)
        land_files(state, [str(source)])
        after = state.publish()
    assert len(exchange_ids(before)) == 5
    assert len(exchange_ids(tmp_path / "state" / "current")) == 10
    assert (tmp_path / "state" / "current").resolve() == after


def test_a_second_run_is_told_who_holds_the_state(tmp_path: Path) -> None:
    """One writer: the second says process, host and since when."""
    with (
        open_state(tmp_path / "state"),
        pytest.raises(StateError, match=f"process {os.getpid()} on .* since 20"),
        open_state(tmp_path / "state"),
    ):
        pass


def test_a_damaged_part_is_named(tmp_path: Path, write_log: LogWriter) -> None:
    """A file of the state that was cut short stops the run before anything is written."""
    land(tmp_path / "state", write_log("a.parquet", 0, 5).parent)
    part = next((tmp_path / "state" / "rows").glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-8])
    with pytest.raises(StateError, match="damaged") as error, open_state(tmp_path / "state"):
        pass
    assert error.value.file == str(part)
    part.unlink()
    with pytest.raises(StateError, match="missing"), open_state(tmp_path / "state"):
        pass


def test_a_damaged_journal_is_named(tmp_path: Path, write_log: LogWriter) -> None:
    """No guess is made at what a journal may have said."""
    land(tmp_path / "state", write_log("a.parquet", 0, 5).parent)
    journal = tmp_path / "state" / "journal.json"
    journal.write_bytes(journal.read_bytes()[:-20])
    with pytest.raises(StateError, match="cannot be read"), open_state(tmp_path / "state"):
        pass


def test_other_sampling_settings_are_refused(tmp_path: Path) -> None:
    """Parts that were sampled differently cannot be put together."""
    with open_state(tmp_path / "state", ObserveSettings(n_sketched=8)):
        pass
    with pytest.raises(StateError, match="sampling"), open_state(tmp_path / "state", ObserveSettings()):
        pass


def test_a_folder_with_other_things_is_no_state(tmp_path: Path) -> None:
    """Opening it would remove what the journal does not name."""
    (tmp_path / "thesis.txt").write_text("the only copy")
    with pytest.raises(StateError, match="thesis"), open_state(tmp_path):
        pass
    assert (tmp_path / "thesis.txt").exists()


_CYCLE = Path(__file__).with_name("kill_cycle.py")


def _kill(tmp_path: Path, times: int) -> None:
    done = subprocess.run(
        [sys.executable, str(_CYCLE), str(tmp_path), str(times)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_killed_anywhere_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """Twenty kills at random moments of landing, merging, deleting and publishing."""
    _kill(tmp_path, 20)


@pytest.mark.slow
def test_killed_a_hundred_times(tmp_path: Path) -> None:
    """The same, a hundred times."""
    _kill(tmp_path, 100)


def test_a_state_holds_only_what_its_journal_names(tmp_path: Path, write_log: LogWriter) -> None:
    """Leftovers of an interrupted landing are removed when the state is next opened."""
    land(tmp_path / "state", write_log("a.parquet", 0, 5).parent)
    for room in KINDS:
        shutil.copy(
            next((tmp_path / "state" / room).glob("*")), tmp_path / "state" / room / "99999999.parquet"
        )
    (tmp_path / "state" / "rows" / "99999998.partial").write_bytes(b"half")
    with open_state(tmp_path / "state") as state:
        assert isinstance(state, State)
    assert len(exchange_ids(tmp_path / "state")) == 5
    assert not list((tmp_path / "state").glob("*/9999999*"))
