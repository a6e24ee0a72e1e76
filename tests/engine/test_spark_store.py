"""A scan on Spark whose log, intermediate tables and findings all lie in an object store."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from hydrascope.cli.app import build_app
from hydrascope.engine.spark import TARGET_VARIABLE
from hydrascope.pipeline import ScanSettings, scan
from hydrascope.simulate import read_scenario, simulate_world
from hydrascope.storage import list_files, read_bytes
from stores import bucket, put_files, s3_server

pytestmark = pytest.mark.spark
pytest.importorskip("pyspark")
if "HYDRASCOPE_SPARK_SERVE" in os.environ or os.environ.get(TARGET_VARIABLE, "sail") != "sail":
    pytest.skip("Apache Spark reads s3:// with jars that pip does not install", allow_module_level=True)
pytest.importorskip("pysail")

FINDINGS = ("campaigns.parquet", "accounts.parquet", "links.parquet", "campaigns.json", "rejects.jsonl")


def test_nothing_but_the_store_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers read the log from the store and leave their tables there; the findings are those of a local scan."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    simulate_world(read_scenario("demo"), tmp_path / "world", scale=0.03, workers=1)
    tables = {n: str(tmp_path / "world" / f"{n}.parquet") for n in ("accounts", "events")}
    scan([str(tmp_path / "world" / "exchanges")], tmp_path / "local", settings=ScanSettings(), **tables)
    with s3_server() as address:
        there = bucket(address, "cluster")
        put_files(tmp_path / "world", f"{there}/world")
        command = ["scan", f"{there}/world/exchanges", "--engine", "spark", "--quiet", "--keep-stages"]
        for name in tables:
            command += [f"--{name}", f"{there}/world/{name}.parquet"]
        build_app(["scan"])([*command, "--out", f"{there}/found"], standalone_mode=False)
        for name in FINDINGS:
            assert read_bytes(f"{there}/found/{name}") == (tmp_path / "local" / name).read_bytes(), name
        assert any("/rows/" in f for f in list_files(f"{there}/found/.stages", recursive=True))
