"""What comes with the end of an answer goes to the caller together with all that the end brings."""

import gc
import json
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest, StreamOptions
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.auth import Caller
from service.backends.dialect import HttpCall, Target
from service.backends.run import Last, Piece, expanded
from service.config.load import parse
from service.errors import ApiError
from service.pipeline import Pipeline, RequestContext
from service.pipeline.account import Accounting
from service.pipeline.record import Record
from service.pipeline.report import Policy
from service.routing import Router
from service.routing.table import build
from service.upstream import Driver

CONFIG = """
vendors: {v: {dialect: vllm, base_url: "http://v", vllm_version: "0.12"}}
models: {v/m: {}}
"""


def event(delta: Mapping[str, Any], finish_reason: str | None = None, **members: Any) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish_reason}]
    return b"data: " + json.dumps({"id": "x", "created": 1, "choices": choices, **members}).encode() + b"\n\n"


TEXT = event({"role": "assistant", "content": "red"})
STOP = event({}, "stop")
USAGE = (
    b'data: {"id": "x", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}\n\n'
)
DONE = b"data: [DONE]\n\n"


@dataclass(slots=True)
class Answer:
    """A vendor's answer that comes in these reads."""

    reads: Sequence[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    _at: int = 0

    async def read(self) -> bytes:
        self._at += 1
        return self.reads[self._at - 1] if self._at <= len(self.reads) else b""

    def finish(self) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Vendor:
    """A transport on which every request has the same answer."""

    reads: Sequence[bytes]

    async def send(self, call: HttpCall, target: Target) -> Answer:
        return Answer(self.reads)

    async def close(self) -> None: ...


def said(batch: list[Piece]) -> str:
    """A word for each chunk."""
    return " ".join(
        "usage" if chunk.HasField("usage") else chunk.choices[0].delta.content or chunk.choices[0].finish_reason
        for chunk in expanded(batch)
    )


async def batches(reads: Sequence[bytes], policy: Policy | None = None, **fields: Any) -> tuple[list[list[Piece]], str]:
    """The batches of an answer, and the code of the error after them."""
    pipeline = Pipeline(Router(build(parse(CONFIG))), Driver(Vendor(reads)))
    message = Message(role="user", content=[ContentPart(text="hi")])
    request = CompletionRequest(
        model="v/m", messages=[message], stream_options=StreamOptions(include_usage=True), **fields
    )
    context = RequestContext("r", Caller("a"), "rest", policy=policy)
    found: list[list[Piece]] = []
    try:
        async with aclosing(pipeline.stream(request, context)) as answer:
            async for batch in answer:
                found.append(batch)  # noqa: PERF401  # an error must leave what came before it
    except ApiError as error:
        return found, error.code
    return found, ""


@pytest.mark.parametrize(
    ("reads", "expected"),
    [
        ([TEXT + STOP + USAGE + DONE], ["red stop usage"]),
        ([TEXT, STOP + USAGE + DONE], ["red", "stop usage"]),
        ([TEXT + STOP, USAGE + DONE], ["red stop", "usage"]),
        ([TEXT + STOP + USAGE, DONE], ["red stop", "usage"]),
        ([TEXT, STOP, USAGE, DONE], ["red", "stop", "usage"]),
    ],
    ids=["one read", "its end in one", "usage with the mark", "the mark alone", "each alone"],
)
async def test_what_comes_with_the_end_is_one_batch_with_the_usage(reads: Sequence[bytes], expected: list[str]) -> None:
    found, code = await batches(reads)
    assert ([said(batch) for batch in found], code) == (expected, "")
    assert [isinstance(batch, Last) for batch in found] == [False] * (len(expected) - 1) + [True]


async def test_an_answer_that_does_not_obey_is_given_out_before_that_is_told() -> None:
    found, code = await batches([TEXT + STOP + USAGE + DONE], Policy.STRICT, guided_choice=["blue", "green"])
    assert ([said(batch) for batch in found], code) == (["red stop"], "guide_not_followed")


async def test_an_answer_that_is_cut_has_no_last_batch() -> None:
    found, code = await batches([TEXT, STOP + USAGE])
    assert [said(batch) for batch in found] == ["red", "stop"]
    assert (code, any(isinstance(batch, Last) for batch in found)) == ("stream_interrupted", False)


async def test_an_answer_leaves_nothing_to_the_collector() -> None:
    reads = [TEXT + STOP + USAGE + DONE]
    await batches(reads)
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            await batches(reads)
        assert gc.collect() < 10, "what refers to itself in a circle keeps its memory until the collector comes by"
    finally:
        gc.enable()


class Watching:
    """Notes what an observer is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def began(self, record: Record) -> None:
        self.told.append("began")

    def ended(self, record: Record) -> None:
        self.told.append(record.outcome)


@pytest.mark.parametrize(
    ("read", "outcome"), [(0, "cancelled"), (1, "cancelled"), (9, "ok")], ids=["before it", "in it", "at its end"]
)
async def test_an_answer_is_accounted_for_once_wherever_its_caller_leaves(read: int, outcome: str) -> None:
    watching = Watching()
    pipeline = Pipeline(
        Router(build(parse(CONFIG))), Driver(Vendor([TEXT, STOP, DONE])), accounting=Accounting((watching,))
    )
    request = CompletionRequest(model="v/m", messages=[Message(role="user", content=[ContentPart(text="hi")])])
    answer = pipeline.stream(request, RequestContext("r", Caller("a"), "rest"))
    for _ in range(read):
        await anext(answer, None)
    await answer.aclose()
    await answer.aclose()
    assert watching.told == ["began", outcome]
