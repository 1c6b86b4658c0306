from __future__ import annotations

import orjson
import pytest

from service.codec import DecodeError, JsonObject, JsonValue, dumps, parse_object
from service.codec.text import MAX_DEPTH, free_text

REFUSED = {
    "nothing": (b"", "expected JSON, got nothing"),
    "white space": (b" \r\n\t", "expected JSON, got nothing"),
    "only a byte order mark": (b"\xef\xbb\xbf", "expected JSON, got nothing"),
    "byte order marks without end": (b"\xef\xbb\xbf" * 100_000 + b"{}", "not valid JSON at line 1, column 1: "),
    "a list": (b"[{}]", "expected one JSON object, got a list"),
    "a string": (b'"hi"', "expected one JSON object, got a string"),
    "a number": (b"1", "expected one JSON object, got a number"),
    "a boolean": (b"true", "expected one JSON object, got a boolean"),
    "null": (b"null", "expected one JSON object, got null"),
    "two objects": (b"{}{}", "not valid JSON at line 1, column 3: "),
    "a trailing comma": (b'{\n"a": 1,\n}', "not valid JSON at line 2, column 7: "),
    "a cut object": (b'{"a": ', "not valid JSON at line 1, column "),
    "a value without quotes": (b'{"a": 1,\n\n  "b": x}', "not valid JSON at line 3, column 8: "),
    "single quotes": (b"{'a': 1}", "not valid JSON at line 1, column 2: "),
    "not a number": (b'{"a": NaN}', "not valid JSON at line 1, column 7: "),
    "infinity": (b'{"a": Infinity}', "not valid JSON at line 1, column 7: "),
    "minus infinity": (b'{"a": -Infinity}', "not valid JSON at line 1, column "),
    "a number beyond doubles": (b'{"a": 1e400}', "not valid JSON at line 1, column 7: "),
    "a leading zero": (b'{"a": 01}', "not valid JSON at line 1, column 7: "),
    "a control character": (b'{"a": "\n"}', "not valid JSON at line 1, column 8: "),
    "half a surrogate pair": (b'{"a": "\\ud83d"}', "not valid JSON at line 1, column 8: "),
    "the other half": (b'{"a": "\\ude00"}', "not valid JSON at line 1, column 8: "),
    "bytes that are not UTF-8": (b'{"a": "\xff"}', "not valid UTF-8 at byte 7"),
    "a surrogate in UTF-8": (b'{"a": "\xed\xa0\xbd"}', "not valid UTF-8 at byte 7"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "not valid UTF-8 at byte 0"),
    "lists without end": (b"[" * 100_000, "not valid JSON at line 1, column "),
    "objects without end": (b'{"a":' * 100_000, "not valid JSON at line 1, column "),
    "lists nested too deeply": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not valid JSON at line 1, column "),
    "an integer of a megabyte": (b'{"a": ' + b"9" * 1_000_000 + b"}", "not valid JSON at line 1, column 7: "),
}


@pytest.mark.parametrize(("data", "problem"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(data: bytes, problem: str) -> None:
    with pytest.raises(DecodeError) as caught:
        parse_object(data)
    assert caught.value.path == ""
    assert caught.value.problem.startswith(problem)
    assert str(caught.value) == caught.value.problem


ACCEPTED: dict[str, tuple[bytes, JsonObject]] = {
    "an empty object": (b"{}", {}),
    "white space around it": (b" \n{ } \n", {}),
    "a byte order mark": (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
    "a key that comes twice": (b'{"a": 1, "b": 2, "a": 3}', {"a": 3, "b": 2}),
    "a surrogate pair": (b'{"a": "\\ud83d\\ude00"}', {"a": "\N{GRINNING FACE}"}),
    "NUL": (b'{"a": "\\u0000"}', {"a": "\0"}),
    "the largest 64-bit integers": (
        b'{"a": 18446744073709551615, "b": -9223372036854775808}',
        {"a": 2**64 - 1, "b": -(2**63)},
    ),
    "integers beyond 64 bits": (
        b'{"a": 18446744073709551616, "b": [-9223372036854775809, 123456789012345678901234567890]}',
        {"a": 2**64, "b": [-(2**63) - 1, 123456789012345678901234567890]},
    ),
    "a negative one, which has a digit less": (b'{"a": -9223372036854775809}', {"a": -(2**63) - 1}),
    "a byte order mark and a long integer": (b'\xef\xbb\xbf{"a": 18446744073709551616}', {"a": 2**64}),
    "a long run of digits in a string": (b'{"a": "00000000000000000000"}', {"a": "0" * 20}),
}


@pytest.mark.parametrize(("data", "members"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(data: bytes, members: JsonObject) -> None:
    parsed = parse_object(data)
    assert parsed == members
    assert [type(value) for value in parsed.values()] == [type(value) for value in members.values()]


def test_twenty_megabytes_of_each_kind() -> None:
    size = 20_000_000
    assert parse_object(b'{"a":"' + b"x" * size + b'"}') == {"a": "x" * size}
    assert parse_object(b'{"a":0.' + b"3" * size + b"}") == {"a": 1 / 3}
    numbers = parse_object(b'{"a":[' + b"18446744073709551616," * (size // 21) + b"1]}")["a"]
    assert isinstance(numbers, list)
    assert set(map(str, numbers)) == {"18446744073709551616", "1"}


@pytest.mark.parametrize("offset", range(6))
def test_the_one_long_integer_of_a_large_document_stays_exact(offset: int) -> None:
    text = b"x" * (5000 + offset)
    assert parse_object(b'{"t":"' + text + b'","a":-9223372036854775809,"z":1}')["a"] == -(2**63) - 1
    assert parse_object(b'{"t":"' + text + b'1234567890123456789","a":0.1234567890123456}')["a"] == 0.1234567890123456


def test_integers_beyond_doubles_are_refused() -> None:
    assert parse_object(b'{"a": ' + b"9" * 308 + b"}") == {"a": 10**308 - 1}
    with pytest.raises(DecodeError, match=r"^not valid JSON at line 1, column 7: "):
        parse_object(b'{"a": ' + b"9" * 309 + b"}")


def test_a_long_integer_in_a_document_that_is_too_deep_is_refused() -> None:
    with pytest.raises(DecodeError, match=r"^nested too deeply"):
        parse_object(b'{"a": ' + b"[" * 1020 + b"9" * 30 + b"]" * 1020 + b"}")


def nested(levels: int, innermost: JsonValue = 1) -> JsonValue:
    for _ in range(levels):
        innermost = [innermost]
    return innermost


def test_integers_beyond_64_bits_are_written_exactly() -> None:
    value: JsonValue = {"a": [2**64, -(2**63) - 1, 2**64 - 1], "b": {"c": 10**30}}
    text = (
        b'{"a":[18446744073709551616,-9223372036854775809,18446744073709551615],"b":{"c":'
        + str(10**30).encode()
        + b"}}"
    )
    assert dumps(value) == text
    assert free_text(value) == text


def test_fragments_are_spliced_in() -> None:
    assert dumps({"a": orjson.Fragment('{"z": 1, "a": 2}'), "b": 2**70}) == b'{"a":{"z": 1, "a": 2},"b":%d}' % 2**70


def test_free_values_have_a_depth_that_can_be_written_within_any_message() -> None:
    deepest = nested(MAX_DEPTH)
    assert free_text(deepest) == b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH
    assert dumps({"a": [{"b": deepest}]}) == b'{"a":[{"b":' + free_text(deepest) + b"}]}"
    assert free_text(nested(MAX_DEPTH, 2**70)).count(b"[") == MAX_DEPTH
    for innermost in (1, 2**70):
        with pytest.raises(DecodeError, match="nested more than 254 levels deep"):
            free_text(nested(MAX_DEPTH + 1, innermost))


def test_numbers_that_json_has_not_are_written_as_null() -> None:
    assert dumps([float("nan"), float("inf"), -float("inf")]) == b"[null,null,null]"
