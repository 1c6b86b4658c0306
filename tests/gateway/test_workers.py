"""Several workers, of which some come and go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import grpc
import pytest
from google.api.httpbody_pb2 import HttpBody
from parley.chat.v1 import chat_service_pb2_grpc, completion_pb2

import gateway
from gateway.render import worker_socket
from tests.gateway.edge import Address, Edge, running_edge, runtime_directory
from tests.gateway.relay import relaying
from tests.gateway.worker import Context, Script, serving

CHAT = "/v1/chat/completions"


@pytest.fixture
async def deserted() -> AsyncIterator[Edge]:
    """An edge without any worker."""
    with runtime_directory() as directory:
        async with running_edge(directory) as edge:
            yield edge


async def test_without_workers_rest_callers_get_503(deserted: Edge) -> None:
    async with aiohttp.ClientSession(deserted.url) as http, http.post(CHAT, data=b"{}") as answer:
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        error = (await answer.json())["error"]
    assert (error["type"], error["code"]) == ("server_error", "unavailable")


async def test_without_workers_grpc_callers_get_unavailable_in_plain_text(deserted: Edge) -> None:
    async with grpc.aio.insecure_channel(deserted.target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await chat_service_pb2_grpc.ChatServiceStub(channel).CreateCompletion(completion_pb2.CompletionRequest())
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert not (caught.value.details() or "").startswith("{")


async def test_worker_that_is_lost_with_a_request_is_502_and_the_request_is_not_repeated() -> None:
    begun = asyncio.Event()
    script = Script()

    async def chat(request: HttpBody, context: Context) -> AsyncIterator[HttpBody]:
        begun.set()
        await asyncio.Event().wait()
        yield HttpBody()

    script.chat = chat
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(runtime_directory())
        await stack.enter_async_context(serving(directory / "real.sock", script))
        relay = await stack.enter_async_context(relaying(worker_socket(directory, 0), directory / "real.sock"))
        edge = await stack.enter_async_context(running_edge(directory))
        http = await stack.enter_async_context(aiohttp.ClientSession(edge.url))
        call = asyncio.create_task(_post(http))
        await begun.wait()
        relay.cut()
        status, body = await call
    assert (status, body["error"]["code"]) == (502, "worker_lost")
    assert len(script.seen) == 1


async def test_stream_of_a_lost_worker_does_not_end_cleanly() -> None:
    script = Script()

    async def chat(request: HttpBody, context: Context) -> AsyncIterator[HttpBody]:
        yield HttpBody(content_type="text/event-stream", data=b"data: 1\n\n")
        await asyncio.Event().wait()

    script.chat = chat
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(runtime_directory())
        await stack.enter_async_context(serving(directory / "real.sock", script))
        relay = await stack.enter_async_context(relaying(worker_socket(directory, 0), directory / "real.sock"))
        edge = await stack.enter_async_context(running_edge(directory))
        http = await stack.enter_async_context(aiohttp.ClientSession(edge.url))
        async with http.post(CHAT, data=b"{}") as answer:
            assert await answer.content.readexactly(9) == b"data: 1\n\n"
            relay.cut()
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.content.read()


async def test_requests_are_spread_over_the_workers_and_none_fails_when_one_goes() -> None:
    scripts = [Script(), Script()]
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(runtime_directory())
        await stack.enter_async_context(serving(worker_socket(directory, 0), scripts[0]))
        second = await stack.enter_async_context(AsyncExitStack())
        await second.enter_async_context(serving(worker_socket(directory, 1), scripts[1]))
        edge = await stack.enter_async_context(running_edge(directory, workers=2))
        http = await stack.enter_async_context(aiohttp.ClientSession(edge.url))
        assert {(await _post(http))[0] for _ in range(40)} == {200}
        assert all(script.seen for script in scripts)
        await second.aclose()
        assert {(await _post(http))[0] for _ in range(40)} == {200}


async def test_worker_that_comes_later_is_used(deserted: Edge) -> None:
    async with aiohttp.ClientSession(deserted.url) as http:
        assert (await _post(http))[0] == 503
        async with serving(worker_socket(deserted.runtime_dir, 0), Script()):
            while (status := (await _post(http))[0]) == 503:  # noqa: ASYNC110 - Envoy tells nobody when a worker is healthy
                await asyncio.sleep(0.01)
            assert status == 200


async def test_draining_lets_requests_finish_and_takes_no_new_connection() -> None:
    go_on, script = asyncio.Event(), Script()

    async def chat(request: HttpBody, context: Context) -> AsyncIterator[HttpBody]:
        yield HttpBody(content_type="text/event-stream", data=b"data: 1\n\n")
        await go_on.wait()
        yield HttpBody(content_type="text/event-stream", data=b"data: 2\n\n")

    script.chat = chat
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(runtime_directory())
        await stack.enter_async_context(serving(worker_socket(directory, 0), script))
        edge = await stack.enter_async_context(running_edge(directory))
        http = await stack.enter_async_context(aiohttp.ClientSession(edge.url))
        async with http.post(CHAT, data=b"{}") as answer:
            await answer.content.readexactly(9)
            assert await gateway.active_requests(directory) == 1
            await gateway.drain(directory)
            with pytest.raises(OSError):  # noqa: PT012 - polled: draining is not instantaneous
                while True:
                    _, writer = await asyncio.open_connection("127.0.0.1", edge.port)
                    writer.close()
                    await writer.wait_closed()
            go_on.set()
            assert await answer.content.read() == b"data: 2\n\n"
        while await gateway.active_requests(directory):  # noqa: ASYNC110 - it is a gauge
            await asyncio.sleep(0.01)


async def test_ready_is_false_where_no_envoy_runs() -> None:
    with runtime_directory() as directory:
        assert not await gateway.ready(directory)


async def test_second_envoy_on_a_port_is_refused(edge: Edge) -> None:
    with runtime_directory() as directory:
        config = gateway.render(listen=Address("127.0.0.1", edge.port), runtime_dir=directory, workers=1)
        second = await asyncio.create_subprocess_exec(
            *gateway.command(config, concurrency=1), stderr=asyncio.subprocess.PIPE
        )
        try:
            _, stderr = await asyncio.wait_for(second.communicate(), 20)
        finally:
            if second.returncode is None:
                second.kill()
                await second.wait()
    assert second.returncode == 1
    assert b"Address already in use" in stderr


async def _post(http: aiohttp.ClientSession) -> tuple[int, dict[str, dict[str, str]]]:
    async with http.post(CHAT, data=b"{}") as answer:
        return answer.status, await answer.json()
