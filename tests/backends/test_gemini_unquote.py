import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.backends.gemini.unquote import Unquoter


def unquoted(text: str, cuts: list[int]) -> str:
    places = sorted({cut % (len(text) + 1) for cut in cuts})
    unquoter = Unquoter()
    pieces = [unquoter.feed(text[a:b]) for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    return "".join(pieces) + unquoter.end()


@given(st.text(), st.lists(st.integers(0, 200)), st.booleans())
def test_a_json_string_is_its_text_wherever_it_is_cut(text: str, cuts: list[int], ascii_only: bool) -> None:
    assert unquoted(f" \n{json.dumps(text, ensure_ascii=ascii_only)} \n", cuts) == text


@given(st.text().filter(lambda text: not text.lstrip().startswith('"')), st.lists(st.integers(0, 200)))
def test_what_is_no_json_string_comes_out_as_it_is(text: str, cuts: list[int]) -> None:
    assert unquoted(text, cuts) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [('"ab', "ab"), ('"a\\', "a\\"), ('"a\\q"', 'a\\q"'), ('"\\ud83d"', '\\ud83d"'), ('"a" b', 'a" b')],
)
def test_nothing_of_a_broken_string_is_lost(text: str, shown: str) -> None:
    assert unquoted(text, list(range(len(text)))) == shown
