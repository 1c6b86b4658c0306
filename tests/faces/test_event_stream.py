"""A slow reader gets one message at a time, comments among them."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

from google.api.httpbody_pb2 import HttpBody
from grpc.aio import ServicerContext

from service.faces.event_stream import EventStream
from service.pipeline.report import Report
from tests.clock import run

INTERVAL_S = 15.0


@dataclass(slots=True)
class Reader:
    """Takes each message only after some time."""

    seconds: float
    messages: list[bytes] = field(default_factory=list[bytes])
    writing: int = 0
    most: int = 0

    async def write(self, message: bytes) -> None:
        self.writing += 1
        self.most = max(self.most, self.writing)
        await asyncio.sleep(self.seconds)
        self.writing -= 1
        self.messages.append(HttpBody.FromString(message).data)


async def written(seconds: float) -> Reader:
    """What a reader gets who takes so long for each, of a vendor that is silent between two events."""
    reader = Reader(seconds)
    with EventStream(cast("ServicerContext[HttpBody, bytes]", reader), Report(), INTERVAL_S) as events:
        await events.write(b"data: 1")
        await asyncio.sleep(10 * INTERVAL_S)
        await events.write(b"data: 2")
    return reader


def test_a_silent_stream_has_a_comment_in_each_interval() -> None:
    reader = run(written(0.1))
    assert reader.messages[0] == b"data: 1"
    assert reader.messages[-1] == b"data: 2"
    comments = reader.messages[1:-1]
    assert set(comments) == {b": keep-alive\n\n"}
    assert len(comments) in (9, 10)


def test_no_comment_is_written_while_another_message_is() -> None:
    reader = run(written(4 * INTERVAL_S))
    assert reader.most == 1
    assert reader.messages[-1] == b"data: 2"
