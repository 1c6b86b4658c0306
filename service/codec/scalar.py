"""JSON → the scalars of protobuf: what each accepts, and how it says what it does not."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TypeAlias

from parley.chat.v1 import json_pb2

from service.codec.error import DecodeError, mismatch
from service.codec.plan import FieldPlan, Kind
from service.codec.text import JsonValue, check_depth, free_text, parse_object

Scalar: TypeAlias = "str | bytes | bool | int | float"
Read: TypeAlias = Callable[[JsonValue], Scalar]

_RAW = json_pb2.RawJson
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_OCTETS = (0, 255)
# Digits of a refused number that are repeated; more say no more.
_SHOWN_DIGITS = 24


def reader(field: FieldPlan) -> Read:
    """The function that reads one value of a scalar field; its DecodeError has a path within that value."""
    match field.kind:
        case Kind.STRING:
            return _string
        case Kind.BOOLEAN:
            return _boolean
        case Kind.INTEGER:
            return lambda value: _integer(value, field.bounds)
        case Kind.NUMBER:
            return _number_or_string if field.number_or_string else _number
        case Kind.BYTES:
            return _octets
        case Kind.FREE:
            return _FREE[field.raw]
        case Kind.MESSAGE:
            raise TypeError(f"{field.descriptor.full_name} is no scalar")


def _string(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise mismatch("a string", value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise DecodeError("", "holds half of a surrogate pair, which is not Unicode text") from None
    return value


def _boolean(value: JsonValue) -> bool:
    if not isinstance(value, bool):
        raise mismatch("a boolean", value)
    return value


def _integer(value: JsonValue, bounds: tuple[int, int]) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise mismatch("an integer", value)
    if isinstance(value, float) and not value.is_integer():
        raise DecodeError("", f"expected an integer, got {value!r}")
    low, high = bounds
    if not low <= value <= high:
        raise DecodeError("", f"expected an integer in [{low}, {high}], got {_shown(value)}")
    return int(value)


def _shown(value: float) -> str:
    digits = repr(value)
    return digits if len(digits) <= _SHOWN_DIGITS else f"{digits[:_SHOWN_DIGITS]}…"


def _number(value: JsonValue) -> float:
    if value.__class__ is float:
        return value  # type: ignore[return-value]  # the class says it
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise mismatch("a number", value)
    try:
        return float(value)
    except OverflowError:
        raise DecodeError("", "expected a number that a double holds, got a larger one") from None


def _number_or_string(value: JsonValue) -> float:
    if not isinstance(value, str):
        return _number(value)
    if not _DECIMAL.fullmatch(value):
        raise DecodeError("", "expected a number, got a string that does not hold one")
    number = float(value)
    if math.isinf(number):
        raise DecodeError("", "expected a number that a double holds, got a larger one")
    return number


def _octets(value: JsonValue) -> bytes:
    if not isinstance(value, list):
        raise mismatch("a list of integers", value)
    octets = bytearray()
    for index, item in enumerate(value):
        try:
            octets.append(_integer(item, _OCTETS))
        except DecodeError as error:
            raise error.under(index) from None
    return bytes(octets)


# protobuf takes a string field's UTF-8 as bytes.
def _free_object(value: JsonValue) -> bytes:
    if not isinstance(value, dict):
        raise mismatch("an object", value)
    return free_text(value)


def _free_object_or_text(value: JsonValue) -> str | bytes:
    if not isinstance(value, str):
        if not isinstance(value, dict):
            raise mismatch("an object, or a string that holds one", value)
        return free_text(value)
    try:
        check_depth(parse_object(value))
    except DecodeError as error:
        raise DecodeError("", f"as JSON text: {error.problem}") from None
    return value


_FREE: dict[int, Read] = {
    _RAW.RAW_JSON_VALUE: free_text,
    _RAW.RAW_JSON_OBJECT: _free_object,
    _RAW.RAW_JSON_OBJECT_OR_TEXT: _free_object_or_text,
}
