"""Files and folders by name, on this machine's disk or in an object store.

A name with a scheme lies in a store; anything else is a local path. `s3://`, `gs://` (`gcs://`) and `abfs://`
(`abfss://`, as `abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH`) are read and written by the clients that Arrow
brings, so they need no further package and the same name works in every worker. Any other scheme goes through
fsspec, if the package for it is installed.

Credentials and addresses come from the environment, as the stores' own tools take them, never from a name. What Arrow does
not read of it is read here: `AWS_ENDPOINT_URL_S3` (or `AWS_ENDPOINT_URL`), `AZURE_STORAGE_KEY`,
`AZURE_STORAGE_CONNECTION_STRING` and `STORAGE_EMULATOR_HOST`.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from hydrascope.errors import InputError, ResourceError, UsageError

__all__ = [
    "FileFacts",
    "file_facts",
    "find_remote",
    "interrupted",
    "is_remote",
    "join",
    "list_files",
    "local_copy",
    "open_binary",
    "open_parquet",
    "read_bytes",
    "remove_folder",
    "send_file",
    "write_bytes",
    "write_parquet",
]

_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_ENVIRONMENT = (
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_CONNECTION_STRING",
    "STORAGE_EMULATOR_HOST",
)
"""What a client is made from; another value makes another client."""
_REMOTE_BUFFER = 8 << 20
"""Bytes of one request for a Parquet column: a request costs tens of milliseconds whatever its size."""
_CREDENTIALS = "check the name, and the credentials in the environment (docs/spark.md: object stores)"
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What is known of a file without reading it."""

    size_bytes: int
    changed_ns: int
    """When it was last written, nanoseconds since 1970; 0 where the store does not say."""


def is_remote(name: str | Path) -> bool:
    """Whether a name is a store's.

    >>> is_remote("s3://bucket/log"), is_remote("logs/today.jsonl")
    (True, False)
    """
    return isinstance(name, str) and _SCHEME.match(name) is not None


def join(folder: str | Path, *names: str) -> str | Path:
    """A name below a folder, of the folder's own kind.

    >>> join("s3://bucket/a/", "b", "c.parquet")
    's3://bucket/a/b/c.parquet'
    """
    if is_remote(folder):
        return "/".join([str(folder).rstrip("/"), *names])
    return Path(folder).joinpath(*names)


def file_facts(name: str | Path) -> FileFacts | None:
    """Size and time of a file; None where there is none."""
    if not is_remote(name):
        path = Path(name)
        if not path.is_file():
            return None
        found = path.stat()
        return FileFacts(size_bytes=found.st_size, changed_ns=found.st_mtime_ns)
    info = _info(str(name))
    return _facts(info) if info.type == pafs.FileType.File else None


def find_remote(name: str) -> tuple[list[str], bool]:
    """Names of the files that a store's name means, and whether they were searched for.

    Args:
        name: a file, a folder (all files below it, but for those in hidden folders), or a pattern of `*`, `?`, `[...]` and `**`.
    """
    if any(mark in _SCHEME.sub("", name) for mark in "*?["):
        folder = re.split(r"[*?\[]", name, maxsplit=1)[0].rpartition("/")[0]
        pattern = _pattern(name)
        return [f for f in list_files(folder, recursive=True) if pattern.fullmatch(f)], True
    if file_facts(name) is not None:
        return [name], False
    return list_files(name, recursive=True), True


def list_files(folder: str | Path, suffix: str = "", *, recursive: bool = False) -> list[str]:
    """Sorted names of a folder's files, hidden ones and those in hidden folders left out; none where there is no such folder."""
    if not is_remote(folder):
        found = Path(folder).rglob("*") if recursive else Path(folder).glob("*")
        return sorted(str(p) for p in found if p.is_file() and p.name.endswith(suffix))
    base = str(folder).rstrip("/")
    system, inner = _locate(base)
    selector = pafs.FileSelector(inner, recursive=recursive, allow_not_found=True)
    infos = _asked(base, lambda: system.get_file_info(selector))
    n = len(inner)  # some clients give paths with a slash before them
    below = (i.path.lstrip("/")[n:].lstrip("/") for i in infos if i.type == pafs.FileType.File)
    return sorted(f"{base}/{b}" for b in below if b.endswith(suffix) and not re.search(r"(^|/)\.", b))


def open_binary(name: str | Path) -> Any:
    """A file to read bytes from, with `seek`."""
    if not is_remote(name):
        return Path(name).open("rb")
    system, inner = _locate(str(name))
    return system.open_input_file(inner)


def open_parquet(name: str | Path, **options: Any) -> pq.ParquetFile:
    """A Parquet file to read from, never all of a row group at once."""
    if not is_remote(name):
        return pq.ParquetFile(name, **options)
    system, inner = _locate(str(name))
    return pq.ParquetFile(inner, filesystem=system, **(options | {"buffer_size": _REMOTE_BUFFER}))


def read_bytes(name: str | Path) -> bytes:
    """All of a file."""
    with open_binary(name) as file:
        return bytes(file.read())


def write_bytes(name: str | Path, data: bytes) -> None:
    """A file with these bytes; it is either whole or not there."""
    if not is_remote(name):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(data)
        partial.replace(path)
        return
    system, inner = _locate(str(name))
    with _sending(str(name)), system.open_output_stream(inner, compression=None) as file:
        file.write(data)


def write_parquet(name: str | Path, table: pa.Table) -> None:
    """A table as one Parquet file; readers must wait for the call to end."""
    if not is_remote(name):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, name, compression="zstd")
        return
    system, inner = _locate(str(name))
    with _sending(str(name)):
        pq.write_table(table, inner, filesystem=system, compression="zstd")


def send_file(path: Path, name: str) -> None:
    """Copies a local file into a store, where it appears when it is whole."""
    system, inner = _locate(name)
    with (
        _sending(name),
        path.open("rb") as source,
        system.open_output_stream(inner, compression=None) as file,
    ):
        shutil.copyfileobj(source, file, _REMOTE_BUFFER)


@contextmanager
def local_copy(name: str) -> Iterator[str]:
    """A store's file on the local disk, for as long as the context lasts.

    Raises:
        ResourceError: the store does not give it.
    """
    with tempfile.TemporaryDirectory(prefix="hydrascope-") as folder:
        path = Path(folder) / "copy"
        try:
            with open_binary(name) as source, path.open("wb") as file:
                shutil.copyfileobj(source, file, _REMOTE_BUFFER)
        except OSError as error:
            raise interrupted(name, error) from error
        yield str(path)


def interrupted(name: str, error: OSError) -> ResourceError:
    """What a broken connection is to the caller: not the file's fault."""
    return ResourceError(
        f"the store stopped answering: {_first_line(error)}",
        file=name,
        hint="run the same command again; finished parts are kept",
    )


def remove_folder(folder: str | Path) -> None:
    """Removes a folder and all below it, where there is one."""
    if not is_remote(folder):
        shutil.rmtree(folder, ignore_errors=True)
        return
    system, inner = _locate(str(folder))
    if _info(str(folder)).type != pafs.FileType.Directory:
        return
    try:
        system.delete_dir(inner)
    except OSError as error:
        # Google's client empties a folder and then misses the mark of it, which a folder need not have.
        if list_files(folder, recursive=True):
            raise ResourceError(
                f"cannot be removed: {_first_line(error)}", file=str(folder), hint=_CREDENTIALS
            ) from error


def _info(name: str) -> pafs.FileInfo:
    system, inner = _locate(name)
    return _asked(name, lambda: system.get_file_info(inner))


def _facts(info: pafs.FileInfo) -> FileFacts:
    return FileFacts(size_bytes=info.size or 0, changed_ns=info.mtime_ns or 0)


def _asked(name: str, ask: Callable[[], _Result]) -> _Result:
    try:
        return ask()
    except OSError as error:
        raise InputError(f"the store refuses: {_first_line(error)}", file=name, hint=_CREDENTIALS) from error


@contextmanager
def _sending(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ResourceError(
            f"cannot be written: {_first_line(error)}", file=name, hint=_CREDENTIALS
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]


def _pattern(name: str) -> re.Pattern[str]:
    """A glob as a regular expression: `**/` is any number of folders, `*` and `?` stop at a slash."""
    words = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", name)
    return re.compile("".join(words.get(p) or (p if p[:1] == "[" else re.escape(p)) for p in parts))


def _locate(name: str) -> tuple[Any, str]:
    """The client for a name, and the name as the client calls it."""
    found = _SCHEME.match(name)
    scheme = found[1].lower() if found else ""
    rest = _SCHEME.sub("", name).rstrip("/")
    if scheme in ("abfs", "abfss"):
        place, _, path = rest.partition("/")
        container, _, host = place.partition("@")
        return _client("abfs", host, _environment()), f"{container}/{path}".rstrip("/")
    if scheme in ("s3", "s3a"):
        return _client("s3", rest.partition("/")[0], _environment()), rest
    if scheme in ("gs", "gcs"):
        return _client("gs", "", _environment()), rest
    return _other(name, scheme), rest


def _environment() -> tuple[str | None, ...]:
    return tuple(os.environ.get(variable) for variable in _ENVIRONMENT)


@lru_cache(maxsize=16)
def _client(scheme: str, host: str, environment: tuple[str | None, ...]) -> Any:
    known = dict(zip(_ENVIRONMENT, environment, strict=True))
    if scheme == "gs":
        return _google(known["STORAGE_EMULATOR_HOST"])
    if scheme == "abfs":
        return _azure(host.split(".", maxsplit=1)[0], known)
    endpoint = known["AWS_ENDPOINT_URL_S3"] or known["AWS_ENDPOINT_URL"]
    region = known["AWS_REGION"] or known["AWS_DEFAULT_REGION"]
    if endpoint:
        return pafs.S3FileSystem(endpoint_override=endpoint, region=region or "us-east-1")
    return pafs.S3FileSystem(region=region or pafs.resolve_s3_region(host))


def _google(emulator: str | None) -> Any:
    if emulator is None:
        return pafs.GcsFileSystem()
    scheme, _, address = emulator.rpartition("://")
    return pafs.GcsFileSystem(anonymous=True, scheme=scheme or "http", endpoint_override=address)


def _azure(account: str, known: dict[str, str | None]) -> Any:
    fields = (known["AZURE_STORAGE_CONNECTION_STRING"] or "").split(";")
    given = {name: value for name, _, value in (field.partition("=") for field in fields)}
    place: dict[str, str] = {}
    if endpoint := given.get("BlobEndpoint"):
        scheme, _, rest = endpoint.partition("://")
        place = {"blob_storage_scheme": scheme, "blob_storage_authority": rest.partition("/")[0]}
        place |= {"dfs_storage_scheme": scheme, "dfs_storage_authority": place["blob_storage_authority"]}
    key = known["AZURE_STORAGE_KEY"] or given.get("AccountKey")
    return pafs.AzureFileSystem(account, account_key=key, **place)


def _other(name: str, scheme: str) -> Any:
    try:
        import fsspec

        return pafs.PyFileSystem(pafs.FSSpecHandler(fsspec.filesystem(scheme)))
    except (ImportError, ValueError, pa.ArrowException) as error:
        raise UsageError(
            f"no client for '{scheme}://': {_first_line(error)}",
            file=name,
            hint="use s3://, gs:// or abfs://, or install fsspec and its package for this scheme",
        ) from error
