"""The vocabulary of answers: every way in which a vendor behaves or misbehaves, by name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from tests.vendor.script import Drip, Ending, Forever, Head, Script, Send, Step, Wait

if TYPE_CHECKING:
    from tests.vendor.server import VendorRequest

DONE = b"data: [DONE]\n\n"
"""The event that ends an OpenAI stream."""

LAST_CHUNK = b"0\r\n\r\n"

Event = bytes | Mapping[str, object] | asyncio.Event
"""An event as it goes over the wire, the JSON of a `data:` event, or a gate to hold at."""


def _head(status: int, headers: Mapping[str, str]) -> Head:
    """Return the status line and headers; the reason phrase is empty where HTTP knows none, as for 529."""
    phrase = {known.value: known.phrase for known in HTTPStatus}.get(status, "")
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return Head("\r\n".join([*lines, "", ""]).encode("latin-1"))


def _chunk(data: bytes) -> bytes:
    """Frame data as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(data: bytes | Mapping[str, object]) -> bytes:
    """Return the event as it goes over the wire."""
    return data if isinstance(data, bytes) else b"data: %b\n\n" % json.dumps(data, ensure_ascii=False).encode()


def raw(status: int, body: bytes, headers: Mapping[str, str]) -> Script:
    """Answer with a body of known length."""
    return Script((_head(status, {**headers, "content-length": str(len(body))}), Send(body)))


def json_answer(
    body: bytes | Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None
) -> Script:
    """Answer with JSON: a mapping, or bytes such as a recording's, as they are."""
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return raw(status, data, {"content-type": "application/json", **(headers or {})})


def openai_error(
    status: int, message: str, *, kind: str = "invalid_request_error", code: str | None = None, retry_after: str = ""
) -> Script:
    """Refuse with OpenAI's error body; `retry_after`, if any, is the value of that header."""
    error = {"message": message, "type": kind, "param": None, "code": code}
    return json_answer({"error": error}, status, {"retry-after": retry_after} if retry_after else None)


def html(status: int, body: bytes = b"<html><body><h1>Welcome</h1></body></html>") -> Script:
    """Answer with a page, as a proxy or a captive portal between us and the vendor does."""
    return raw(status, body, {"content-type": "text/html"})


def error_in_200(message: str = "upstream exploded") -> Script:
    """Answer 200 with an error body, as some vendors do."""
    return json_answer({"error": {"message": message, "type": "server_error", "param": None, "code": 500}})


def stream(*events: Event, status: int = 200, headers: Mapping[str, str] | None = None) -> Script:
    """Stream server-sent events, each a chunk and a write of its own. Nothing is added: give `DONE` to end well."""
    head = _head(status, {"content-type": "text/event-stream", "transfer-encoding": "chunked", **(headers or {})})
    body: list[Step] = [
        Wait(event) if isinstance(event, asyncio.Event) else Send(_chunk(_event(event))) for event in events
    ]
    return Script((head, *body, Send(LAST_CHUNK)))


def stream_bytes(data: bytes) -> Script:
    """Stream a recording's events one by one."""
    return stream(*(part + b"\n\n" for part in data.split(b"\n\n") if part.strip()))


def stream_error(*before: Event, message: str = "engine died") -> Script:
    """Stream the events given, then an error event and no `DONE`."""
    error: Mapping[str, object] = {"message": message, "type": "server_error", "param": None, "code": 500}
    return stream(*before, {"error": error})


def giant_event(size: int) -> Script:
    """Stream one chunk of a completion with `size` bytes of content, then end well."""
    return stream(_content("x" * size), DONE)


def endless_event() -> Script:
    """Stream an event that never ends."""
    return _endless(b'data: {"choices": [{"index": 0, "delta": {"content": "', b"x" * 65536)


def endless_stream() -> Script:
    """Stream chunks of a completion as fast as the peer reads them."""
    return _endless(b"", _event(_content("x" * 1024)))


def half_chunk(*before: Event) -> Script:
    """Stream the events given, then close in the middle of an HTTP chunk."""
    script = stream(*before)
    half = _chunk(_event(_content("this is never finished")))[:40]
    return replace(script, steps=(*script.steps[:-1], Send(half)), ending=Ending.FIN)


def wrong_chunk_length(*before: Event) -> Script:
    """Stream the events given, then a chunk that is longer than it says."""
    script = stream(*before)
    return replace(script, steps=(*script.steps[:-1], Send(b"5\r\ndata: {}\n\n\r\n")), ending=Ending.FIN)


def hang() -> Script:
    """Take the request and say nothing."""
    return Script((), ending=Ending.HANG)


def hang_after_headers(*before: Event) -> Script:
    """Send the head of a stream and the events given, then say no more."""
    script = stream(*before)
    return replace(script, steps=script.steps[:-1], ending=Ending.HANG)


def delayed(script: Script, gate: asyncio.Event) -> Script:
    """Hold even the headers until the gate is set."""
    return replace(script, steps=(Wait(gate), *script.steps))


def cut(script: Script, after: int, *, reset: bool = False) -> Script:
    """Close after so many bytes of the body, framing included; the head is sent whole."""
    kept: list[Step] = []
    left = after
    for step in script.steps:
        if not isinstance(step, Send | Drip):
            kept.append(step)
            continue
        if left <= 0:
            break
        kept.append(replace(step, data=step.data[:left]))
        left -= len(step.data)
    return replace(script, steps=tuple(kept), ending=Ending.RESET if reset else Ending.FIN)


def drip(script: Script, size: int = 1) -> Script:
    """Write the body in pieces of `size` bytes."""
    steps = tuple(Drip(step.data, size) if isinstance(step, Send) else step for step in script.steps)
    return replace(script, steps=steps)


def unread_request(script: Script, gate: asyncio.Event) -> Script:
    """Leave the request's body unread until the gate is set, then answer. For the queue alone."""
    return replace(script, read_after=gate)


def either(*, unary: Script, streamed: Script) -> Callable[[VendorRequest], Script]:
    """Answer by whether the request asks for a stream."""
    return lambda request: streamed if request.json.get("stream") else unary


def _content(text: str) -> Mapping[str, object]:
    """Return a chunk of a completion with this text."""
    delta = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}],
    }


def _endless(start: bytes, again: bytes) -> Script:
    """Stream `start`, then `again` for ever, all in chunks."""
    first = [Send(_chunk(start))] if start else []
    return Script((stream().steps[0], *first, Forever(_chunk(again))), ending=Ending.HANG)
