import asyncio

import pytest
from parley.chat.v1.completion_pb2 import ChunkChoice, CompletionChunk, Delta, Usage
from parley.chat.v1.tool_pb2 import FunctionCall, ToolCall

from service.auth import Caller
from service.backends.run import MARK, SLOTS, Run, Template, expanded
from service.errors import ApiError, Kind
from service.pipeline.account import Account, Accounting
from service.pipeline.context import RequestContext
from service.pipeline.normalize import Normalizer
from service.pipeline.received import Received
from service.pipeline.record import Record
from service.pipeline.request_log import fields

USAGE = Usage(prompt_tokens=7, completion_tokens=2, total_tokens=9)


def chunk(delta: Delta, finish_reason: str = "") -> CompletionChunk:
    return CompletionChunk(choices=[ChunkChoice(index=0, delta=delta, finish_reason=finish_reason)])


@pytest.mark.parametrize(
    ("deltas", "size", "tokens"),
    [
        ([Delta(role="assistant", content="")], 0, 0),
        ([Delta(content="a"), Delta(content="b"), Delta(content="c")], 3, 3),
        ([Delta(content="ж" * 10)], 20, 5),
        ([Delta(reasoning_content="hm"), Delta(refusal="no")], 4, 2),
        ([Delta(tool_calls=[ToolCall(function=FunctionCall(name="f", arguments='{"a": 1}'))])], 8, 2),
    ],
    ids=["a role", "a token each", "many in one", "other text", "a call"],
)
def test_what_came_is_counted(deltas: list[Delta], size: int, tokens: int) -> None:
    received = Received()
    received.add([chunk(delta) for delta in deltas])
    assert (received.size, received.tokens) == (size, tokens)


def test_a_run_counts_as_its_chunks_do() -> None:
    run = Run(Template(chunk(Delta(content=MARK)), SLOTS["content"]), [b"one", b"two", b"three"])
    as_run, as_chunks = Received(), Received()
    as_run.add([run])
    as_chunks.add(expanded([run]))
    assert as_run == as_chunks
    assert as_run.deltas == 3


class Recorder:
    def __init__(self) -> None:
        self.records: list[Record] = []

    def began(self, record: Record) -> None:
        assert not record.outcome

    def ended(self, record: Record) -> None:
        self.records.append(record)


CUT = ApiError(Kind.STREAM_CUT, "cut")


@pytest.mark.parametrize(
    ("usage", "finish_reason", "error", "expected"),
    [
        (None, "", asyncio.CancelledError(), {"completion_tokens_estimated": 3}),
        (None, "", CUT, {"completion_tokens_estimated": 3}),
        # What Anthropic says first is what the prompt costs, and a count of the answer that is not final.
        (USAGE, "", asyncio.CancelledError(), {"prompt_tokens": 7, "completion_tokens_estimated": 3}),
        (Usage(completion_tokens=50), "", CUT, {"prompt_tokens": 0, "completion_tokens_estimated": 50}),
        (USAGE, "stop", asyncio.CancelledError(), {"prompt_tokens": 7, "completion_tokens": 2}),
        (USAGE, "", None, {"prompt_tokens": 7, "completion_tokens": 2}),
        (None, "stop", None, {}),
    ],
)
def test_only_what_was_cut_short_is_estimated(
    usage: Usage | None, finish_reason: str, error: BaseException | None, expected: dict[str, int]
) -> None:
    recorder = Recorder()
    context = RequestContext("id", Caller("tests"), "rest")
    try:
        with Account(Accounting((recorder,)), context, "v/m", stream=True) as account:
            answer = account.answer = Normalizer("v/m")
            answer.usage, answer.finish_reason = usage, finish_reason
            account.saw([chunk(Delta(content="a")) for _ in range(3)])
            if error is not None:
                raise error
    except (asyncio.CancelledError, ApiError) as raised:
        assert raised is error
    (record,) = recorder.records
    assert {name: value for name, value in fields(record).items() if "tokens" in name} == expected
