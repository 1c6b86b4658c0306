import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.backends.sse import EventParser, EventTooLargeError, data_of

STREAM = (
    b"\xef\xbb\xbf: hello\n\n"
    b"data: one\n\n"
    b"event: named\ndata: two\ndata: lines\n\n"
    b"data:no space\r\n\r\n"
    b"id: 7\nretry: 10\n\n"
    b"data\n\n"
    b"data: a\rdata: b\r\r"
    b"data: \xd0\xb6\n\n"
)
EVENTS = [
    b"one",
    b"two\nlines",
    b"no space",
    b"",
    b"a\nb",
    b"\xd0\xb6",
]


def read(parser: EventParser, data: bytes) -> list[bytes]:
    parser.feed(data)
    found: list[bytes] = []
    while (event := parser.next()) is not None:
        if (payload := data_of(event)) is not None:
            found.append(payload)
    return found


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_events_are_the_same_wherever_the_bytes_are_cut(cut: int) -> None:
    parser = EventParser()
    assert read(parser, STREAM[:cut]) + read(parser, STREAM[cut:]) == EVENTS


def test_events_are_the_same_byte_by_byte() -> None:
    parser = EventParser()
    assert [event for i in range(len(STREAM)) for event in read(parser, STREAM[i : i + 1])] == EVENTS


@given(st.lists(st.binary(max_size=20).filter(lambda data: not set(data) & set(b"\r\n")), max_size=5), st.data())
def test_what_is_sent_as_data_comes_out(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(b"data: " + payload + b"\n\n" for payload in payloads)
    cut = data.draw(st.integers(0, len(stream)))
    parser = EventParser()
    assert read(parser, stream[:cut]) + read(parser, stream[cut:]) == payloads


def test_an_event_beyond_the_limit_is_refused_with_and_without_its_end() -> None:
    for data in (b"data: " + b"x" * 200, b"data: x\ndata: " + b"x" * 200):
        parser = EventParser(limit=100)
        with pytest.raises(EventTooLargeError):
            read(parser, data)
