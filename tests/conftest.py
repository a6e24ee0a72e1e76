"""Options of the whole suite: `pytest --write-outputs` refreshes golden files, to be read in review."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--write-outputs`."""
    parser.addoption(
        "--write-outputs", action="store_true", help="write golden files instead of comparing with them"
    )
