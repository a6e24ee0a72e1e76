"""Options of the whole suite: `pytest --write-outputs` refreshes golden files, to be read in review.

Property tests have no time limit an example, since a busy machine is no fault, and the same examples every run.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--write-outputs`."""
    parser.addoption(
        "--write-outputs", action="store_true", help="write golden files instead of comparing with them"
    )
