"""What is recalled of earlier answers means what decoding would have found, whatever comes."""

import dataclasses
import itertools
import json
from collections.abc import Mapping

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from parley.chat.v1.completion_pb2 import CompletionChunk, CompletionRequest

from service.backends.dialect import Target
from service.backends.framed import EventDecoder
from service.backends.memory import Memory
from service.backends.run import MARK, PADDING_MARK, expanded
from service.backends.sse import EventParser, data_of
from service.codec import decoder, parse_object
from tests.backends.test_analogy import END, START, data, decoded, event, legacy, runs, said, streams, target

_decode_chunk = decoder(CompletionChunk)

USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 0,
    "total_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0},
    "completion_tokens_details": {"audio_tokens": 5},
    "other_tokens": 12,
}
CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
EXAMPLES: Mapping[str, bytes] = {
    "role": START,
    "role, padded": data(event({"role": "assistant", "content": ""}, obfuscation="Ab3")),
    "text": said("hello"),
    "text, padded": said("hello", obfuscation="Ab3"),
    "text, and another with it": said("m", obfuscation="x", system_fingerprint="fp_1"),
    "call": data(event({"tool_calls": [CALL]})),
    "arguments": data(event({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]})),
    "end": data({**event({}), "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
    "usage": data({**event({}), "choices": [], "usage": USAGE}),
    "usage with the end": data({**event({}), "choices": [{"delta": {}, "finish_reason": "stop"}], "usage": USAGE}),
    "id twice": data(b'{"id":"a","id":"b","choices":[],"created":1,"created":2}'),
    "spaces": data(json.dumps(event({"content": "hello"}, usage=None)).encode()),
    "no space": data(event({"content": "hello"})).replace(b"data: ", b"data:"),
    "id that is a number": data({**event({"content": "3000000000"}), "id": "3000000000", "created": 3000000000}),
}


def plain(text: bytes) -> CompletionChunk:
    return _decode_chunk(parse_object(text))


def learnt(*events: bytes) -> Memory:
    memory = Memory()
    for each in events:
        memory.learn(each.removeprefix(b"data:").strip(), plain)
    return memory


def recalled(memory: Memory, text: bytes) -> CompletionChunk | None:
    """What the one event means; None where it is not known."""
    known = memory.recall(text, 0)
    if known is None:
        return None
    if known.skeleton is None:
        assert known.end == len(text)
        return known.chunk
    found = known.skeleton.run(text, 0)
    if found is None:
        return None
    run, end = found
    assert end == len(text)
    (chunk,) = run.chunks()
    return chunk


def data_in(text: bytes) -> bytes:
    """The data of the one event that this is."""
    parser = EventParser()
    parser.feed(text)
    event = parser.next()
    assert event is not None
    found = data_of(event)
    assert parser.next() is None
    assert found is not None
    return found


WORDS = ("a", "chatcmpl-2", "3000000000", "parley-value-0", "", "é", 'a"b', "a\\b", "a b", "\x7f", MARK, PADDING_MARK)
NUMBERS = (
    0,
    1,
    2,
    999_999_999,
    3_999_999_999,
    4_000_000_000,
    4_294_967_295,
    4_294_967_296,
    -1,
    1.0,
    1e3,
    None,
    "1",
    True,
)


@st.composite
def alike(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """An event, and another that differs from it in some values, or some bytes."""
    first = draw(st.sampled_from(list(EXAMPLES.values())))
    second = first
    for _ in range(draw(st.integers(0, 4))):
        values = _values(second)
        if values and draw(st.integers(0, 3)):
            start, end = draw(st.sampled_from(values))
            word = st.sampled_from(WORDS) | st.text(max_size=4)
            other = json.dumps(draw(word | st.sampled_from(NUMBERS)), ensure_ascii=draw(st.booleans())).encode()
        else:
            start = draw(st.integers(0, len(second)))
            end = min(len(second), start + draw(st.integers(0, 2)))
            other = draw(
                st.sampled_from([b"", b" ", b'"', b",", b"\\", b"0", b"1", b"a", b"\n", b"}", b"\xff", b"\n\n"])
            )
        second = second[:start] + other + second[end:]
    return first, second


def _values(text: bytes) -> list[tuple[int, int]]:
    """Where a member's value begins and ends that is a word or a number."""
    found: list[tuple[int, int]] = []
    for at in range(len(text) - 1):
        if text[at : at + 1] == b":" and text[at + 1 : at + 2] in b'"0123456789':
            end = text.find(b'"', at + 2) + 1 if text[at + 1 : at + 2] == b'"' else at + 2
            while text[end : end + 1].isdigit():
                end += 1
            found.append((at + 1, end))
    return found


@given(alike())
@example((EXAMPLES["text"], EXAMPLES["text"]))
@example((EXAMPLES["usage"], EXAMPLES["usage"].replace(b":12", b":4294967296")))
@example((data(b'{"id":"a"}').replace(b'"a"', b'"a"\ndata: '), data(b'{"id":"b"}').replace(b'"b"', b'"b"\n')))
def test_an_event_that_is_recalled_means_what_it_says(events: tuple[bytes, bytes]) -> None:
    first, second = events
    found = recalled(learnt(first), second)
    if found is None:
        return
    assert found == plain(data_in(second))


@pytest.mark.parametrize("number", [b"4294967296", b"9999999999", b"-1", b"01", b"1.0", b"1e3"])
def test_a_number_that_has_no_place_in_the_field_is_not_recalled(number: bytes) -> None:
    assert recalled(learnt(START), START.replace(b'"created":1,', b'"created":' + number + b",")) is None


def test_data_of_several_lines_are_not_learnt() -> None:
    # What is recalled is found in the bytes, where a line that is not said to be data is none.
    assert recalled(learnt(b'data: {"id":"a",\n"choices":[]}\n\n'), b'data: {"id":"b",\n"choices":[]}\n\n') is None


OTHER_VALUES: Mapping[bytes, bytes] = {
    b'"id":"x"': b'"id":"chatcmpl-99"',
    b'"created":1,': b'"created":1790000000,',
    b'"model":"m"': b'"model":"m-2"',
    b'"content":"hello"': b'"content":"w\xc3\xb6rld \\n"',
    b'"content":"m"': b'"content":"n"',
    b'"arguments":"{"': b'"arguments":"}"',
    b'"call_1"': b'"call_2"',
    b'"weather"': b'"time"',
    b'"Ab3"': b'""',
    b'_tokens":12': b'_tokens":70',
    b'_tokens":0': b'_tokens":1',
    b'"fp_1"': b'"fp_2"',
}


@pytest.mark.parametrize(
    "name", [name for name in EXAMPLES if name not in {"id twice", "id that is a number", "spaces"}]
)
def test_an_event_of_another_answer_is_recalled(name: str) -> None:
    other = EXAMPLES[name]
    for before, after in OTHER_VALUES.items():
        other = other.replace(before, after)
    other = other.replace(b'"other_tokens":70', b'"other_tokens":12')
    assert other != EXAMPLES[name]
    assert recalled(learnt(EXAMPLES[name]), other) == plain(data_in(other))


def opened(at: Target) -> EventDecoder:
    decode = at.dialect.decoder(CompletionRequest(), at, stream=True, content_type="text/event-stream")
    assert isinstance(decode, EventDecoder)
    return decode


def pieces_of(whole: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    return [whole[start:end] for start, end in itertools.pairwise(places) if end > start]


@pytest.mark.parametrize("dialect", ["openai", "openrouter", "llmengine"])
@settings(max_examples=40)
@given(stream=streams(), cuts=st.lists(st.integers(0, 3000), max_size=4))
@example(stream=[legacy("a"), legacy("b"), legacy(""), END], cuts=[])
@example(stream=[said("a"), data({**event({}), "choices": [{"delta": {}, "finish_reason": "error"}]}), END], cuts=[])
def test_later_answers_are_read_as_they_would_be_decoded(dialect: str, stream: list[bytes], cuts: list[int]) -> None:
    at = target(dialect)
    for number in range(3):
        whole = b"".join(stream).replace(b'"id":"x"', b'"id":"y%d"' % number)
        pieces = pieces_of(whole, cuts)
        expected, error = decoded(_without(opened(target(dialect))), pieces)
        found, told = decoded(opened(at), pieces)
        assert expanded(found) == expected
        assert told == error


def _without(decode: EventDecoder) -> EventDecoder:
    decode.analogy = None
    return decode


def test_of_a_later_answer_nothing_but_its_end_mark_is_decoded() -> None:
    at = target("openai")
    usage = data({**event({}), "choices": [], "usage": USAGE})
    decoded(opened(at), [START, said("a"), said("b"), usage, END])
    later = opened(at)
    read: list[bytes] = []
    own = later.read

    def watched(text: bytes) -> CompletionChunk | None:
        read.append(text)
        return own(text)

    later.read = watched
    stream = [START, said("c"), said("d"), said("e"), usage, END]
    pieces, _ = decoded(later, [b"".join(stream).replace(b'"id":"x"', b'"id":"y"')])
    assert read == [b"[DONE]"]
    assert runs(pieces) == [3]
    assert {chunk.id for chunk in expanded(pieces)} == {"y"}


def test_an_answer_without_end_mark_is_complete_where_its_end_was_recalled() -> None:
    at = target("llmengine")
    events = [START, said("a"), END.removesuffix(b"data: [DONE]\n\n")]
    assert [decoded(opened(at), events)[1] for _ in range(3)] == ["", "", ""]
    assert decoded(opened(at), events[:-1])[1].startswith("stream_interrupted")


def test_an_error_that_was_recalled_is_one() -> None:
    at = target("openrouter")
    broken = data({**event({}), "choices": [{"delta": {}, "finish_reason": "error"}]})
    usual = [START, said("a"), END]
    plainly = decoded(_without(opened(at)), [*usual[:2], broken, END])[1]
    assert plainly
    at.memory.learn(broken[6:-2], plain)
    assert at.memory.recall(broken, 0)
    assert decoded(opened(at), [*usual[:2], broken, END])[1] == plainly


@pytest.mark.parametrize("dialect", ["azure", "groq"])
def test_a_reader_that_keeps_what_it_saw_has_no_memory(dialect: str) -> None:
    decode = opened(target(dialect))
    assert decode.analogy is not None
    assert decode.analogy.memory is None


def test_where_every_event_is_decoded_nothing_is_recalled_or_learnt() -> None:
    at = dataclasses.replace(target("openai"), analogy=False)
    decoded(at.dialect.decoder(CompletionRequest(), at, stream=True, content_type=""), [START, said("a"), END])
    assert at.memory == Memory()


def test_it_stops_learning_what_never_comes_again() -> None:
    memory = Memory()
    decodes = 0

    def counted(text: bytes) -> CompletionChunk:
        nonlocal decodes
        decodes += 1
        return plain(text)

    for number in range(5000):
        text = data(event({}, other=number))
        assert recalled(memory, text) is None
        memory.learn(text[6:-2], counted)
    assert decodes < 100


def test_what_was_recalled_stays_when_much_else_is_learnt() -> None:
    memory = learnt(START)
    assert recalled(memory, START) == plain(START[6:])
    for number in range(20_000):
        memory.learn(data(event({}, other=number))[6:-2], plain)
    assert recalled(memory, START) == plain(START[6:])


def test_what_is_remembered_is_bounded() -> None:
    memory = Memory()
    for number in range(100):
        each = data({**event({"content": "hello"}), f"member_{number}": number})
        memory.learn(each.removeprefix(b"data: ").strip(), plain)
        # What is of use is learnt without end.
        assert memory.recall(each, 0)
    assert memory.forms <= 16
