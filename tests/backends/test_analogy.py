"""Reading by analogy gives what decoding gives, whatever comes."""

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from parley.chat.v1.completion_pb2 import CompletionChunk, CompletionRequest

from service.backends.analogy import Like
from service.backends.dialect import Decoder, Target
from service.backends.framed import EventDecoder
from service.backends.run import MARK, PADDING_MARK, Piece, Run, expanded, merged
from service.backends.vendors import DIALECTS
from service.config import Timeouts
from service.errors import ApiError
from service.pipeline.fold import Fold
from service.pipeline.received import Received

Json = dict[str, Any]

SAME: Json = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def target(dialect: str) -> Target:
    return Target("v", "", "m", DIALECTS[dialect], "http://v/v1", Timeouts())


def decoder(dialect: str = "openai", *, learns: bool = True) -> EventDecoder:
    of = target(dialect)
    decode = of.dialect.decoder(CompletionRequest(), of, stream=True, content_type="text/event-stream")
    assert isinstance(decode, EventDecoder)
    assert decode.analogy is not None, f"{dialect} reads by analogy"
    if not learns:
        decode.analogy = None
    return decode


def decoded(decode: Decoder, pieces: list[bytes]) -> tuple[list[Piece], str]:
    """The pieces, and the error after them."""
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


def data(event: Json | bytes, *, ascii_only: bool = False) -> bytes:
    text = (
        event
        if isinstance(event, bytes)
        else json.dumps(event, ensure_ascii=ascii_only, separators=(",", ":")).encode()
    )
    return b"data: " + text + b"\n\n"


def event(delta: Json, *, index: int = 0, **members: Any) -> Json:
    return {**SAME, "choices": [{"index": index, "delta": delta, "finish_reason": None}], **members}


def said(text: str, **members: Any) -> bytes:
    return data(event({"content": text}, **members))


def raw(body: bytes) -> bytes:
    """An event of text whose JSON string is this."""
    before, after = said("-+-").split(b"-+-")
    return before + body + after


def legacy(text: str, **members: Any) -> bytes:
    choices = [{"index": 0, "text": text, "finish_reason": None}]
    return data({**SAME, "object": "text_completion", "choices": choices, **members})


START = data(event({"role": "assistant", "content": ""}))
END = data({**SAME, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}) + b"data: [DONE]\n\n"

TEXTS = (
    "content",
    "x",
    "m",
    "assistant",
    "",
    '"',
    "\\",
    '\\"',
    "\n",
    "\u2028",
    "é",
    "😀",
    "\x00",
    "\x7f",
    "[DONE]",
    "data: ",
    MARK,
    PADDING_MARK,
)
SHAPES: tuple[Callable[[str], Json], ...] = (
    lambda text: {"content": text},
    lambda text: {"content": text},
    lambda text: {"content": text},
    lambda text: {"reasoning_content": text},
    lambda text: {"content": None, "reasoning": text},
    lambda text: {"role": "assistant", "content": text},
    lambda text: {"content": text, "refusal": text},
    lambda text: {"content": text, "reasoning_content": text},
    lambda text: {"content": text, "content_filter": text},
    lambda text: {"tool_calls": [{"index": 0, "function": {"arguments": text}}]},
    lambda text: {"tool_calls": [{"index": 1, "function": {"arguments": text}}]},
    lambda text: {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": text}}]},
)
MEMBERS: tuple[Callable[[str], Json], ...] = (
    lambda _: {},
    lambda _: {},
    lambda _: {},
    lambda text: {"obfuscation": text},
    lambda text: {"obfuscation": "ab" * len(text)},
    lambda text: {"p": "ab" * len(text)},
    lambda text: {"id": text},
    lambda text: {"new": {"content": text}},
    lambda _: {"usage": {"prompt_tokens": 1}},
    lambda _: {"usage": None},
    lambda _: {"error": {"message": "no"}},
    lambda _: {"created": 2},
    lambda _: {"search_results": [{"title": "t", "url": "http://u"}]},
    lambda _: {"prompt_filter_results": [], "choices": []},
)
BODIES = (
    b"a",
    b"\\n",
    b'\\"',
    b"\\u00e9",
    b"\\u0000",
    b"\\ud83d\\ude00",
    "é😀".encode(),
    b"\x7f",
    b'"',
    b"\\",
    b"\\x",
    b"\\u12",
    b"\\ud800",
    b"\\udc00",
    b"\\ud800\\ud800",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xc3",
    b'","x":"',
    b"\x01",
    b"\t",
    b"\ndata: ",
)
OTHERS = (
    START,
    END,
    b": ping\n\n",
    b"event: x\ndata: {}\n\n",
    data(b"{"),
    b"data: a\ndata: b\n\n",
    legacy("a"),
    legacy(""),
)


@st.composite
def events(draw: st.DrawFn) -> bytes:
    texts = st.sampled_from(TEXTS) | st.text(max_size=6)
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.sampled_from(OTHERS))
    if kind == 1:
        return raw(b"".join(draw(st.lists(st.sampled_from(BODIES), max_size=4))))
    delta = draw(st.sampled_from(SHAPES))(draw(texts))
    more = draw(st.sampled_from(MEMBERS))(draw(texts))
    index = draw(st.integers(0, 3)) if kind == 2 else 0
    return data({**event(delta, index=index), **more}, ascii_only=draw(st.booleans()))


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    groups = draw(st.lists(st.tuples(events(), st.integers(1, 3)), max_size=12))
    return [START, *(one for one, number in groups for _ in range(number)), END]


@pytest.mark.parametrize("dialect", [name for name, each in DIALECTS.items() if type(each) is type(DIALECTS["openai"])])
@given(stream=streams(), cuts=st.lists(st.integers(0, 3000), max_size=4))
@example(stream=[START, said("a"), data({**SAME, "choices": [], "prompt_filter_results": []}), said("b"), END], cuts=[])
@example(stream=[said("x"), said("y"), said("z"), END], cuts=[])
@example(stream=[legacy("a", obfuscation="p"), legacy("b", obfuscation="p"), legacy("", obfuscation="p"), END], cuts=[])
@example(stream=[*[said("a", x=PADDING_MARK, obfuscation="p")] * 3, END], cuts=[])
@example(stream=[said("a", obfuscation="p"), said("b", obfuscation="-+-").replace(b"-+-", b"\\ud800"), END], cuts=[])
@example(
    stream=[
        *[said("a", obfuscation="p")] * 2,
        data(event({"content": "a"}, obfuscation="\u2028"), ascii_only=True),
        END,
    ],
    cuts=[],
)
@example(stream=[legacy("a"), legacy("b"), legacy(""), END], cuts=[])
@example(stream=[START, said("a"), said("b"), raw(b"\\ud800"), said("c"), END], cuts=[])
@example(stream=[START, said("a"), said("b"), raw(b"c\ndata: d"), said("c"), END], cuts=[])
@example(stream=[START, said("a"), said("b"), raw(b'c","delta":{},"x":"d'), said("c"), END], cuts=[])
def test_it_gives_what_decoding_gives(dialect: str, stream: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(stream)
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[start:end] for start, end in itertools.pairwise(places) if end > start]
    learnt, error = decoded(decoder(dialect), pieces)
    plain, expected = decoded(decoder(dialect, learns=False), pieces)
    assert expanded(learnt) == plain
    assert error == expected
    received = Received()
    received.add(learnt)
    assert received.chunks == len(plain)


def runs(pieces: list[Piece]) -> list[int]:
    return [len(piece.texts) for piece in pieces if isinstance(piece, Run)]


LIKES: Mapping[str, Callable[[str], bytes]] = {
    "content": said,
    "escaped": lambda text: data(event({"content": text}), ascii_only=True),
    "role": lambda text: data(event({"role": "assistant", "content": text})),
    "reasoning": lambda text: data(event({"content": "", "reasoning_content": text})),
    "arguments": lambda text: data(event({"tool_calls": [{"index": 1, "function": {"arguments": text}}]})),
    "padded": lambda text: said(text, obfuscation="p" * len(text)),
    "without padding": lambda text: said(text, obfuscation=""),
    "spaces": lambda text: data(json.dumps(event({"content": text}, p="x" * len(text))).encode()),
}


@pytest.mark.parametrize("like", LIKES.values(), ids=LIKES)
def test_all_but_the_first_events_of_text_are_one_run(like: Callable[[str], bytes]) -> None:
    words = ["content", "wörld", "😀", '"\\\n', "\x00", "end"]
    pieces, error = decoded(decoder(), [START, b"".join(map(like, words)), END])
    assert (runs(pieces), error) == ([len(words) - 1], "")
    assert expanded(pieces) == decoded(decoder(learns=False), [START, *map(like, words), END])[0]


def test_each_choice_of_several_is_learnt_once() -> None:
    stream = b"".join(data(event({"content": "a"}, index=at % 3)) for at in range(30))
    pieces, _ = decoded(decoder(), [START + stream + END])
    assert len(runs(pieces)) == 27


def test_it_stops_learning_what_never_comes_again() -> None:
    decode = decoder()
    parsed: list[bytes] = []
    analogy = decode.analogy
    assert analogy is not None
    like = analogy.like
    analogy.memory = None

    def watched(filled: bytes) -> Like:
        parsed.append(filled)
        return like(filled)

    analogy.like = watched
    pieces, _ = decoded(decode, [said("a", created=at) for at in range(100)])
    assert len(parsed) <= 8
    assert (runs(pieces), len(pieces)) == ([], 100)


@pytest.mark.parametrize("mark", [MARK, PADDING_MARK])
def test_texts_that_look_like_a_mark_are_texts(mark: str) -> None:
    words = ["a", "b", mark, "c"]
    pieces, _ = decoded(decoder(), [said(word) for word in words])
    assert [chunk.choices[0].delta.content for chunk in expanded(pieces)] == words
    # The name of a model, too, which callers choose.
    run = next(piece for piece in pieces if isinstance(piece, Run))
    run.template.chunk.model = mark
    assert run.write(CompletionChunk.SerializeToString) == b"".join(
        map(CompletionChunk.SerializeToString, run.chunks())
    )


def test_a_merged_run_folds_to_the_same_answer() -> None:
    pieces, _ = decoded(decoder(), [START + b"".join(said(word, obfuscation=word) for word in "abcdef") + END])
    one, many = Fold(), Fold()
    one.batch(merged(pieces))
    for chunk in expanded(pieces):
        many.add(chunk)
    assert runs(merged(pieces)) == [1]
    assert one.result() == many.result()
