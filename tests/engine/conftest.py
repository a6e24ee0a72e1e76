"""Where the Spark tests compute: what `HYDRASCOPE_SPARK` names, or a Spark Connect server started for the run.

`HYDRASCOPE_SPARK_SERVE=local-cluster[2,1,1024]` starts Apache Spark's own server on that master.
"""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hydrascope.engine.spark import TARGET_VARIABLE

MASTER = os.environ.get("HYDRASCOPE_SPARK_SERVE")
PATIENCE_S = 300


@pytest.fixture(scope="session", autouse=True)
def spark_connect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A server for the whole run, where one is asked for."""
    if MASTER is None:
        yield
        return
    home = Path(importlib.import_module("pyspark").__file__).parent
    folder = tmp_path_factory.mktemp("spark-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [home / "bin" / "spark-submit", "--master", MASTER, "--name", "hydrascope tests"]
    for setting in (
        f"spark.connect.grpc.binding.port={port}",
        "spark.ui.enabled=false",
        "spark.sql.shuffle.partitions=4",
    ):
        command += ["--conf", setting]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
    environment = os.environ | {
        "SPARK_HOME": str(home),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_WORKER_DIR": str(folder / "work"),
    }
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [str(c) for c in command], env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
    )
    try:
        _wait_for(server, port, folder / "log")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(TARGET_VARIABLE, f"sc://127.0.0.1:{port}")
            yield
    finally:
        server.terminate()
        server.wait(60)
        log.close()


def _wait_for(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    pytest.fail(f"the Spark Connect server did not start: {log.read_text()[-2000:]}")
