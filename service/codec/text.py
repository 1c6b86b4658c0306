"""JSON text ↔ Python values.

orjson does the work; this module keeps what it would lose (integers beyond 64 bits), bounds what it would not
(free values that could not be written again) and says what is wrong in one kind of error.
"""

from __future__ import annotations

import json
from typing import Final, TypeAlias

import orjson

from service.codec.error import DecodeError, kind

# A Fragment is JSON text that is spliced in as it stands. Parsing never makes one; writing (to_object) does.
JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | orjson.Fragment | None"
JsonObject: TypeAlias = dict[str, JsonValue]

MAX_DEPTH: Final = 254
"""Most levels of lists and objects in one free JSON value: what orjson writes."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# Every digit to "0", the rest to " ": finding a long number is then finding a substring, 8 times as fast as a regex.
_DIGITS: Final = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
# 2**64 has 20 digits, -2**63 has 19.
_LONG_NUMBER: Final = b"0" * 19
# Of 19 digits in a row every sixth is one of three at least, which few documents have; worth a look at large ones.
_LARGE: Final = 4096
_STRIDE: Final = 6
_STRIDES: Final = b"0" * (len(_LONG_NUMBER) // _STRIDE)
_INT64_MIN: Final = -(2**63)
_UINT64_MAX: Final = 2**64 - 1


def parse_object(data: bytes | str) -> JsonObject:
    """Parses the text of one JSON object.

    Keys keep their order, of equal keys the last wins, integers of any size stay exact. A UTF-8 byte order mark is
    skipped, as RFC 8259 allows. Raises DecodeError, with the line and column where there is one, for anything else
    than one JSON object.
    """
    value = parse_value(data)
    if type(value) is not dict:
        raise DecodeError("", f"expected one JSON object, got {kind(value)}")
    return value


def parse_value(data: bytes | str) -> JsonValue:
    """Parses the text of one JSON value, of any kind, as parse_object does."""
    try:
        value: JsonValue = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        # One mark: marks without end must not become calls without end.
        if isinstance(data, bytes) and data.startswith(_BYTE_ORDER_MARK) and not data.startswith(_BYTE_ORDER_MARK * 2):
            return parse_value(data[len(_BYTE_ORDER_MARK) :])
        raise _malformed(data, error) from None
    encoded = data if isinstance(data, bytes) else data.encode()
    if len(encoded) > _LARGE and _STRIDES not in encoded[::_STRIDE].translate(_DIGITS):
        return value
    return _parse_exactly(encoded) if _LONG_NUMBER in encoded.translate(_DIGITS) else value


def dumps(value: JsonValue) -> bytes:
    """Writes compact JSON. NaN and infinities, which JSON has not, are written as null."""
    try:
        return orjson.dumps(value)
    except TypeError:
        # orjson refuses integers beyond 64 bits, and free JSON that is at its own limit of depth inside a message.
        return orjson.dumps(_spliced(value, MAX_DEPTH // 2))


def free_text(value: JsonValue) -> bytes:
    """The text of a free JSON value, as a message keeps it. Raises DecodeError for more than MAX_DEPTH levels."""
    try:
        return orjson.dumps(value)
    except TypeError:
        check_depth(value)
    try:
        return dumps(value)
    except TypeError as error:
        raise DecodeError("", f"not writable as JSON: {error}") from None


def check_depth(value: JsonValue) -> None:
    """Raises DecodeError where lists and objects are nested more than MAX_DEPTH levels deep."""
    # Deepest first, without recursion: what is too deep is found before all the rest is looked at.
    waiting = [(value, 1)]
    while waiting:
        container, depth = waiting.pop()
        if not isinstance(container, dict | list):
            continue
        if depth > MAX_DEPTH:
            raise DecodeError("", f"nested more than {MAX_DEPTH} levels deep")
        children = container.values() if isinstance(container, dict) else container
        waiting.extend((child, depth + 1) for child in children)


def _parse_exactly(data: bytes) -> JsonValue:
    """Parses text whose integers may exceed 64 bits, several times slower than orjson, which found it valid.

    orjson has also refused integers beyond doubles (308 digits), for which Python's own limits would be too high.
    """
    try:
        return json.loads(data)
    except RecursionError:
        raise DecodeError("", "nested too deeply") from None


def _spliced(value: JsonValue, room: int) -> JsonValue:
    """A copy in which text stands for what orjson does not write: large integers, and what is below `room` levels."""
    if isinstance(value, dict):
        return {name: _spliced(item, room - 1) for name, item in value.items()} if room else _fragment(value)
    if isinstance(value, list):
        return [_spliced(item, room - 1) for item in value] if room else _fragment(value)
    if type(value) is int and not _INT64_MIN <= value <= _UINT64_MAX:
        return orjson.Fragment(str(value))
    return value


def _fragment(value: JsonValue) -> orjson.Fragment:
    return orjson.Fragment(dumps(value))


def _malformed(data: bytes | str, error: orjson.JSONDecodeError) -> DecodeError:
    if not data.strip():
        return DecodeError("", "expected JSON, got nothing")
    if isinstance(data, bytes):
        try:
            data.decode()
        except UnicodeDecodeError as fault:
            return DecodeError("", f"not valid UTF-8 at byte {fault.start}")
    return DecodeError("", f"not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}")
