"""Times of every shape become microseconds since 1970 in UTC.

ISO 8601 with a zone is taken as written; without one it is read as UTC and counted. Numbers are epochs whose
unit follows from their size (or from a map file's hint): the four units do not overlap between 1973 and 2286.
A time outside 2000-2100 is no time of an API call: it is refused, not clipped.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["EARLIEST_US", "LATEST_US", "UNITS", "Times", "read_time", "read_times"]

EARLIEST_US = 946_684_800_000_000  # 2000-01-01
LATEST_US = 4_102_444_800_000_000  # 2100-01-01
UNITS = {"s": 1_000_000.0, "ms": 1_000.0, "us": 1.0, "ns": 1e-3}
_MAGNITUDES = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (math.inf, "ns"))
_ZONED = r"([Zz]|UTC|GMT|[+-]\d\d:?(\d\d)?)$"
_FORMATS = ("%d/%b/%Y:%H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %z", "%Y/%m/%d %H:%M:%S", "%Y%m%d%H%M%S")
_DATE_DIGITS = (8, 14)  # 20260301, 20260301100000: as epochs they would lie outside 2000-2100


class Times:
    """Times of a batch: microseconds, which can be used, which were never given, how many lacked a zone."""

    __slots__ = ("absent", "n_assumed", "ok", "us")

    def __init__(
        self, us: np.ndarray[Any, Any], ok: np.ndarray[Any, Any], absent: np.ndarray[Any, Any], n_assumed: int
    ) -> None:
        self.us = us
        self.absent = absent
        self.ok = ok & (us >= EARLIEST_US) & (us < LATEST_US)
        self.n_assumed = n_assumed


def read_time(value: Any, unit: str | None = None) -> tuple[int, bool]:
    """One time as microseconds, and whether its zone was assumed.

    Raises:
        ValueError: the value is no time, or lies outside 2000-2100.

    >>> read_time("2026-11-20T10:00:00Z") == read_time(1795168800) == read_time("1795168800000")
    True
    """
    us, assumed = _to_us(value, unit)
    if not EARLIEST_US <= us < LATEST_US:
        raise ValueError("outside 2000-2100")
    return us, assumed


def _to_us(value: Any, unit: str | None) -> tuple[int, bool]:
    if isinstance(value, bool) or value is None:
        raise ValueError("not a time")
    if isinstance(value, int):
        return _epoch_us(value, unit), False
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("not a time")
        return _epoch_us(value, unit), False
    if isinstance(value, datetime):
        return _datetime_us(value)
    if isinstance(value, str):
        return _text_us(value.strip(), unit)
    raise ValueError(f"a {type(value).__name__} is no time")


def _epoch_us(value: float, unit: str | None) -> int:
    found = unit or next(name for limit, name in _MAGNITUDES if abs(value) < limit)
    if isinstance(value, int):  # integers stay exact
        return value // 1000 if found == "ns" else value * int(UNITS[found])
    return round(value * UNITS[found])


def _datetime_us(value: datetime) -> tuple[int, bool]:
    assumed = value.tzinfo is None
    aware = value.replace(tzinfo=UTC) if assumed else value
    delta = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds, assumed


def _text_us(text: str, unit: str | None) -> tuple[int, bool]:
    if text.endswith((" UTC", " GMT")):
        text = text[:-4] + "+00:00"
    if text.isdecimal() and len(text) not in _DATE_DIGITS:
        return _epoch_us(int(text), unit), False
    if text.count(".") == 1 and text.replace(".", "").isdecimal():
        return _to_us(float(text), unit)
    for form in ("", *_FORMATS):
        try:
            read = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007 (counted)
            return _datetime_us(read)
        except ValueError:
            continue
    return _to_us(float(text), unit)


def read_times(values: pa.Array, unit: str | None = None) -> Times:
    """Times of an Arrow array of any type; vectorised for timestamps, integers and clean ISO text."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(values.type):
        return _from_timestamps(values)
    if pa.types.is_integer(values.type):
        return _from_integers(values, unit)
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        found = _from_clean_text(values)
        if found is not None:
            return found
    return _one_by_one(values, unit)


def _valid(values: pa.Array) -> np.ndarray[Any, Any]:
    return pc.is_valid(values).to_numpy(zero_copy_only=False)


def _from_timestamps(values: pa.Array) -> Times:
    us = values.cast(pa.timestamp("us", tz=values.type.tz), safe=False).cast(pa.int64())
    assumed = 0 if values.type.tz else len(values) - values.null_count
    valid = _valid(values)
    return Times(us.fill_null(0).to_numpy(), valid, ~valid, assumed)


def _from_integers(values: pa.Array, unit: str | None) -> Times:
    raw = values.cast(pa.int64(), safe=False).fill_null(0).to_numpy()
    valid = _valid(values)
    if unit is not None:
        us = raw // 1000 if unit == "ns" else raw * int(UNITS[unit])
        return Times(us, valid, ~valid, 0)
    size = np.abs(raw)
    with np.errstate(over="ignore"):
        us = np.select(
            [size < 10**11, size < 10**14, size < 10**17],
            [raw * 1_000_000, raw * 1_000, raw],
            default=raw // 1_000,
        )
    return Times(us, valid, ~valid, 0)


def _from_clean_text(values: pa.Array) -> Times | None:
    """All zoned, or none zoned, and all of them ISO; None where a value needs a closer look."""
    zoned = pc.match_substring_regex(values, _ZONED)
    share = pc.mean(zoned).as_py()
    if share not in (0.0, 1.0):
        return None
    kind = pa.timestamp("us", tz="UTC" if share else None)
    for text in (values, _without_nanoseconds(values)):
        try:
            return _from_timestamps(text.cast(kind))
        except pa.ArrowInvalid:
            continue
    return None


def _without_nanoseconds(values: pa.Array) -> pa.Array:
    """Seven decimals and more, as some clouds write them, cut to microseconds."""
    return pc.replace_substring_regex(values, r"(\.\d{6})\d+", r"\1")


def _one_by_one(values: pa.Array, unit: str | None) -> Times:
    us = np.zeros(len(values), dtype=np.int64)
    ok = np.zeros(len(values), dtype=bool)
    n_assumed = 0
    for i, value in enumerate(values.to_pylist()):
        try:
            us[i], assumed = read_time(value, unit)
        except (ValueError, OverflowError):
            continue
        ok[i] = True
        n_assumed += assumed
    return Times(us, ok, ~_valid(values), n_assumed)
