"""Names of files and folders, local ones and a store's, mean the same to the same calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydrascope.errors import UsageError
from hydrascope.storage import file_facts, is_remote, join, list_files, read_bytes, remove_folder, write_bytes


@pytest.mark.parametrize("name", ["s3://b/k", "gs://b", "abfss://c@a.dfs.core.windows.net/p", "memory://x"])
def test_a_scheme_is_a_store(name: str) -> None:
    """Whatever has a scheme is remote."""
    assert is_remote(name)


@pytest.mark.parametrize("name", ["logs", "/a/b", "./x://y", "C:\\logs", "a:b"])
def test_all_else_is_a_path(name: str) -> None:
    """Also names with a colon in them."""
    assert not is_remote(name)


def test_names_are_joined_in_the_folders_own_kind() -> None:
    """A path stays a path, a store's name a name."""
    assert join("s3://b/a/", "c") == "s3://b/a/c"
    assert join(Path("a"), "b", "c") == Path("a/b/c")


def test_a_local_file_is_written_whole_and_listed(tmp_path: Path) -> None:
    """Written under its name at the end; listed by suffix, in order; gone with its folder."""
    folder = tmp_path / "new"
    for name in ("b.x", "a.x", "c.y"):
        write_bytes(join(folder, name), name.encode())
    assert [Path(f).name for f in list_files(folder, ".x")] == ["a.x", "b.x"]
    assert read_bytes(folder / "a.x") == b"a.x"
    facts = file_facts(folder / "c.y")
    assert facts is not None and facts.size_bytes == 3
    remove_folder(folder)
    assert file_facts(folder / "c.y") is None and list_files(folder) == []


def test_fsspec_serves_other_schemes() -> None:
    """Where it is installed; where it is not, or knows no such scheme, the error says what to do."""
    pytest.importorskip("fsspec")
    write_bytes("memory://room/a/b.txt", b"text")
    assert read_bytes("memory://room/a/b.txt") == b"text"
    assert list_files("memory://room/a") == ["memory://room/a/b.txt"]


def test_an_unknown_scheme_says_what_to_do() -> None:
    """The three that need no package are named."""
    with pytest.raises(UsageError, match="no client for 'nowhere://'") as caught:
        list_files("nowhere://room")
    assert "s3://" in str(caught.value)
