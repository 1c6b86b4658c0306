"""The transport of gRPC, against gRPC's own server and against what is none."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import grpc.aio
import h2.connection
import pytest

from service.backends.dialect import HttpCall
from service.errors import ApiError, Kind
from service.upstream import GrpcTransport, SchemeTransport
from service.upstream.grpc_response import GrpcResponse
from tests.upstream.grpc_server import (
    HEAD,
    MESSAGE,
    Handler,
    Script,
    call,
    cancel,
    read_all,
    reset,
    serving,
    speaking,
    target,
)
from tests.upstream.servers import handling
from tests.vendor import unused_port


@pytest.fixture
async def transport() -> AsyncGenerator[GrpcTransport]:
    made = GrpcTransport()
    yield made
    await made.close()


async def test_an_answer_is_its_messages_and_its_end(transport: GrpcTransport) -> None:
    async with serving(b"one", b"two") as service:
        response = await transport.send(call(), target(service.port))
        assert response.status == 200
        answer = await read_all(response)
        assert [each for each in answer if isinstance(each, bytes)] == [b"one!", b"two!"]
        assert isinstance(answer[-1], dict)
        assert (answer[-1]["grpc-status"], answer[-1]["x-last"], answer[-1]["y-bin"]) == ("0", "l", "AAE=")
        response.finish()
        assert service.metadata[0]["x-api-key"] == "k"
        assert service.metadata[0]["user-agent"].startswith("parley ")


async def test_a_call_that_fails_at_once_is_a_refusal(transport: GrpcTransport) -> None:
    async with serving(fail=grpc.StatusCode.NOT_FOUND) as service:
        response = await transport.send(call(), target(service.port))
        assert (response.status, response.headers["grpc-message"]) == (404, "it is — so")
        assert (response.headers["grpc-status"], response.headers["x-last"]) == ("5", "l")
        assert await response.read() == b""


async def test_a_call_that_fails_later_says_so_at_its_end(transport: GrpcTransport) -> None:
    async with serving(b"one", fail=grpc.StatusCode.UNAVAILABLE) as service:
        answer = await read_all(await transport.send(call(), target(service.port)))
        assert answer[-2] == b"one!"
        assert isinstance(answer[-1], dict)
        assert (answer[-1]["grpc-status"], answer[-1]["grpc-message"]) == ("14", "it is — so")


async def test_the_deadline_goes_with_the_call(transport: GrpcTransport) -> None:
    now = asyncio.get_running_loop().time()
    async with serving(b"one") as service:
        await read_all(await transport.send(call(deadline=now + 1000), target(service.port)))
        await read_all(await transport.send(call(), target(service.port)))
    assert service.remaining[0] is not None
    assert 900 < service.remaining[0] <= 1000
    assert service.remaining[1] is None


async def test_a_call_beyond_its_deadline_is_over(transport: GrpcTransport) -> None:
    now = asyncio.get_running_loop().time()
    async with serving(asyncio.Event()) as service:
        with pytest.raises(ApiError) as caught:
            await transport.send(call(deadline=now + 0.2), target(service.port))
        assert caught.value.kind is Kind.TOTAL_TIMEOUT
        await asyncio.wait_for(service.cancelled.wait(), 10)


@pytest.mark.parametrize("begun", [False, True])
async def test_whoever_leaves_cancels_the_call(transport: GrpcTransport, *, begun: bool) -> None:
    async with serving(*((b"one",) if begun else ()), asyncio.Event()) as service:
        if begun:
            response = await transport.send(call(), target(service.port))
            await response.read()
            response.close()
            response.close()
        else:
            task = asyncio.create_task(transport.send(call(), target(service.port)))
            await asyncio.wait_for(service.begun.wait(), 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.wait_for(service.cancelled.wait(), 10)


async def test_a_transport_that_closes_cuts_what_is_under_way(transport: GrpcTransport) -> None:
    async with serving(b"one", asyncio.Event()) as service:
        response = await transport.send(call(), target(service.port))
        await response.read()
        reading = asyncio.create_task(response.read())
        await transport.close()
        with pytest.raises(ApiError) as caught:
            await asyncio.wait_for(reading, 10)
        assert caught.value.kind is Kind.STREAM_CUT


async def test_a_server_that_comes_back_is_found(transport: GrpcTransport) -> None:
    port = unused_port()
    with pytest.raises(ApiError) as caught:
        await transport.send(call(), target(port))
    assert (caught.value.kind, caught.value.message) == (Kind.CONNECT_FAILED, "eu: could not be reached")
    server = grpc.aio.server()

    async def serve(request: bytes, context: Any) -> Any:
        await context.write(request)

    server.add_generic_rpc_handlers((Handler(serve),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    response = await transport.send(call(), target(port))
                    break
                except ApiError:
                    await asyncio.sleep(0)
        assert b"!" in await read_all(response)
    finally:
        await server.stop(None)


async def test_a_server_that_never_answers_the_connection(transport: GrpcTransport) -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass

    async with handling(silence) as port:
        with pytest.raises(ApiError) as caught:
            await transport.send(call(), target(port, connect=0.2))
    assert caught.value.kind is Kind.CONNECT_TIMEOUT


def page(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.send_headers(stream, [(":status", "502"), ("content-type", "text/html")])
    connection.send_data(stream, b"<html>", end_stream=True)


def bare_page(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.send_headers(stream, [(":status", "502")], end_stream=True)


def begin(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.send_headers(stream, HEAD)
    connection.send_data(stream, MESSAGE)


def end_without_a_status(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.end_stream(stream)


@pytest.mark.parametrize(("script", "hangs_up"), [((reset,), False), ((), True)], ids=["reset", "gone"])
async def test_who_does_not_answer_in_grpc_has_not_answered(
    transport: GrpcTransport, script: tuple[Script, ...], *, hangs_up: bool
) -> None:
    async with speaking(*script, hangs_up=hangs_up) as port:
        with pytest.raises(ApiError) as caught:
            await transport.send(call(), target(port))
    assert caught.value.kind is Kind.BAD_UPSTREAM
    assert caught.value.message == "eu: closed the connection before it answered"


async def test_a_page_is_no_answer(transport: GrpcTransport) -> None:
    async with speaking(page) as port:
        place = target(port)
        # Whether gRPC tells the status of a page with a body is a matter of which of the two it reads first.
        try:
            response = await transport.send(call(), place)
        except ApiError as error:
            assert error.kind is Kind.BAD_UPSTREAM
        else:
            assert response.status == 502
            assert place.dialect.error(place, response.status, response.headers, b"").kind is Kind.BAD_UPSTREAM


async def test_a_page_without_a_body_keeps_its_status(transport: GrpcTransport) -> None:
    async with speaking(bare_page) as port:
        place = target(port)
        response = await transport.send(call(), place)
        assert response.status == 502
        assert place.dialect.error(place, response.status, response.headers, b"").kind is Kind.BAD_UPSTREAM


@pytest.mark.parametrize(
    ("script", "hangs_up"),
    [((reset,), False), ((cancel,), False), ((end_without_a_status,), False), ((), True)],
    ids=["reset", "cancelled", "no status", "gone"],
)
async def test_an_answer_without_a_status_is_cut(
    transport: GrpcTransport, script: tuple[Script, ...], *, hangs_up: bool
) -> None:
    seen = asyncio.Event()
    async with speaking(begin, seen, *script, hangs_up=hangs_up) as port:
        response = await transport.send(call(), target(port))
        seen.set()
        with pytest.raises(ApiError) as caught:
            await read_all(response)
    assert caught.value.kind is Kind.STREAM_CUT


async def test_no_address_is_told() -> None:
    class Failing:
        async def read(self) -> object:
            text = "failed to connect to all addresses; last error: UNKNOWN: ipv4:10.1.2.3:443: refused"
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), text)

        async def initial_metadata(self) -> None: ...

        async def trailing_metadata(self) -> None: ...

        def cancel(self) -> bool:
            return True

    response = GrpcResponse(Failing(), "eu", None)
    await response.begin()
    assert (response.status, response.headers["grpc-message"]) == (503, "the connection failed")


@pytest.mark.parametrize("header", [("x-api-key", "geheim\n"), ("x-key-bin", "geheim"), ("grpc-timeout", "geheim")])
async def test_metadata_that_cannot_be_sent_are_told_without_their_value(
    transport: GrpcTransport, header: tuple[str, str]
) -> None:
    async with serving(b"one") as service:
        with pytest.raises(ApiError) as caught:
            await transport.send(HttpCall("/s/m", dict([header]), b""), target(service.port))
    assert caught.value.kind is Kind.INTERNAL
    assert header[0] in caught.value.message
    assert "geheim" not in caught.value.message


async def test_a_scheme_chooses_its_transport(transport: GrpcTransport) -> None:
    schemes = SchemeTransport({"grpc": transport, "grpcs": transport})
    async with serving(b"one") as service:
        assert (await schemes.send(call(), target(service.port))).status == 200
        with pytest.raises(ApiError) as caught:
            await schemes.send(call(), target(service.port, scheme="http"))
    assert caught.value.kind is Kind.INTERNAL
    await schemes.close()
