"""The vendor does what its vocabulary says, seen from a plain socket."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.vendor import (
    DONE,
    Responder,
    Script,
    Vendor,
    cut,
    delayed,
    drip,
    either,
    endless_event,
    endless_stream,
    error_in_200,
    giant_event,
    half_chunk,
    hang,
    hang_after_headers,
    html,
    json_answer,
    openai_error,
    stream,
    stream_error,
    unread_request,
    unused_port,
    vendor_thread,
    wrong_chunk_length,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

EVENT = b'data: {"n": 1}\n\n'


class Peer:
    """A client that knows no HTTP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, vendor: Vendor) -> Peer:
        return cls(*await asyncio.open_connection("127.0.0.1", int(vendor.base_url.rpartition(":")[2])))

    def post(self, body: dict[str, object], path: str = "/v1/chat/completions") -> None:
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: vendor\r\nX-Case: One\r\nContent-Length: {len(data)}\r\n\r\n"
        self.writer.write(head.encode() + data)

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def answer(self) -> tuple[int, bytes]:
        head = await self.head()
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return int(head.split()[1]), await self.reader.readexactly(length)

    def close(self) -> None:
        self.writer.transport.abort()


class Table:
    """A vendor with the peers that talk to it, all closed at the end."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.peers: list[Peer] = []

    async def connect(self) -> Peer:
        self.peers.append(await Peer.connect(self.vendor))
        return self.peers[-1]

    async def ask(self, script: Responder) -> Peer:
        self.vendor.answer(script)
        peer = await self.connect()
        peer.post({"model": "m"})
        return peer


@pytest_asyncio.fixture
async def table() -> AsyncGenerator[Table]:
    async with Vendor.start() as vendor:
        table = Table(vendor)
        yield table
        for peer in table.peers:
            peer.close()


async def test_a_request_is_recorded_and_its_answer_completed(table: Table) -> None:
    peer = await table.ask(json_answer({"ok": True}))
    assert await peer.answer() == (200, b'{"ok": true}')
    request = await table.vendor.received()
    await request.complete.wait()
    assert (request.method, request.path, request.json) == ("POST", "/v1/chat/completions", {"model": "m"})
    assert request.headers["x-case"] == "One"
    assert not request.closed.is_set()


async def test_scripts_come_from_the_queue_then_by_model_then_the_default(table: Table) -> None:
    table.vendor.always(json_answer({"by": "default"}))
    table.vendor.always(openai_error(429, "busy", retry_after="7"), model="busy")
    peer = await table.ask(json_answer({"by": "queue"}))
    seen = [await peer.answer()]
    for model in ("busy", "m"):
        peer.post({"model": model})
        seen.append(await peer.answer())
    assert [(status, json.loads(body).get("by")) for status, body in seen] == [
        (200, "queue"),
        (429, None),
        (200, "default"),
    ]
    assert {request.connection for request in table.vendor.requests} == {0}


async def test_a_vendor_that_was_told_nothing_answers_500(table: Table) -> None:
    peer = await table.connect()
    peer.post({})
    assert (await peer.answer())[0] == 500


async def test_the_answer_may_depend_on_whether_a_stream_was_asked_for(table: Table) -> None:
    table.vendor.always(either(unary=json_answer({}), streamed=stream(DONE)))
    peer = await table.connect()
    peer.post({"stream": False})
    assert (await peer.answer())[1] == b"{}"
    peer.post({"stream": True})
    assert b"text/event-stream" in await peer.head()


async def test_gates_hold_the_headers_and_the_events(table: Table) -> None:
    first, second = asyncio.Event(), asyncio.Event()
    peer = await table.ask(delayed(stream(EVENT, second, DONE), first))
    request = await table.vendor.received()
    assert request.bytes_sent == 0
    first.set()
    await peer.head()
    await peer.reader.readuntil(EVENT + b"\r\n")
    held = asyncio.ensure_future(peer.reader.readuntil(b"0\r\n\r\n"))
    assert not request.complete.is_set()
    second.set()
    assert DONE in await held
    await request.complete.wait()


@pytest.mark.parametrize(
    "script",
    [hang(), hang_after_headers(EVENT), endless_event(), endless_stream()],
    ids=["hang", "headers", "event", "stream"],
)
async def test_the_peers_close_ends_an_answer_that_has_no_end(table: Table, script: Script) -> None:
    peer = await table.ask(script)
    request = await table.vendor.received()
    if script.steps:
        await peer.head()
    assert not request.closed.is_set()
    peer.close()
    await request.closed.wait()
    assert not request.complete.is_set()


@pytest.mark.parametrize(
    ("script", "ends_with"),
    [
        (cut(stream(EVENT, EVENT), 9), b"10\r\ndata:"),
        (half_chunk(EVENT), b'"object":'),
        (wrong_chunk_length(EVENT), b"5\r\ndata: {}\n\n\r\n"),
    ],
    ids=["cut", "half chunk", "wrong length"],
)
async def test_a_broken_answer_ends_where_it_breaks(table: Table, script: Script, ends_with: bytes) -> None:
    peer = await table.ask(script)
    assert (await peer.reader.read()).endswith(ends_with)


async def test_a_connection_can_be_reset(table: Table) -> None:
    peer = await table.ask(cut(stream(EVENT), 5, reset=True))
    with pytest.raises(ConnectionResetError):
        await peer.reader.read()


async def test_a_dripped_answer_is_the_same_bytes(table: Table) -> None:
    whole = await table.ask(cut(stream(EVENT, DONE), 1000))
    dripped = await table.ask(cut(drip(stream(EVENT, DONE)), 1000))
    assert await whole.reader.read() == await dripped.reader.read()


async def test_a_giant_event_arrives_whole(table: Table) -> None:
    peer = await table.ask(cut(giant_event(3_000_000), 10_000_000))
    assert b"x" * 3_000_000 in await peer.reader.read()


async def test_a_request_can_stay_unread(table: Table) -> None:
    gate = asyncio.Event()
    peer = await table.ask(unread_request(json_answer({}), gate))
    request = await table.vendor.received()
    assert request.body == b""
    gate.set()
    await peer.answer()
    assert request.json == {"model": "m"}


@pytest.mark.parametrize(
    ("script", "status", "part"),
    [(html(502), 502, b"<html>"), (html(200), 200, b"<html>"), (error_in_200("boom"), 200, b'"boom"')],
    ids=["html 502", "html 200", "error in 200"],
)
async def test_a_body_may_not_be_what_its_status_says(table: Table, script: Script, status: int, part: bytes) -> None:
    answer = await (await table.ask(script)).answer()
    assert answer[0] == status
    assert part in answer[1]


async def test_a_stream_may_carry_an_error_and_then_end(table: Table) -> None:
    peer = await table.ask(cut(stream_error(EVENT), 10_000))
    body = await peer.reader.read()
    assert b'data: {"error": {"message": "engine died"' in body
    assert DONE not in body


async def test_an_unused_port_refuses() -> None:
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", unused_port())


async def test_a_vendor_in_a_thread_serves_other_loops() -> None:
    with vendor_thread() as vendor:
        vendor.always(json_answer({}))
        peer = await Peer.connect(vendor)
        peer.post({})
        assert (await peer.answer())[0] == 200
        peer.close()
        assert len(vendor.requests) == 1
