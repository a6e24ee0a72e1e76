"""A journal says the same whether its changes are in the whole or in the tail, and whenever its writer stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from hydrascope.errors import StateError
from hydrascope.pipeline.watch import journal
from hydrascope.pipeline.watch.journal import (
    Change,
    Journal,
    JournalFile,
    LandedFile,
    Part,
    changed,
    read_journal,
    tail_of,
)


def file(number: int) -> LandedFile:
    """A landed file."""
    return LandedFile(path=f"{number}.parquet", format="contract", size_bytes=1, modified_ns=2, n_exchanges=3)


def part(number: int) -> Part:
    """A part of one room."""
    return Part(name=f"{number:08d}", files={"rows": 10}, n_exchanges=3, first_us=0, last_us=1)


CHANGES = (
    Change(landed=(file(0), file(1)), added=(part(0),)),
    Change(landed=(file(2),), added=(part(1),)),
    Change(id="abc"),
    Change(exported=("00000001",)),
    Change(added=(part(2),), removed=("00000000", "00000001")),
    Change(landed=(file(3),), added=(part(3),)),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal.json"


def steps() -> Iterator[Journal]:
    """The journal before, and after each change."""
    now = Journal(settings={"rate": 0.5})
    yield now
    for change in CHANGES:
        now = changed(now, change)
        yield now


def plain(found: Journal) -> dict[str, object]:
    """Without how it is kept."""
    return {k: v for k, v in msgspec.to_builtins(found).items() if k not in ("generation", "version")}


@pytest.mark.parametrize("most", [0, 900, 1 << 20])
def test_changes_add_up_however_often_they_are_put_into_the_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Read again after each; opened again in the middle."""
    monkeypatch.setattr(journal, "MOST_TAIL_BYTES", most)
    kept = JournalFile(path, Journal(settings={"rate": 0.5}))
    for i, (change, now) in enumerate(zip(CHANGES, list(steps())[1:], strict=True)):
        kept.change(change)
        assert plain(kept.journal) == plain(now)
        found = read_journal(path)
        assert found is not None and plain(found) == plain(now)
        if i % 2:
            kept = JournalFile(path)
    assert tail_of(path).exists() == (most > 0)


def test_a_line_that_was_not_finished_is_no_change(path: Path) -> None:
    """Cut anywhere, the tail says what its whole lines say; the next writer goes on after them."""
    kept = JournalFile(path, Journal(settings={"rate": 0.5}))
    ends = [0]
    for change in CHANGES:
        kept.change(change)
        ends.append(tail_of(path).stat().st_size)
    whole, states = tail_of(path).read_bytes(), list(steps())
    for cut in range(len(whole) + 1):
        tail_of(path).write_bytes(whole[:cut])
        found = read_journal(path)
        n_whole = sum(end <= cut for end in ends) - 1
        assert found is not None and plain(found) == plain(states[n_whole])
        if cut % 97 == 0:
            again = JournalFile(path)
            again.change(Change(landed=(file(9),)))
            found = read_journal(path)
            assert found is not None and found.files == (*states[n_whole].files, file(9))


def test_a_damaged_line_is_named(path: Path) -> None:
    """No guess is made at what a line may have said, nor at those after it."""
    kept = JournalFile(path, Journal())
    for change in CHANGES:
        kept.change(change)
    whole = tail_of(path).read_bytes()
    for at in range(0, len(whole), 53):
        if whole[at : at + 1] != b"\n":
            tail_of(path).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(StateError, match="cannot be read: line"):
                read_journal(path)


def test_lines_that_are_in_the_whole_already_do_not_count_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer stopped between the new whole and the removal of its tail."""
    kept = JournalFile(path, Journal())
    kept.change(CHANGES[0])
    old = tail_of(path).read_bytes()
    monkeypatch.setattr(journal, "MOST_TAIL_BYTES", 0)
    kept.change(CHANGES[1])
    tail_of(path).write_bytes(old)
    found = read_journal(path)
    assert found is not None and plain(found) == plain(kept.journal)
    monkeypatch.setattr(journal, "MOST_TAIL_BYTES", 1 << 20)
    again = JournalFile(path)
    again.change(CHANGES[2])
    found = read_journal(path)
    assert found is not None and plain(found) == plain(again.journal) and found.id == "abc"


def test_a_journal_without_a_tail_is_taken_over(path: Path) -> None:
    """One of the first version, which an older program must not open again once it has a tail."""
    old = {"version": 1, "settings": {}, "next_part": 1, "files": [msgspec.to_builtins(file(0))], "parts": []}
    path.write_bytes(msgspec.json.encode(old))
    kept = JournalFile(path)
    kept.change(Change(landed=(file(1),)))
    found = read_journal(path)
    assert found is not None and found.version == 2 and found.files == (file(0), file(1))
    path.write_bytes(msgspec.json.encode(old | {"version": 3}))
    with pytest.raises(StateError, match="version 3"):
        read_journal(path)


def test_a_change_costs_what_it_says(path: Path) -> None:
    """Not what the journal holds."""
    kept = JournalFile(path, Journal(files=tuple(file(i) for i in range(20_000))))
    whole = path.read_bytes()
    kept.change(CHANGES[1])
    assert path.read_bytes() == whole
    assert tail_of(path).stat().st_size < 1_000
