"""What was stored is landed once; a second sending is not; halves of an exchange meet."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import msgspec
import pytest
from pushing import exchange_lines, hashed, ids_of, log_request, rows_of, span_hashes, span_request

from hydrascope.errors import StateError
from hydrascope.ingest import Rejects
from hydrascope.pipeline.push import land_pushes, open_spool
from hydrascope.pipeline.push.seal import SealSettings, seal_pushes
from hydrascope.pipeline.push.spool import ConflictError, Spool, SpoolFullError
from hydrascope.pipeline.watch import open_state

CONTRACT = {"kind": "contract.jsonl", "scope": "test"}
OTLP = {"kind": "otlp.jsonl", "scope": "test"}
PATIENT = SealSettings(settle_s=0.0, patience_s=3600.0)


def land(folder: Path, settings: SealSettings = PATIENT) -> int:
    """Land what waits; exchanges landed."""
    with open_state(folder / "state") as state, open_spool(folder / "spool") as spool:
        return land_pushes(state, spool, settings).n_exchanges


def test_pushes_are_landed_once_and_removed(tmp_path: Path) -> None:
    """Two pushes become one file of the state; nothing of them stays but their ids."""
    with open_spool(tmp_path / "spool") as spool:
        spool.store(exchange_lines(range(10)), **CONTRACT)
        spool.store(exchange_lines(range(10, 30)), **CONTRACT)
        assert spool.size_bytes > 0
    assert land(tmp_path) == 30
    assert land(tmp_path) == 0
    assert ids_of(tmp_path / "state") == hashed(f"x{i}" for i in range(30))
    left = [p.name for p in (tmp_path / "spool").rglob("*") if p.is_file()]
    assert sorted(left) == ["lock", "pushes.jsonl"]
    with open_state(tmp_path / "state") as state:
        assert len(state.journal.files) == 1


def test_the_same_push_again_is_known(tmp_path: Path) -> None:
    """Before and after it is landed, and after the run was started anew."""
    body = exchange_lines(range(5))
    with open_spool(tmp_path / "spool") as spool:
        assert not spool.store(body, **CONTRACT).duplicate
        assert spool.store(body, **CONTRACT).duplicate
    with open_spool(tmp_path / "spool") as spool:
        assert spool.store(body, **CONTRACT).duplicate
    assert land(tmp_path) == 5
    with open_spool(tmp_path / "spool") as spool:
        assert spool.store(body, **CONTRACT).duplicate
        assert not spool.store(body, kind="contract.jsonl", scope="elsewhere").duplicate


def test_a_key_names_a_push(tmp_path: Path) -> None:
    """The same key is the same push; with other bytes it is a mistake; another key makes the same bytes another push."""
    body = exchange_lines(range(5))
    with open_spool(tmp_path / "spool") as spool:
        spool.store(body, **CONTRACT, key="a")
        assert spool.store(body, **CONTRACT, key="a").duplicate
        assert not spool.store(body, **CONTRACT, key="b").duplicate
        with pytest.raises(ConflictError):
            spool.store(exchange_lines(range(6)), **CONTRACT, key="a")


def test_ids_are_forgotten_in_time(tmp_path: Path) -> None:
    """A seal that only holds old ids goes, the newest one stays for its number."""
    with open_state(tmp_path / "state") as state:
        for turn in range(3):
            with open_spool(tmp_path / "spool", remember_s=0.0) as spool:
                assert not spool.store(exchange_lines(range(5)), **CONTRACT).duplicate
                assert land_pushes(state, spool, PATIENT).n_exchanges == 5
                assert [p.name.split("-")[0] for p in (tmp_path / "spool" / "seals").iterdir()] == [
                    f"{turn + 1:08d}"
                ]


def test_a_full_spool_takes_nothing_until_it_is_landed(tmp_path: Path) -> None:
    """The limit counts what waits."""
    body = exchange_lines(range(10, 20))
    with (
        open_state(tmp_path / "state") as state,
        open_spool(tmp_path / "spool", limit_bytes=len(body) + 10) as spool,
    ):
        spool.store(body, **CONTRACT)
        with pytest.raises(SpoolFullError):
            spool.store(exchange_lines(range(20, 30)), **CONTRACT)
        land_pushes(state, spool, PATIENT)
        spool.store(exchange_lines(range(20, 30)), **CONTRACT)


def test_a_span_waits_for_its_messages(tmp_path: Path) -> None:
    """A span, and later its log record in another push, are one exchange with a prompt."""
    with open_state(tmp_path / "state") as state, open_spool(tmp_path / "spool") as spool:
        spool.store(msgspec.json.encode(span_request(range(4))), **OTLP)
        assert land_pushes(state, spool, PATIENT).n_exchanges == 0
        spool.store(msgspec.json.encode(log_request(range(3))), **OTLP)
        assert land_pushes(state, spool, PATIENT).n_exchanges == 3
        assert all(row["prompt"] is not None for row in rows_of(state))
        assert land_pushes(state, spool, SealSettings(settle_s=0.0, patience_s=0.0)).n_exchanges == 1
        assert sorted(row["xid"] for row in rows_of(state)) == span_hashes(range(4))


def test_a_span_that_holds_its_messages_does_not_wait(tmp_path: Path) -> None:
    """Conventions since 1.37 put them into attributes."""
    with open_spool(tmp_path / "spool") as spool:
        spool.store(msgspec.json.encode(span_request(range(4), prompt=True)), **OTLP)
    assert land(tmp_path) == 4


def test_a_seal_that_was_not_finished_changes_nothing(tmp_path: Path) -> None:
    """Neither a half-made seal, nor pushes that were not removed after one, nor a landed file that still lies there."""
    with open_state(tmp_path / "state") as state, open_spool(tmp_path / "spool") as spool:
        spool.store(exchange_lines(range(5)), **CONTRACT)
        (push,) = spool.pushes()
        kept = push.path.read_bytes()
        half = tmp_path / "spool" / "seals" / "00000009-00000000.partial"
        half.mkdir()
        (half / "contract.jsonl").write_bytes(kept)
        seal = seal_pushes(spool, PATIENT, Rejects(), time.time_ns())
        assert seal is not None
        assert not half.exists()
        shutil.copytree(seal, tmp_path / "seal")
        push.path.write_bytes(kept)
        (push.path.with_name(push.path.name + ".partial")).write_bytes(kept[:9])
        assert land_pushes(state, spool, PATIENT).n_exchanges == 5
        shutil.copytree(tmp_path / "seal", seal, dirs_exist_ok=True)
    assert land(tmp_path) == 0
    assert len(ids_of(tmp_path / "state")) == 5
    assert not list((tmp_path / "spool").glob("*/*.partial"))
    assert not list((tmp_path / "spool").glob("**/contract.jsonl"))


def test_a_spool_has_one_holder(tmp_path: Path) -> None:
    """And is not made of a folder that holds other things."""
    with (
        open_spool(tmp_path / "spool"),
        pytest.raises(StateError, match="spool is held by another run"),
        open_spool(tmp_path / "spool"),
    ):
        pass
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "thesis.txt").write_text("the only copy")
    with pytest.raises(StateError, match="thesis"), open_spool(tmp_path / "room"):
        pass


def test_a_damaged_list_of_pushes_is_named(tmp_path: Path) -> None:
    """Without it, pushes could be landed twice."""
    with open_spool(tmp_path / "spool") as spool:
        spool.store(exchange_lines(range(5)), **CONTRACT)
    land(tmp_path)
    next((tmp_path / "spool").glob("seals/*/pushes.jsonl")).write_bytes(b'{"id": "x"')
    with pytest.raises(StateError, match="list of pushes"), open_spool(tmp_path / "spool") as opened:
        assert isinstance(opened, Spool)
