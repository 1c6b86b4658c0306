"""Connections: used again where that is safe, closed at once where nobody waits any more, never left open."""

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from service.errors import ApiError, Kind
from service.upstream import HttpLimits, HttpTransport
from tests import vendor as v
from tests.upstream.servers import handling
from tests.upstream.stage import PATIENCE, Stage, ask, closed, read_all, staged
from tests.vendor import Ending, Script
from tests.vendor.script import Head, Send

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body")

OK = v.raw(200, b"fine", {})
SILENT = Script((), ending=Ending.FIN)
AT_ONCE = HttpLimits(keep_alive=3600, race=PATIENCE, longest_race=PATIENCE)
NEVER_AT_ONCE = HttpLimits(keep_alive=3600, race=-1, longest_race=-1)
KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
)


def with_headers(**headers: str) -> Script:
    return v.raw(200, b"fine", {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass(frozen=True, slots=True)
class Case:
    """An answer, and how many connections it and the next take."""

    name: str
    script: Callable[[], Script]
    connections: int


KEPT = (
    Case("length", lambda: OK, 1),
    Case("chunks", lambda: v.stream(b"a", b"b"), 1),
    Case("error", lambda: v.openai_error(500, "x"), 1),
    Case("no_content", lambda: Script((Head(b"HTTP/1.1 204 No Content\r\n\r\n"),)), 1),
    Case("http_1_0_kept", lambda: Script((Head(b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\n"), Send(b"a"))), 1),
    Case("long_hint", lambda: with_headers(keep_alive="timeout=60, max=10"), 1),
    Case("connection_close", lambda: with_headers(connection="close"), 2),
    Case("http_1_0", lambda: Script((Head(b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n"), Send(b"a"))), 2),
    Case("until_close", lambda: Script((Head(b"HTTP/1.1 200 OK\r\n\r\n"), Send(b"a")), ending=Ending.FIN), 2),
    Case("data_after_the_end", lambda: Script((Head(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naGET"),)), 2),
    Case("second_answer", lambda: Script((Head(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n" * 2),)), 2),
    Case("spent_hint", lambda: with_headers(keep_alive="timeout=1"), 2),
)  # fmt: skip


@pytest.mark.parametrize("case", KEPT, ids=lambda case: case.name)
@staged
async def test_a_connection_is_kept_where_it_can_be(stage: Stage, case: Case) -> None:
    stage.vendor.answer(case.script(), OK)
    await ask(stage)
    assert await ask(stage) == b"fine"
    assert stage.vendor.connections == case.connections


@staged
async def test_a_call_can_ask_for_the_connection_to_be_closed(stage: Stage) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"{}")
        assert b"\r\nconnection: close\r\n" in head.lower()
        # Not said, as the embedded model's engine does not say it either.
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine")
        writer.close()

    async with handling(serve) as port:
        for _ in range(3):
            response = await stage.send(
                headers={"connection": "close"}, target=stage.target(f"http://127.0.0.1:{port}")
            )
            assert (await read_all(response)).body == b"fine"


@staged
async def test_the_connection_used_last_is_used_next(stage: Stage) -> None:
    gate = asyncio.Event()
    stage.vendor.answer(v.delayed(OK, gate))
    first = asyncio.ensure_future(ask(stage))
    await stage.vendor.received()
    stage.vendor.always(OK)
    await ask(stage)
    gate.set()
    await first
    await ask(stage)
    assert [request.connection for request in stage.vendor.requests] == [0, 1, 0]


def resending(stage: Stage, limits: HttpLimits) -> list[str]:
    """Where the stage's transport tells that it sends a request again; what is at once is said by the limits."""
    stage.transport = stage.kind.make(limits)
    stage.exits.push_async_callback(stage.transport.close)
    return []


@staged
async def test_a_kept_connection_that_closes_as_it_is_used_is_replaced(stage: Stage) -> None:
    told = resending(stage, AT_ONCE)
    stage.vendor.answer(OK, SILENT, OK)
    await ask(stage)
    response = await stage.send(on_resend=lambda: told.append("again"))
    assert (await read_all(response)).body == b"fine"
    assert [request.connection for request in stage.vendor.requests] == [0, 0, 1]
    assert told == ["again"]


@staged
async def test_a_kept_connection_that_closes_later_has_taken_the_request(stage: Stage) -> None:
    told = resending(stage, NEVER_AT_ONCE)
    stage.vendor.answer(OK, SILENT, OK)
    await ask(stage)
    with pytest.raises(ApiError) as caught:
        await stage.send(on_resend=lambda: told.append("again"))
    assert caught.value.kind is Kind.BAD_UPSTREAM
    stage.says(caught.value, "closed the connection before it answered")
    assert len(stage.vendor.requests) == 2
    assert not told


@staged
async def test_a_request_is_sent_twice_at_most(stage: Stage) -> None:
    told = resending(stage, AT_ONCE)
    gate = asyncio.Event()
    stage.vendor.always(v.delayed(OK, gate))
    many = [asyncio.ensure_future(ask(stage)) for _ in range(6)]
    await stage.vendor.received(6)
    gate.set()
    await asyncio.gather(*many)
    stage.vendor.always(SILENT)
    with pytest.raises(ApiError) as caught:
        await stage.send(on_resend=lambda: told.append("again"))
    assert caught.value.kind is Kind.BAD_UPSTREAM
    assert len(stage.vendor.requests) == 8
    # The second time over a new connection, which cannot be one that the vendor was closing.
    assert stage.vendor.connections == 7
    assert told == ["again"]


def test_what_is_at_once_is_said_by_the_distance() -> None:
    limits = HttpLimits()
    assert limits.at_once(0.0001) == limits.race
    assert limits.at_once(0.2) == pytest.approx(0.4)
    assert limits.at_once(30.0) == limits.longest_race


@staged
async def test_a_connection_has_a_greatest_age(stage: Stage) -> None:
    stage.vendor.always(OK)
    for age, connections in ((3600.0, 1), (3600.0, 1), (0.0, 2), (3600.0, 2)):
        await read_all(await stage.send(target=replace(stage.target(), max_connection_age=age)))
        assert stage.vendor.connections == connections


def options_of(port: int) -> list[int]:
    """How this process keeps its own connection from a port alive."""
    for file in [int(each.name) for each in Path("/proc/self/fd").iterdir()]:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(file)) as own:
            if own.family == socket.AF_INET and own.getsockname()[1] == port:
                return [own.getsockopt(*option) for option in KEEP_ALIVE]
    return []


@staged
async def test_connections_are_kept_alive_while_they_are_silent(stage: Stage) -> None:
    seen: list[list[int]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        seen.append(options_of(writer.get_extra_info("peername")[1]))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    async with handling(serve) as port:
        await read_all(await stage.send(target=stage.target(f"http://127.0.0.1:{port}")))
    assert seen == [[1, 60, 60, 5]]


@staged
async def test_a_connection_closed_while_unused_is_not_used(stage: Stage) -> None:
    stage.vendor.answer(Script(OK.steps, ending=Ending.FIN), OK)
    await ask(stage)
    # The close is on its way or has come: either way one request is enough.
    assert await ask(stage) == b"fine"
    assert stage.vendor.connections == 2
    assert len(stage.vendor.requests) == 2


@staged
async def test_a_request_is_not_repeated_once_its_answer_has_begun(stage: Stage) -> None:
    stage.vendor.answer(OK, Script((Head(b"HTTP/1.1 2"),), ending=Ending.FIN))
    await ask(stage)
    with pytest.raises(ApiError) as caught:
        await stage.send()
    assert caught.value.kind is Kind.BAD_UPSTREAM
    assert len(stage.vendor.requests) == 2


@staged
async def test_an_unused_connection_is_closed_in_time(stage: Stage) -> None:
    transport = stage.kind.make(HttpLimits(keep_alive=0.05))
    stage.exits.push_async_callback(transport.close)
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        assert await reader.read() == b""
        ended.set()
        writer.close()

    async with handling(serve) as port:
        stage.transport = transport
        await read_all(await stage.send(target=stage.target(f"http://127.0.0.1:{port}")))
        await asyncio.wait_for(ended.wait(), PATIENCE)


@staged
async def test_an_unused_connection_that_speaks_is_closed(stage: Stage) -> None:
    speak, ended = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await speak.wait()
        writer.write(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
        assert await reader.read() == b""
        ended.set()

    async with handling(serve) as port:
        await read_all(await stage.send(target=stage.target(f"http://127.0.0.1:{port}")))
        speak.set()
        await asyncio.wait_for(ended.wait(), PATIENCE)


@staged
async def test_what_comes_unasked_is_not_taken_for_the_answer_to_the_next_request(stage: Stage) -> None:
    speak, spoken = threading.Event(), threading.Event()

    def answer(connection: socket.socket, body: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    def serve() -> None:
        first, _ = listener.accept()
        with first:
            first.recv(65536)
            answer(first, b"one")
            speak.wait(PATIENCE)
            answer(first, b"stray")
            spoken.set()
            second, _ = listener.accept()
            with second:
                second.recv(65536)
                answer(second, b"two")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        threading.Thread(target=serve, daemon=True).start()
        target = stage.target(f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert (await read_all(await stage.send(target=target))).body == b"one"
        speak.set()
        # The event loop stands still meanwhile, so that it has not read what has come.
        assert spoken.wait(PATIENCE)
        assert (await read_all(await stage.send(target=target))).body == b"two"


@staged
async def test_closed_connections_are_forgotten(stage: Stage) -> None:
    if not isinstance(stage.transport, HttpTransport):
        pytest.skip("aiohttp's transport does not tell")
    stage.vendor.answer(OK, Script(OK.steps, ending=Ending.FIN), v.hang_after_headers(b"a"), v.hang())
    await ask(stage)
    assert stage.transport.connections == 1
    await ask(stage)
    response = await stage.send()
    sending = asyncio.ensure_future(stage.send())
    await stage.vendor.received(4)
    assert stage.transport.connections == 2
    response.close()
    sending.cancel()
    await closed(stage, 3)
    await closed(stage, 4)
    assert stage.transport.connections == 0


@staged
async def test_many_requests_at_once_each_get_their_own_answer(stage: Stage) -> None:
    stage.vendor.always(lambda request: v.drip(v.stream(b"<" + request.body + b">"), 5))

    async def one(number: int) -> None:
        body = b'{"n": %d}' % number
        assert (await read_all(await stage.send(body))).body == b"<" + body + b">"

    for _ in range(3):
        await asyncio.gather(*(one(number) for number in range(50)))
    assert stage.vendor.connections <= 50
