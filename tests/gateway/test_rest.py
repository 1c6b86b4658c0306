"""Chat over REST: the worker's bytes reach the caller as they are, with the worker's status."""

import asyncio
import io
from collections.abc import AsyncIterator

import aiohttp
import grpc
import pytest
from google.api.httpbody_pb2 import HttpBody

from tests.gateway.edge import Edge
from tests.gateway.http2 import request as http2_request
from tests.gateway.worker import Chat, Context, Script

CHAT = "/v1/chat/completions"
INTERNAL = {"grpc-status", "grpc-message", "grpc-accept-encoding", "grpc-encoding", "x-http-code", "x-parley-error"}


def answering(*bodies: bytes, content_type: str = "application/json", code: int | None = None) -> Chat:
    async def chat(request: HttpBody, context: Context) -> AsyncIterator[HttpBody]:
        await context.send_initial_metadata([("x-http-code", str(code))] if code else [])
        for body in bodies:
            yield HttpBody(content_type=content_type, data=body)

    return chat


@pytest.mark.parametrize("path", [CHAT, "/v4/beta/chat/completions", "/v5/chat/completions", f"{CHAT}?api-version=1"])
async def test_body_and_content_type_reach_the_worker(path: str, worker: Script, http: aiohttp.ClientSession) -> None:
    requests: list[HttpBody] = []

    async def chat(request: HttpBody, context: Context) -> AsyncIterator[HttpBody]:
        requests.append(request)
        yield HttpBody(content_type="application/json", data=b"{}")

    worker.chat = chat
    body = b'{"content": "\xc3\xa9", "unknown": null, "big": 9007199254740993}\n'
    async with http.post(path, data=body, headers={"content-type": "application/json"}) as answer:
        assert answer.status == 200
    assert [(request.data, request.content_type) for request in requests] == [(body, "application/json")]


@pytest.mark.parametrize("code", [None, 400, 401, 402, 408, 413, 422, 429, 500, 503, 529])
async def test_status_is_the_workers(code: int | None, worker: Script, http: aiohttp.ClientSession) -> None:
    body = b'{"code": "as the worker wrote it", "error": null}'
    worker.chat = answering(body, code=code)
    async with http.post(CHAT, data=b"{}") as answer:
        assert answer.status == (code or 200)
        assert answer.content_type == "application/json"
        assert await answer.read() == body
        assert not INTERNAL & set(answer.headers)


@pytest.mark.parametrize("size", [0, 1, 100_000, 8_000_000])
async def test_answers_of_any_size_are_exact(size: int, worker: Script, http: aiohttp.ClientSession) -> None:
    worker.chat = answering(b"x" * size)
    async with http.post(CHAT, data=b"{}") as answer:
        assert await answer.read() == b"x" * size


async def test_worker_is_not_heard_before_its_event_is_passed_on(worker: Script, http: aiohttp.ClientSession) -> None:
    """Nothing is buffered: each event is waited for before the next is sent."""
    received = asyncio.Semaphore(0)

    async def chat(request: HttpBody, context: Context) -> AsyncIterator[HttpBody]:
        for number in range(5):
            yield HttpBody(content_type="text/event-stream; charset=utf-8", data=b"data: %d\n\n" % number)
            await received.acquire()

    worker.chat = chat
    async with http.post(CHAT, data=b"{}") as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        for number in range(5):
            assert await answer.content.readexactly(9) == b"data: %d\n\n" % number
            received.release()
        assert await answer.content.read() == b""


async def test_many_messages_at_once_keep_their_order(worker: Script, http: aiohttp.ClientSession) -> None:
    events = [b"data: %d\n\n" % number for number in range(1000)]
    worker.chat = answering(*events, content_type="text/event-stream")
    async with http.post(CHAT, data=b"{}") as answer:
        assert await answer.read() == b"".join(events)


@pytest.mark.parametrize(("bodies", "code"), [([b"data: 1\n\n", b"data: 2\n\n"], None), ([b'{"error": {}}'], 402)])
async def test_http2_callers_get_the_same_without_trailers(
    bodies: list[bytes], code: int | None, edge: Edge, worker: Script
) -> None:
    worker.chat = answering(*bodies, content_type="text/event-stream", code=code)
    answer = await http2_request(edge.port, "POST", CHAT, b"{}")
    assert answer.status == (code or 200)
    assert answer.body == b"".join(bodies)
    assert answer.headers["content-type"] == "text/event-stream"
    assert not INTERNAL & set(answer.headers)
    assert answer.trailers == {}


async def test_answer_names_no_other_server_than_parley(worker: Script, http: aiohttp.ClientSession) -> None:
    async with http.post(CHAT, data=b"{}") as answer:
        assert answer.headers["server"] == "parley"
        assert not [name for name in answer.headers if name.lower().startswith("x-envoy")]


@pytest.mark.parametrize("given", ["my-id", "6f2c5e0c-8a4e-4b7c-9d3a-0123456789ab"])
async def test_callers_request_id_is_kept(given: str, worker: Script, http: aiohttp.ClientSession) -> None:
    async with http.post(CHAT, data=b"{}", headers={"x-request-id": given}) as answer:
        assert answer.headers.getall("x-request-id") == [given]
    assert worker.seen[0]["x-request-id"] == given


async def test_request_id_is_made_where_none_is_given(worker: Script, http: aiohttp.ClientSession) -> None:
    async with http.post(CHAT, data=b"{}") as answer:
        made = answer.headers.getall("x-request-id")
    assert made == [worker.seen[0]["x-request-id"]]


async def test_worker_sees_that_a_call_was_transcoded_and_credentials_as_they_are(
    worker: Script, http: aiohttp.ClientSession
) -> None:
    async with http.post(CHAT, data=b"{}", headers={"authorization": "Bearer k", "x-api-key": "k2"}):
        pass
    metadata = worker.seen[0]
    assert metadata["x-envoy-original-path"] == CHAT
    assert (metadata["authorization"], metadata["x-api-key"]) == ("Bearer k", "k2")


@pytest.mark.parametrize(
    "header",
    ["x-http-code", "x-parley-error", "x-envoy-original-method", "x-envoy-anything", "x-envoy-upstream-rq-timeout-ms"],
)
async def test_internal_headers_of_callers_are_dropped(
    header: str, worker: Script, http: aiohttp.ClientSession
) -> None:
    async with http.post(CHAT, data=b"{}", headers={header: "spoofed"}) as answer:
        assert answer.status == 200
    assert "spoofed" not in worker.seen[0].values()


async def test_a_caller_cannot_set_the_routers_timeout(worker: Script, http: aiohttp.ClientSession) -> None:
    go_on = asyncio.Event()

    async def chat(request: HttpBody, context: Context) -> AsyncIterator[HttpBody]:
        await asyncio.wait_for(go_on.wait(), 10)
        yield HttpBody(content_type="application/json", data=b"{}")

    worker.chat = chat
    headers = {"x-envoy-upstream-rq-timeout-ms": "1", "x-envoy-upstream-rq-per-try-timeout-ms": "1"}
    call = asyncio.create_task(http.post(CHAT, data=b"{}", headers=headers))
    done, _ = await asyncio.wait([call], timeout=0.2)  # the negative: nothing ends the call
    assert not done
    go_on.set()
    async with await call as answer:
        assert answer.status == 200


@pytest.mark.parametrize("first", [True, False], ids=["before the first byte", "after initial metadata"])
async def test_broken_handler_is_an_error_that_tells_nothing_of_it(
    first: bool, worker: Script, http: aiohttp.ClientSession
) -> None:
    async def chat(request: HttpBody, context: Context) -> AsyncIterator[HttpBody]:
        if not first:
            await context.send_initial_metadata([("x-parley-dropped", "seed")])
        await context.abort(grpc.StatusCode.UNKNOWN, "a secret")
        yield HttpBody()

    worker.chat = chat
    async with http.post(CHAT, data=b"{}") as answer:
        assert answer.status == 500
        error = (await answer.json())["error"]
        assert (error["type"], error["code"]) == ("server_error", "internal_error")
        assert "secret" not in f"{answer.headers}{error}"


@pytest.mark.parametrize("size", [5 * 2**20, 64 * 2**20])
async def test_images_fit_up_to_64_mib(size: int, worker: Script, http: aiohttp.ClientSession) -> None:
    async def chat(request: HttpBody, context: Context) -> AsyncIterator[HttpBody]:
        yield HttpBody(content_type="application/json", data=b"%d" % len(request.data))

    worker.chat = chat
    async with http.post(CHAT, data=io.BytesIO(bytes(size))) as answer:
        assert await answer.read() == b"%d" % size


async def test_no_cors_by_default(http: aiohttp.ClientSession, worker: Script) -> None:
    headers = {"origin": "https://example.com", "access-control-request-method": "POST"}
    async with http.options(CHAT, headers=headers) as answer:
        assert answer.status == 405
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
