"""The bytes of HTTP and of OpenAI's answers, made by hand so that each can be wrong in its own way."""

import json
from collections.abc import Mapping
from enum import Enum
from http import HTTPStatus

SSE = "text/event-stream"
JSON = "application/json"
DONE = b"data: [DONE]\n\n"
LAST_CHUNK = b"0\r\n\r\n"


class Framing(Enum):
    """How HTTP/1.1 says where a body ends."""

    CHUNKED = "chunked"
    LENGTH = "length"
    CLOSE = "close"


def head(status: int = 200, content_type: str = SSE, **headers: str) -> bytes:
    """Status line and headers; `_` in a header's name stands for `-`."""
    phrase = {known.value: known.phrase for known in HTTPStatus}.get(status, "")
    named = {"content-type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = (f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in named.items()), "", "")
    return "\r\n".join(lines).encode("latin-1")


def framed(body: bytes, framing: Framing, content_type: str = SSE) -> tuple[bytes, bytes]:
    """Head, and body with its framing: a chunk for each event."""
    match framing:
        case Framing.CHUNKED:
            pieces = [event + b"\n\n" for event in body.split(b"\n\n") if event]
            return head(200, content_type, transfer_encoding="chunked"), b"".join(map(chunk, pieces)) + LAST_CHUNK
        case Framing.LENGTH:
            return head(200, content_type, content_length=str(len(body))), body
        case Framing.CLOSE:
            return head(200, content_type, connection="close"), body


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def sized(status: int, body: bytes, content_type: str = JSON, **headers: str) -> bytes:
    """A whole answer whose length is said."""
    return head(status, content_type, content_length=str(len(body)), **headers) + body


def event(data: Mapping[str, object]) -> bytes:
    """One server-sent event."""
    return b"data: %b\n\n" % json.dumps(data, ensure_ascii=False).encode()


def delta(content: str | None = None, *, role: str | None = None, finish: str | None = None) -> bytes:
    """The event of one chunk of a completion."""
    said = {name: value for name, value in (("role", role), ("content", content)) if value is not None}
    choice = {"index": 0, "delta": said, "logprobs": None, "finish_reason": finish}
    return event({**_COMMON, "object": "chat.completion.chunk", "choices": [choice]})


def usage() -> bytes:
    """The event that tells the tokens used."""
    return event({**_COMMON, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})


def completion(content: str) -> bytes:
    """A whole answer's JSON."""
    message = {"role": "assistant", "content": content, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    whole = {**_COMMON, "object": "chat.completion", "choices": [choice], "usage": _USAGE}
    return json.dumps(whole, ensure_ascii=False).encode()


def error(message: str = "the engine died", code: str | int | None = 500) -> dict[str, object]:
    """OpenAI's error object."""
    return {"error": {"message": message, "type": "server_error", "param": None, "code": code}}


_COMMON = {"id": "chatcmpl-7", "created": 1700000000, "model": "m"}
_USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
