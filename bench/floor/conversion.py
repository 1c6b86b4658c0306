"""JSON to the floor's messages and back, by hand and without any check."""

from __future__ import annotations

from typing import NotRequired, TypedDict, cast

import orjson

from bench.floor import floor_pb2


class _Message(TypedDict):
    role: NotRequired[str]
    content: NotRequired[str | None]


class _Choice(TypedDict):
    index: int
    message: NotRequired[_Message]
    delta: NotRequired[_Message]
    finish_reason: NotRequired[str | None]


class _Usage(TypedDict):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class _Answer(TypedDict):
    id: str
    object: str
    created: int
    model: str
    choices: list[_Choice]
    usage: NotRequired[_Usage | None]


def request_json(request: floor_pb2.ChatRequest, *, stream: bool) -> bytes:
    """Write a request for the vendor."""
    members: dict[str, object] = {
        "model": request.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
    }
    if stream:
        members |= {"stream": True, "stream_options": {"include_usage": True}}
    if request.max_tokens:
        members["max_tokens"] = request.max_tokens
    if request.temperature:
        members["temperature"] = request.temperature
    return orjson.dumps(members)


def completion(data: bytes) -> floor_pb2.Completion:
    """Read a whole answer of the vendor's."""
    answer = cast("_Answer", orjson.loads(data))
    message = floor_pb2.Completion(
        id=answer["id"], object=answer["object"], created=answer["created"], model=answer["model"]
    )
    for choice in answer["choices"]:
        said = choice.get("message", {})
        message.choices.add(
            index=choice["index"],
            message=floor_pb2.Message(role=said.get("role"), content=said.get("content")),
            finish_reason=choice.get("finish_reason"),
        )
    if usage := answer.get("usage"):
        message.usage.CopyFrom(_usage(usage))
    return message


def chunk(data: bytes) -> floor_pb2.Chunk:
    """Read one event of a stream."""
    answer = cast("_Answer", orjson.loads(data))
    message = floor_pb2.Chunk(
        id=answer["id"], object=answer["object"], created=answer["created"], model=answer["model"]
    )
    for choice in answer["choices"]:
        added = message.choices.add()
        added.index = choice["index"]
        delta = choice.get("delta", {})
        added.delta.role = delta.get("role") or ""
        if (content := delta.get("content")) is not None:
            added.delta.content = content
        if (finish_reason := choice.get("finish_reason")) is not None:
            added.finish_reason = finish_reason
    if usage := answer.get("usage"):
        message.usage.CopyFrom(_usage(usage))
    return message


def events(data: bytes) -> tuple[list[bytes], bytes]:
    """Split off the complete events but the last, `[DONE]`; return their data, and what is left over."""
    found: list[bytes] = []
    start = 0
    while (end := data.find(b"\n\n", start)) >= 0:
        if data.startswith(b"data: ", start) and (event := data[start + 6 : end]) != b"[DONE]":
            found.append(event)
        start = end + 2
    return found, data[start:]


def _usage(usage: _Usage) -> floor_pb2.Usage:
    return floor_pb2.Usage(
        prompt_tokens=usage["prompt_tokens"],
        completion_tokens=usage["completion_tokens"],
        total_tokens=usage["total_tokens"],
    )
