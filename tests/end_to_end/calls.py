"""How end-to-end tests call Parley on either face, and what they see."""

import io
import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import grpc
import grpc.aio
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from tests.stack import Parley

PATH = "/v1/chat/completions"


@dataclass(slots=True)
class RestAnswer:
    """One REST answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        assert self.headers["content-type"].startswith("application/json"), self.body
        assert set(self.json) == {"error"}
        error = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return error

    @property
    def events(self) -> list[str]:
        """The data of the server-sent events."""
        assert self.headers["content-type"].startswith("text/event-stream"), self.body
        blocks = self.body.decode().split("\n\n")
        assert blocks.pop() == ""
        lines = [block.split("\n") for block in blocks]
        assert all(line[-1].startswith("data: ") for line in lines)
        assert all(line[0] in {"event: done", "event: error"} for line in lines if len(line) > 1)
        return [line[-1].removeprefix("data: ") for line in lines]

    @property
    def chunks(self) -> list[dict[str, Any]]:
        return [json.loads(event) for event in self.events if event != "[DONE]"]

    @property
    def text(self) -> str:
        return "".join(c["delta"].get("content") or "" for chunk in self.chunks for c in chunk.get("choices", ()))


@dataclass(slots=True)
class GrpcFailure:
    """The status that a gRPC call ended with, and its details."""

    code: grpc.StatusCode
    message: str
    reason: str = ""
    info: dict[str, str] = field(default_factory=dict[str, str])
    fields: list[str] = field(default_factory=list[str])
    retry_after: float | None = None


def body(model: str, **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Say hello"}], **fields}


def message(model: str, **fields: Any) -> CompletionRequest:
    return CompletionRequest(
        model=model, messages=[Message(role="user", content=[ContentPart(text="Say hello")])], **fields
    )


async def post(
    parley: Parley,
    data: dict[str, Any] | bytes,
    *,
    path: str = PATH,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    key: str | None = "",
) -> RestAnswer:
    """:param key: the caller's key; empty for the good one, None for none."""
    content = io.BytesIO(data if isinstance(data, bytes) else json.dumps(data).encode())
    sent = {"content-type": "application/json", **(headers or {})}
    if key is not None:
        sent["x-api-key"] = key or parley.api_key
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, parley.base_url + path, data=content, headers=sent) as response,
    ):
        read = await response.read()
        return RestAnswer(response.status, {k.lower(): v for k, v in response.headers.items()}, read)


async def failure_of(call: Any, pieces: list[str] | None = None) -> GrpcFailure:
    """What a call that must fail ends with; a stream is read until it does, its text into `pieces`."""
    pieces = [] if pieces is None else pieces
    try:
        if hasattr(call, "__aiter__"):
            async for chunk in call:
                pieces += [choice.delta.content for choice in chunk.choices]
        else:
            await call
    except grpc.aio.AioRpcError as error:
        failure = GrpcFailure(error.code(), error.details() or "")
        for name, value in error.trailing_metadata() or ():
            if name == "grpc-status-details-bin":
                _read_details(failure, value if isinstance(value, bytes) else value.encode())
        return failure
    raise AssertionError("the call did not fail")


def _read_details(failure: GrpcFailure, packed: bytes) -> None:
    status = Status.FromString(packed)
    assert status.message == failure.message
    assert status.code == failure.code.value[0]
    for detail in status.details:
        info, violations, retry = (
            error_details_pb2.ErrorInfo(),
            error_details_pb2.BadRequest(),
            error_details_pb2.RetryInfo(),
        )
        if detail.Unpack(info):
            assert info.domain == "parley"
            failure.reason, failure.info = info.reason, dict(info.metadata)
        elif detail.Unpack(violations):
            failure.fields = [violation.field for violation in violations.field_violations]
        elif detail.Unpack(retry):
            failure.retry_after = retry.retry_delay.ToTimedelta().total_seconds()


def stub(channel: grpc.aio.Channel) -> Any:
    return ChatServiceStub(channel)
