"""Whole columns of times are read as single times are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrascope.ingest.times import EARLIEST_US, LATEST_US, read_time, read_times

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
MOMENTS = st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30), timezones=ZONES)
TEXTS = st.one_of(
    MOMENTS.map(lambda t: t.isoformat()),
    MOMENTS.map(lambda t: t.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")),
    MOMENTS.map(lambda t: t.replace(tzinfo=None).isoformat(" ")),
    MOMENTS.map(lambda t: str(int(t.timestamp()))),
    MOMENTS.map(lambda t: t.strftime("%d/%b/%Y:%H:%M:%S +0000")),
    st.sampled_from(["", "soon", "2026-13-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]),
    st.none(),
)


def one_by_one(values: list[Any], unit: str | None = None) -> list[int | None]:
    """Each value by itself; None where it is no time."""
    out: list[int | None] = []
    for value in values:
        try:
            out.append(read_time(value, unit)[0])
        except (ValueError, OverflowError):
            out.append(None)
    return out


def whole(values: pa.Array, unit: str | None = None) -> list[int | None]:
    """The column at once."""
    times = read_times(values, unit)
    return [int(us) if ok else None for us, ok in zip(times.us, times.ok, strict=True)]


@given(st.lists(TEXTS, max_size=12))
def test_a_column_of_text_agrees_with_its_values(values: list[str | None]) -> None:
    """Clean, mixed and broken."""
    assert whole(pa.array(values, pa.string())) == one_by_one(values)


@given(st.lists(st.integers(-(2**62), 2**62), max_size=12))
def test_a_column_of_numbers_agrees_with_its_values(values: list[int]) -> None:
    """Units are told value by value."""
    assert whole(pa.array(values, pa.int64())) == one_by_one(values)


@given(MOMENTS)
def test_every_unit_of_a_moment_is_that_moment(moment: datetime) -> None:
    """Seconds to nanoseconds, as numbers and as text."""
    seconds = int(moment.timestamp())
    if seconds < 1_000_000_000:
        return  # before September 2001, milliseconds could be seconds of a later year
    for power in (0, 3, 6, 9):
        assert read_time(seconds * 10**power)[0] == seconds * 1_000_000
        assert read_time(str(seconds * 10**power))[0] == seconds * 1_000_000
    assert read_time(moment)[0] == read_time(moment.isoformat())[0]


@pytest.mark.parametrize(
    ("unit", "value"), [("s", 1772359200), ("ms", 1772359200_000), ("ns", 1772359200 * 10**9)]
)
def test_a_hint_decides_the_unit(unit: str, value: int) -> None:
    """Also against the size: seconds read as milliseconds are the year 1970, and refused."""
    assert read_time(value, unit)[0] == 1772359200_000_000
    assert whole(pa.array([value]), unit) == [1772359200_000_000]
    with pytest.raises(ValueError, match="outside"):
        read_time(1772359200, "ms")


def test_the_limits_are_the_limits() -> None:
    """From 2000 to the last microsecond of 2099."""
    assert whole(pa.array([EARLIEST_US - 1, EARLIEST_US, LATEST_US - 1, LATEST_US]), "us") == [
        None,
        EARLIEST_US,
        LATEST_US - 1,
        None,
    ]
