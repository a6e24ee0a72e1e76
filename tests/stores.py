"""A real S3 server on this machine, for as long as a test needs one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.fs as pafs
import pytest

from hydrascope.storage import send_file

__all__ = ["bucket", "put_files", "s3_server"]


@contextmanager
def s3_server() -> Iterator[str]:
    """moto's server on a free port; the environment names it, with credentials, until it is stopped."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT"):  # ours, and the one that Sail reads
            patch.setenv(name, address)
        patch.setenv("AWS_ALLOW_HTTP", "true")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
        patch.delenv("AWS_SESSION_TOKEN", raising=False)
        try:
            yield address
        finally:
            server.stop()


def bucket(address: str, name: str) -> str:
    """A new bucket's address."""
    system = pafs.S3FileSystem(endpoint_override=address, region="us-east-1", allow_bucket_creation=True)
    system.create_dir(name)
    return f"s3://{name}"


def put_files(folder: Path, store: str) -> None:
    """Copies the files of a folder to the same names in a store."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        send_file(path, f"{store}/{path.relative_to(folder).as_posix()}")
