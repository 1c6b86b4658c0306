"""What is told stays within its bounds, whatever it is made of, and says how long it was."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import ApiError, Kind, Upstream, bounds
from service.faces import failure
from service.pipeline.report import Report

_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
"""What gRPC leaves as it is in a status message."""


def _repeated(text: str, times: int) -> str:
    return text * times


_LONG = st.builds(
    _repeated,
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    st.sampled_from([1, 100, 1_000, 20_000]),
)


@given(message=_LONG, param=_LONG, code=_LONG, attempts=st.lists(_LONG, max_size=4))
def test_trailers_with_all_copies_of_an_error_are_below_8_kib(
    message: str, param: str, code: str, attempts: list[str]
) -> None:
    upstream = Upstream("v" * 300, 400, code, code)
    error = ApiError(Kind.REFUSED, message, param=param, upstream=upstream)
    error.attempts = tuple(attempts)
    status = failure.status(error, "i" * 128)
    size = len(quote(status.message, safe=_PLAIN)) + status.ByteSize() * 4 // 3
    assert size < 8 * 1024 - 300
    assert sum(len(value) for _, value in failure.headers(error, "i" * 128)) < 2048


@given(entries=st.lists(_LONG, max_size=6))
def test_what_was_done_is_a_header_of_printable_ascii(entries: list[str]) -> None:
    report = Report(dropped=entries)
    report.emulated, report.attempts, report.disobeyed = entries, entries, "".join(entries)
    for _, value in report.headers():
        assert len(value) <= 2 * bounds.HEADER
        assert value.isascii()
        assert value.isprintable()


@given(text=_LONG, most=st.integers(64, 4096))
def test_a_text_is_cut_at_a_character_and_says_its_length(text: str, most: int) -> None:
    told = bounds.cut_bytes(text, most)
    assert len(told.encode()) <= most
    assert told == text or told.endswith(f"… ({len(text):,} characters)")
    assert len(bounds.cut(text, most)) <= most


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        ([], []),
        (["seed"], ["seed"]),
        (["messages[3].name"], ["messages[3].name"]),
        ([f"messages[{at}].name" for at in range(4000)], ["messages[*].name (4,000)"]),
        (["seed", "messages[0].content[1].file", "messages[2].content[0].file"],
         ["seed", "messages[*].content[*].file (2)"]),
    ],
)  # fmt: skip
def test_a_field_stands_once_however_often_it_was_left_out(paths: list[str], told: list[str]) -> None:
    assert bounds.grouped(paths) == told


def test_a_short_text_is_told_as_it_is() -> None:
    error = ApiError(Kind.INVALID_VALUE, "temperature: expected 0 to 2", param="temperature")
    assert failure.status(error, "1").message == error.message == "temperature: expected 0 to 2"
