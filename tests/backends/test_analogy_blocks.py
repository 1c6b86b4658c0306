"""Reading Anthropic's and Cohere's deltas by analogy gives what decoding gives, though their readers keep what was said."""

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.dialect import Target
from service.backends.framed import EventDecoder
from service.backends.run import Piece, Run, expanded
from service.backends.vendors import DIALECTS
from service.config import Timeouts
from service.errors import ApiError

Json = dict[str, Any]


def decoded(dialect: str, pieces: Sequence[bytes], *, learns: bool) -> tuple[list[Piece], str]:
    target = Target("v", "", "m", DIALECTS[dialect], "http://v/v1", Timeouts())
    decode = target.dialect.decoder(CompletionRequest(), target, stream=True, content_type="text/event-stream")
    assert isinstance(decode, EventDecoder)
    assert decode.analogy is not None
    if not learns:
        decode.analogy = None
    found: list[Piece] = []
    try:
        for piece in pieces:
            found += decode.feed(piece)
            if decode.done:
                return found, ""
        while batch := decode.close():
            found += batch
    except ApiError as error:
        return found, f"{error.code}: {error.message}"
    return found, ""


def same(dialect: str, stream: Sequence[bytes], cuts: Sequence[int]) -> list[Piece]:
    """What it reads by analogy; checked to be what decoding gives, however it is cut."""
    whole = b"".join(stream)
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[start:end] for start, end in itertools.pairwise(places) if end > start]
    learnt, error = decoded(dialect, pieces, learns=True)
    plain, expected = decoded(dialect, pieces, learns=False)
    assert expanded(learnt) == plain
    assert error == expected
    return learnt


def data(event: Json, *, ascii_only: bool = False) -> bytes:
    text = json.dumps(event, ensure_ascii=ascii_only)
    return f"event: {event['type']}\ndata: {text}\n\n".encode()


def delta(index: int, **members: Any) -> bytes:
    return data({"type": "content_block_delta", "index": index, "delta": members})


def said(index: int, text: str) -> bytes:
    return delta(index, type="text_delta", text=text)


def opened(index: int, **block: Any) -> bytes:
    return data({"type": "content_block_start", "index": index, "content_block": block})


def closed(index: int) -> bytes:
    return data({"type": "content_block_stop", "index": index})


CITATION: Json = {"type": "web_search_result_location", "url": "http://u", "title": "t"}
MESSAGE: Json = {"id": "msg_1", "usage": {"input_tokens": 3, "output_tokens": 1}}
START = data({"type": "message_start", "message": MESSAGE})
END = data({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}) + data({"type": "message_stop"})
PING = data({"type": "ping"})

texts = st.sampled_from(("a", "text", "text_delta", "", '"', "\\", "é", "😀", "\n", "msg_1")) | st.text(max_size=5)


@st.composite
def anthropic_events(draw: st.DrawFn) -> bytes:
    index, text = draw(st.integers(0, 2)), draw(texts)
    choices = (
        *[said(index, text)] * 4,
        *[delta(index, type="thinking_delta", thinking=text)] * 2,
        *[delta(index, type="input_json_delta", partial_json=text)] * 2,
        delta(index, type="signature_delta", signature=text),
        delta(index, type="citations_delta", citation=CITATION),
        delta(index, type="future_delta", text=text),
        said(index, "-+-").replace(b"-+-", b"\\ud800"),
        opened(index, type="text", text=text),
        opened(index, type="thinking", thinking=text),
        opened(index, type="tool_use", id="c", name=text),
        opened(index, type="server_tool_use", id="c", name=text),
        closed(index),
        PING,
    )
    return draw(st.sampled_from(choices))


OPEN = (
    START,
    opened(0, type="text", text=""),
    opened(1, type="thinking", thinking=""),
    opened(2, type="tool_use", id="c", name="f"),
)


@given(
    groups=st.lists(st.tuples(anthropic_events(), st.integers(1, 3)), max_size=12),
    cuts=st.lists(st.integers(0, 3000), max_size=4),
)
@example(
    groups=[
        (said(0, "abc"), 3),
        (closed(0), 1),
        (opened(0, type="text", text=""), 1),
        (said(0, "abc"), 3),
        (delta(0, type="citations_delta", citation=CITATION), 1),
        (said(0, "abc"), 3),
        (closed(0), 1),
    ],
    cuts=[],
)
@example(groups=[(delta(1, type="thinking_delta", thinking="abc"), 3), (closed(1), 1)], cuts=[])
@example(groups=[(delta(2, type="input_json_delta", partial_json="{"), 3), (closed(2), 1)], cuts=[])
def test_anthropic(groups: list[tuple[bytes, int]], cuts: list[int]) -> None:
    same("anthropic", [*OPEN, *(one for one, number in groups for _ in range(number)), END], cuts)


def test_anthropics_deltas_are_runs() -> None:
    learnt = same("anthropic", [*OPEN, *(said(0, text) for text in "abcdef"), closed(0), END], [])
    assert [len(piece.texts) for piece in learnt if isinstance(piece, Run)] == [5]


def content(index: int, **members: Any) -> bytes:
    return data({"type": "content-delta", "index": index, "delta": {"message": {"content": members}}})


def call(kind: str, index: int, **members: Any) -> bytes:
    return data({"type": kind, "index": index, "delta": {"message": {"tool_calls": {"function": members}}}})


def cited(index: int) -> bytes:
    citation = {"start": 0, "end": 1, "text": "a", "content_index": index, "sources": [{"type": "document", "id": "d"}]}
    return data({"type": "citation-start", "index": 0, "delta": {"message": {"citations": citation}}})


COHERE_START = data({"type": "message-start", "id": "msg_1", "delta": {"message": {"role": "assistant"}}})
COHERE_END = data({"type": "message-end", "delta": {"finish_reason": "COMPLETE"}})


@st.composite
def cohere_events(draw: st.DrawFn) -> bytes:
    index, text = draw(st.integers(0, 2)), draw(texts)
    choices = (
        *[content(index, text=text)] * 4,
        *[content(index, thinking=text)] * 2,
        *[call("tool-call-delta", index, arguments=text)] * 2,
        content(index, text=text, thinking=text),
        call("tool-call-start", index, name="f", arguments=text),
        data({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": text}}}),
        content(index, text="-+-").replace(b"-+-", b"\\ud800"),
        cited(index),
        data({"type": "future", "text": text}),
    )
    return draw(st.sampled_from(choices))


@given(
    groups=st.lists(st.tuples(cohere_events(), st.integers(1, 3)), max_size=12),
    cuts=st.lists(st.integers(0, 3000), max_size=4),
)
@example(groups=[(content(0, text="abc"), 3), (content(1, text="abc"), 3), (cited(1), 1)], cuts=[])
@example(groups=[(content(0, thinking="abc"), 3), (content(1, text="abc"), 3), (cited(1), 1)], cuts=[])
def test_cohere(groups: list[tuple[bytes, int]], cuts: list[int]) -> None:
    begun = call("tool-call-start", 0, name="f")
    same("cohere", [COHERE_START, begun, *(one for one, number in groups for _ in range(number)), COHERE_END], cuts)


@pytest.mark.parametrize(
    "event", [content(0, text="a"), content(0, thinking="a"), call("tool-call-delta", 0, arguments="a")]
)
def test_coheres_deltas_are_runs(event: bytes) -> None:
    learnt = same("cohere", [COHERE_START, call("tool-call-start", 0, name="f"), *[event] * 6, COHERE_END], [])
    assert [len(piece.texts) for piece in learnt if isinstance(piece, Run)] == [5]
