"""One micro world for all tests of this folder, and texts that are held against golden ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from micro_worlds import write_world

from hydrascope.evaluate.world import World


@pytest.fixture(scope="session")
def micro_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return write_world(tmp_path_factory.mktemp("micro") / "world")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with a file of `golden/`, or write it there under `--write-outputs`."""

    def compare(name: str, text: str) -> None:
        path = Path(__file__).parent / "golden" / name
        if request.config.getoption("--write-outputs"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text

    return compare
