"""One small world, scanned once, that the tests of this folder compare with."""

from __future__ import annotations

from pathlib import Path

import pytest
from scanning import scan_paths
from worlds import World, build_world, write_world


@pytest.fixture(scope="session")
def world() -> World:
    """The default world."""
    return build_world()


@pytest.fixture(scope="session")
def side(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the world's log, accounts and events."""
    folder = tmp_path_factory.mktemp("world")
    write_world(world, folder)
    return folder


@pytest.fixture(scope="session")
def findings(side: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The findings of the whole world in one file: what other scans are held against."""
    out = tmp_path_factory.mktemp("findings")
    scan_paths([side / "log.parquet"], out, side)
    return out
