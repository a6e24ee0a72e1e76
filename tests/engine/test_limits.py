"""Memory is shared out so that the whole process stays near what was asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.engine.limits import LEAST_BYTES, parse_size, share_memory
from hydrascope.errors import UsageError


@given(st.integers(LEAST_BYTES, 1 << 40), st.integers(1, 64))
def test_no_part_gets_more_than_there_is(total: int, workers: int) -> None:
    """The engine's limit leaves room for the libraries; readers are never more than asked for, nor none."""
    share = share_memory(total, workers)
    assert share.engine_bytes < total
    assert 1 <= share.workers <= workers


def test_little_memory_means_fewer_readers() -> None:
    """Sixteen readers do not fit into two gigabytes."""
    assert share_memory(2 << 30, 16).workers < 16
    assert share_memory(4 << 30, 2).workers == 2


def test_too_little_is_refused() -> None:
    """The hint names what would do."""
    with pytest.raises(UsageError) as error:
        share_memory(100 << 20, 1)
    assert "512MB" in str(error.value)


@pytest.mark.parametrize(
    ("text", "size"), [("4GB", 4 << 30), ("800 MB", 800 << 20), ("1.5g", 3 << 29), ("7", 7)]
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    """Units in powers of two, with or without B."""
    assert parse_size(text) == size


def test_what_is_no_size_is_refused() -> None:
    """A word is not a size."""
    with pytest.raises(UsageError, match="lots"):
        parse_size("lots")
