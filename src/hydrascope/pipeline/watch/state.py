"""A state folder: opened by one writer, repaired after whatever stopped the last one, published to readers.

STATE/lock                who writes
STATE/journal.json        which parts and which input files count,
STATE/journal.tail        and what has changed of it since
STATE/ROOM/NAME.parquet   a part's file in each of the rooms of `features.observer.KINDS`
STATE/rejects/NAME.json   the part's rejects and warnings
STATE/snapshots/N/        what readers see: the same files under other names, never changed
STATE/current             a link to the newest snapshot
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.errors import StateError
from hydrascope.features.observer import KINDS, ObserveSettings
from hydrascope.pipeline.lock import hold_lock
from hydrascope.pipeline.watch.journal import Change, Journal, JournalFile, LandedFile, Part, flush, tail_of
from hydrascope.pipeline.whole import digest_of

__all__ = ["ROOMS", "State", "open_state"]

ROOMS = (*KINDS, "rejects")
_KEPT_SNAPSHOTS = 2
_RESTORE = "restore it from a backup, or land the source again into a new --state"


@contextmanager
def open_state(folder: Path, settings: ObserveSettings | None = None) -> Iterator[State]:
    """The state in `folder`, made where there is none, held until the context ends.

    Args:
        folder: the state folder.
        settings: what is sampled of each account; None: the state's own, or the defaults for a new one.

    Raises:
        StateError: another run holds it, it is damaged, or it was made with other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with hold_lock(folder):
        if (folder / "journal.json").exists():
            kept = JournalFile(folder / "journal.json")
        else:
            _refuse_foreign(folder)
            begun = Journal(settings=asdict(settings or ObserveSettings()))
            kept = JournalFile(folder / "journal.json", begun)
        held = ObserveSettings(**kept.journal.settings)
        if settings is not None and settings != held:
            raise StateError(
                "the state was made with other sampling settings",
                file=str(folder),
                hint="use the same settings, or land the source again into a new --state",
            )
        state = State(folder, kept, held)
        state.repair()
        yield state


class State:
    """An open state; made by `open_state`."""

    def __init__(self, folder: Path, kept: JournalFile, settings: ObserveSettings) -> None:
        self.folder = folder
        self.settings = settings
        self._kept = kept

    @property
    def journal(self) -> Journal:
        """What counts now."""
        return self._kept.journal

    def repair(self) -> None:
        """Remove what an interrupted run left; check that everything the journal names is there and whole.

        Raises:
            StateError: a file of the state is missing, cut short, or no Parquet.
        """
        for part in self.journal.parts:
            for room, size in part.files.items():
                _check(_path(self.folder, room, part.name), size)
        self.sweep()

    def sweep(self) -> None:
        """Remove files that the journal does not name."""
        names = {part.name for part in self.journal.parts}
        for room in ROOMS:
            for path in (self.folder / room).glob("*"):
                if path.stem not in names or path.suffix == ".partial":
                    path.unlink()
        shutil.rmtree(self.folder / "spill", ignore_errors=True)

    def fresh_name(self, ahead: int = 0) -> str:
        """The name of the next part, or of one after it."""
        return f"{self.journal.next_part + ahead:08d}"

    def commit(
        self, *, add: Iterable[Part] = (), remove: Iterable[str] = (), landed: Iterable[LandedFile] = ()
    ) -> None:
        """Make a change of parts count: all of it, or, if the machine stops before, none.

        Args:
            add: parts whose files lie in the rooms already, named by `fresh_name`.
            remove: names of parts that count no longer.
            landed: input files that the added parts hold, in the order of their numbers.
        """
        added, gone = tuple(add), tuple(remove)
        for part in added:
            for room in part.files:
                flush(_path(self.folder, room, part.name))
        for room in ROOMS:
            if (self.folder / room).exists():
                flush(self.folder / room)
        self._kept.change(Change(added=added, removed=gone, landed=tuple(landed)))
        if gone:
            self.sweep()

    def identity(self) -> str:
        """A name that no other state has, the same from the first call on."""
        if not self.journal.id:
            self._kept.change(Change(id=secrets.token_hex(6)))
        return self.journal.id

    def mark_exported(self, names: Iterable[str]) -> None:
        """A lake holds the exchanges of these parts."""
        self._kept.change(Change(exported=tuple(names)))

    def describe(self, name: str, tier: int = 0, *, exported: bool = False) -> Part:
        """The part of that name, from its files in the rooms."""
        found = {r: _path(self.folder, r, name) for r in ROOMS}
        times = pq.read_table(found["rows"], columns=["at_us"])["at_us"] if found["rows"].exists() else None
        span = {"min": None, "max": None} if times is None else pc.min_max(times).as_py()
        return Part(
            name=name,
            files={room: path.stat().st_size for room, path in found.items() if path.exists()},
            n_exchanges=0 if times is None else len(times),
            first_us=-1 if span["min"] is None else span["min"],
            last_us=-1 if span["max"] is None else span["max"],
            tier=tier,
            exported=exported,
            digests={room: digest_of(path) for room, path in found.items() if path.exists()},
        )

    def verify(self, part: Part, room: str) -> Path:
        """The part's file in a room, once it was seen to be what was written.

        Raises:
            StateError: it is not.
        """
        path = _path(self.folder, room, part.name)
        if part.digests.get(room) not in (None, digest_of(path)):
            raise StateError("a part of the state is damaged", file=str(path), hint=_RESTORE)
        return path

    def verify_all(self, names: Container[str] | None = None) -> None:
        """Every file of every part, or of those with these names, is what was written.

        Raises:
            StateError: one is not.
        """
        for part in self.journal.parts:
            for room in part.files if names is None or part.name in names else ():
                self.verify(part, room)

    def paths(self, room: str) -> list[Path]:
        """The files of a room that count."""
        return [_path(self.folder, room, p.name) for p in self.journal.parts if room in p.files]

    def publish(self, *, only: bool = False) -> Path:
        """Show readers the state as it is now: `current` turns to it by one rename.

        Args:
            only: remove every older snapshot, as after a deletion; otherwise the one before stays for its readers.
        """
        snapshots = self.folder / "snapshots"
        number = max((int(p.name) for p in snapshots.glob("[0-9]*") if p.name.isdigit()), default=0) + 1
        partial, final = snapshots / f"{number:08d}.partial", snapshots / f"{number:08d}"
        shutil.rmtree(partial, ignore_errors=True)
        for room in KINDS:
            (partial / room).mkdir(parents=True)
            for path in self.paths(room):
                _link(path, partial / room / path.name)
        _link(self.folder / "journal.json", partial / "journal.json")
        if (tail := tail_of(self.folder / "journal.json")).exists():
            shutil.copy(tail, partial / tail.name)
        partial.rename(final)
        pointer = self.folder / "current.partial"
        pointer.unlink(missing_ok=True)
        pointer.symlink_to(Path("snapshots") / final.name)
        pointer.replace(self.folder / "current")
        for old in sorted(snapshots.iterdir()):
            if old != final and (only or old.suffix or int(old.name) <= number - _KEPT_SNAPSHOTS):
                shutil.rmtree(old, ignore_errors=True)
        return final


def _path(folder: Path, room: str, name: str) -> Path:
    return folder / room / f"{name}{'.json' if room == 'rejects' else '.parquet'}"


def _link(source: Path, target: Path) -> None:
    """Another name for the same bytes; a copy where the file system has no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def _check(path: Path, size: int) -> None:
    whole = path.exists() and path.stat().st_size == size
    if whole and path.suffix == ".parquet":
        with path.open("rb") as file:
            file.seek(-4, os.SEEK_END)
            whole = file.read(4) == b"PAR1"
    if not whole:
        raise StateError(
            "a part of the state is missing or damaged"
            if path.exists()
            else "a part of the state is missing",
            file=str(path),
            hint=_RESTORE,
        )


def _refuse_foreign(folder: Path) -> None:
    """A folder with other things in it is not made a state: sweeping would remove them."""
    strange = sorted(p.name for p in folder.iterdir() if p.name not in ("lock", "journal.partial"))
    if strange:
        raise StateError(
            f"the folder is no state: it holds '{strange[0]}' and no journal",
            file=str(folder),
            hint="give --state an empty or new folder",
        )
