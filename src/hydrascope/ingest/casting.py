"""One column of any type becomes one of a contract type; values that cannot are left out and counted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.ingest.rejects import Rejects

__all__ = ["NOTHING", "cast_column"]

NOTHING = ("", "-", "null", "NULL", "None", "nil", "N/A", "n/a", "NaN", "nan")
"""What logs write for a value they do not have; shared, it would link strangers."""
_LONGEST_NOTHING = max(map(len, NOTHING))
_LIMITS = {pa.int16(): 32_767, pa.int32(): 2_147_483_647, pa.int64(): 2**63 - 1}


def cast_column(values: Any, kind: pa.DataType, rejects: Rejects, *, keep_empty: bool = False) -> pa.Array:
    """An array of `kind`.

    Args:
        values: an Arrow array of any type, or a list of Python values.
        kind: string, int16, int32, int64, float32, float64, bool or list<string>.
        rejects: counts values of the wrong type and numbers out of range, which become null.
        keep_empty: an empty string is a value (a prompt), not the lack of one (an address).
    """
    if isinstance(values, list):
        values = _from_list(values, kind, rejects)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if values.type == pa.null():
        return pa.nulls(len(values), kind)
    if pa.types.is_string(kind):
        return _strings(values, rejects, keep_empty)
    if pa.types.is_list(kind):
        return _lists(values, kind, rejects)
    return _numbers(values, kind, rejects)


def _from_list(values: list[Any], kind: pa.DataType, rejects: Rejects) -> pa.Array:
    if pa.types.is_list(kind) and not all(v is None or isinstance(v, list) for v in values):
        return _one_by_one(values, kind, rejects)  # Arrow would take a string for a list of letters
    try:
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeError):
        return _one_by_one(values, kind, rejects)


def _strings(values: pa.Array, rejects: Rejects, keep_empty: bool) -> pa.Array:
    if pa.types.is_string(values.type):
        text = values
    elif _is_texty(values.type) or pa.types.is_integer(values.type):
        text = _unchecked_text(values)
    else:
        text = _one_by_one(values.to_pylist(), pa.string(), rejects)
    if keep_empty:
        return text
    shortest = pc.min(pc.binary_length(text)).as_py()
    if shortest is None or shortest > _LONGEST_NOTHING:
        return text
    nothing = pc.is_in(text, pa.array(NOTHING))
    return pc.if_else(nothing, pa.scalar(None, pa.string()), text) if pc.any(nothing).as_py() else text


def _is_texty(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def _unchecked_text(values: pa.Array) -> pa.Array:
    """A string array whose UTF-8 is looked at later, so that a broken byte costs one value and not the batch."""
    if pa.types.is_integer(values.type):
        return values.cast(pa.string())
    binary = values.cast(pa.binary())
    return pa.Array.from_buffers(pa.string(), len(binary), binary.buffers(), offset=binary.offset)


def _lists(values: pa.Array, kind: pa.DataType, rejects: Rejects) -> pa.Array:
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        try:
            return values.cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass
    return _one_by_one(values.to_pylist(), kind, rejects)


def _numbers(values: pa.Array, kind: pa.DataType, rejects: Rejects) -> pa.Array:
    if pa.types.is_boolean(values.type) != pa.types.is_boolean(kind):
        return _one_by_one(values.to_pylist(), kind, rejects)
    try:
        cast = values.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _one_by_one(values.to_pylist(), kind, rejects)
    if pa.types.is_boolean(kind):
        return cast
    bad = pc.is_finite(cast) if pa.types.is_floating(kind) else pc.greater_equal(cast, pa.scalar(0, kind))
    n = pc.sum(pc.invert(bad)).as_py() or 0
    if not n:
        return cast
    rejects.warn("out_of_range", n - _n_nan(cast))
    return pc.if_else(bad, cast, pa.scalar(None, kind))


def _n_nan(values: pa.Array) -> int:
    """NaN is how dataframes write "unknown": left out without a warning."""
    return (pc.sum(pc.is_nan(values)).as_py() or 0) if pa.types.is_floating(values.type) else 0


def _one_by_one(values: list[Any], kind: pa.DataType, rejects: Rejects) -> pa.Array:
    convert = _converter(kind)
    out: list[Any] = []
    for value in values:
        try:
            out.append(None if value is None else convert(value))
        except OverflowError:
            rejects.warn("out_of_range")
            out.append(None)
        except (TypeError, ValueError, msgspec.DecodeError):
            rejects.warn("wrong_type")
            out.append(None)
    return pa.array(out, kind)


def _converter(kind: pa.DataType) -> Callable[[Any], Any]:
    if pa.types.is_string(kind):
        return _to_text
    if pa.types.is_list(kind):
        return _to_names
    if pa.types.is_boolean(kind):
        return _to_bool
    if pa.types.is_floating(kind):
        return _to_float
    return lambda value: _to_int(value, _LIMITS[kind])


def _to_text(value: Any) -> str:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if _has_surrogate(value) else value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _has_surrogate(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False


def _to_names(value: Any) -> list[str] | None:
    """A list of names, a JSON list in a string, or names with commas between."""
    if isinstance(value, str):
        text = value.strip()
        if not text or text in NOTHING:
            return None
        if not text.startswith("["):
            return [name.strip() for name in text.split(",") if name.strip()]
        value = msgspec.json.decode(text.encode())
    if not isinstance(value, list):
        raise TypeError
    return [name for name in map(_name, value) if name]


def _name(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):  # a declared tool in the shape of one of the providers
        inner = value.get("function")
        found = inner.get("name") if isinstance(inner, dict) else value.get("name") or value.get("type")
        return found if isinstance(found, str) else None
    return None


def _to_bool(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    text = value.strip().lower() if isinstance(value, str) else None
    if text in ("true", "t", "yes", "1", "on", "enabled"):
        return True
    if text in ("false", "f", "no", "0", "off", "disabled"):
        return False
    if text in ("", "-", "null", "none", "nan"):
        return None
    raise TypeError


def _to_float(value: Any) -> float | None:
    if isinstance(value, str) and value.strip() in NOTHING:
        return None
    if isinstance(value, (list, dict)):
        raise TypeError
    number = float(value)
    if math.isnan(number):
        return None
    if math.isinf(number) or abs(number) > 3.4e38:
        raise OverflowError
    return number


def _to_int(value: Any, limit: int) -> int | None:
    number = value if isinstance(value, int) else _to_float(value)
    if number is None:
        return None
    if not 0 <= number <= limit:
        raise OverflowError
    return round(number)
