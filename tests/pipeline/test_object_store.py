"""Logs in an object store and findings written to one, against a real S3 server on this machine."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from scanning import FAST, FINDINGS, found, scan_paths
from worlds import World

from hydrascope.cli.app import build_app
from hydrascope.errors import InputError, ResourceError, UsageError
from hydrascope.ingest import Rejects, open_log
from hydrascope.pipeline import scan
from hydrascope.storage import file_facts, list_files, local_copy, read_bytes, write_bytes
from stores import bucket, put_files, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """One server for the module."""
    with s3_server() as address:
        yield address


@pytest.fixture(scope="module")
def store(server: str, side: Path) -> str:
    """A bucket that holds the world's log, accounts and events."""
    there = bucket(server, "world")
    put_files(side, there)
    return there


def test_a_log_in_a_store_gives_the_findings_of_the_same_log_on_disk(
    store: str, findings: Path, tmp_path: Path
) -> None:
    """Log, accounts and events are read over the network, to the same bytes."""
    tables = {name: f"{store}/{name}.parquet" for name in ("accounts", "events")}
    scan([f"{store}/log.parquet"], tmp_path / "out", settings=FAST, **tables)
    assert found(tmp_path / "out") == found(findings)


def test_findings_can_be_written_to_a_store(
    server: str, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line takes a store for `--out`; what it writes there is what it writes to a folder."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    there = bucket(server, "found") + "/monday"
    app = build_app(["scan"])
    command = ["scan", f"{store}/*.parquet", "--accounts", f"{store}/accounts.parquet", "--quiet", "--out"]
    app([*command, there], standalone_mode=False)
    app([*command, str(tmp_path / "out")], standalone_mode=False)
    written = {name.removeprefix(there + "/") for name in list_files(there, recursive=True)}
    assert written == {p.name for p in (tmp_path / "out").iterdir() if not p.name.startswith(".")}
    for name in (*FINDINGS, "links.parquet", "rejects.jsonl"):
        assert read_bytes(f"{there}/{name}") == (tmp_path / "out" / name).read_bytes(), name
    assert json.loads(read_bytes(f"{there}/manifest.json"))["exchanges"] > 0
    assert not list((tmp_path / "scratch").iterdir())
    app([*command, str(tmp_path / "next"), "--previous", there], standalone_mode=False)
    app([*command, str(tmp_path / "same"), "--previous", str(tmp_path / "out")], standalone_mode=False)
    for name in ("tracks.json", "history.jsonl"):
        assert (tmp_path / "next" / name).read_bytes() == (tmp_path / "same" / name).read_bytes(), name


def test_a_search_of_a_store_passes_over_what_a_search_of_a_folder_passes_over(
    server: str, world: World, side: Path
) -> None:
    """Side tables, hidden files, earlier findings and other suffixes are no log; compressed logs are."""
    there = bucket(server, "mixed")
    line = json.dumps(
        {"exchange_id": "1", "started_at": "2026-01-01T00:00:00Z", "account_id": "a", "prompt": "hi"}
    )
    write_bytes(f"{there}/a/one.jsonl.gz", gzip.compress(line.encode()))
    write_bytes(f"{there}/a/b/two.jsonl", line.replace('"1"', '"2"').encode())
    for name in ("a/.hidden.jsonl", ".cache/three.jsonl", "a/_SUCCESS", "notes.md"):
        write_bytes(f"{there}/{name}", line.encode())
    put_files(side, f"{there}/side")
    for name in ("campaigns.parquet", "manifest.json", "rejects.jsonl"):
        write_bytes(f"{there}/old/{name}", b"{}")
    source = open_log([f"{there}/"])
    assert [f.path.removeprefix(there) for f in source.files] == [
        "/a/b/two.jsonl",
        "/a/one.jsonl.gz",
        "/side/log.parquet",
    ]
    assert len(open_log([f"{there}/a/**/*.jsonl"]).files) == 1
    assert len(open_log([f"{there}/a/*.gz"]).files) == 1
    rows = sum(len(b) for b in source.batches(Rejects()))
    assert rows == len(world.exchanges) + 2


def test_a_damaged_file_in_a_store_costs_its_damage_alone(server: str, store: str, tmp_path: Path) -> None:
    """Bytes that do not decode are the file's fault, told apart from a broken connection by fetching them again."""
    there = bucket(server, "damaged")
    with local_copy(f"{store}/log.parquet") as copy:
        data = bytearray(Path(copy).read_bytes())
    data[2_000:2_400] = bytes(400)
    write_bytes(f"{there}/log.parquet", bytes(data))
    rejects = Rejects()
    for _ in open_log([f"{there}/log.parquet"]).batches(rejects):
        pass
    assert rejects.counts.get("corrupt_file", 0) >= 1


def test_a_store_that_stops_answering_stops_the_run(side: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no damage to be counted as a reject: the run ends and says how to go on."""
    with s3_server() as address:
        there = bucket(address, "gone")
        put_files(side, there)
        source = open_log([f"{there}/log.parquet"])
        parts = source.parts()
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    with pytest.raises(ResourceError, match="stopped answering"):
        for part in parts:
            list(part.batches(Rejects()))


def test_what_is_not_there_says_so(server: str, store: str) -> None:
    """A missing bucket, a missing file and an unknown scheme are errors with a hint."""
    with pytest.raises(InputError, match="no log"):
        open_log([f"{store}/no-such-folder"])
    with pytest.raises(InputError):
        open_log(["s3://no-such-bucket/log"])
    with pytest.raises(UsageError, match="no client for 'nowhere://'"):
        open_log(["nowhere://bucket/log"])
    assert file_facts(f"{store}/none.parquet") is None
    del server


def test_intermediate_tables_lie_where_they_are_told_to(side: Path, findings: Path, tmp_path: Path) -> None:
    """Another folder than the findings' own, emptied at the end as that one is; a store only with Spark."""
    changed = {"stages": str(tmp_path / "elsewhere")}
    scan_paths([side / "log.parquet"], tmp_path / "kept", side, keep_stages=True, **changed)
    assert list((tmp_path / "elsewhere").rglob("rows/*.parquet"))
    scan_paths([side / "log.parquet"], tmp_path / "out", side, **changed)
    assert not list((tmp_path / "elsewhere").rglob("*.parquet"))
    assert found(tmp_path / "out") == found(tmp_path / "kept") == found(findings)
    with pytest.raises(UsageError, match="disk"):
        scan_paths([side / "log.parquet"], tmp_path / "out", side, stages="s3://scratch/tables")
