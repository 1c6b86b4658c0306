"""HTTP as clients, proxies and watchers outside speak it: old versions, offers of an upgrade, words of their own."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from google.api.httpbody_pb2 import HttpBody

from gateway.render import worker_socket
from tests.gateway.edge import Edge, running_edge, runtime_directory
from tests.gateway.http1 import exchange
from tests.gateway.worker import Context, Script, serving

CHAT = "/v1/chat/completions"
DEFINITIONS = "/v5/chat/completions/models"
_KEEPALIVE_TIMER = "02"
_ESTABLISHED = "01"


@pytest.mark.parametrize("offer", ["TLS/1.2", "h2c", "HTTP/2.0", "TLS/1.2, TLS/1.3", "w", "IRC/6.9"])
async def test_an_offered_upgrade_is_as_if_it_were_not_there(offer: str, edge: Edge, worker: Script) -> None:
    request = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: {offer}\r\ncontent-length: 2\r\n\r\n{{}}"
    answer = await exchange(edge.port, request.encode())
    assert answer.status == 200
    assert b'{"ok": true}' in answer.body
    assert "upgrade" not in worker.seen[0]


@pytest.mark.parametrize("offer", ["websocket", "WebSocket", "TLS/1.2, websocket"])
async def test_websocket_is_refused_by_name(offer: str, edge: Edge) -> None:
    request = f"GET {CHAT} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: {offer}\r\n\r\n"
    answer = await exchange(edge.port, request.encode())
    assert answer.status == 403
    assert "WebSocket" in json.loads(answer.body)["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models?limit=1000",
        "/v1/models?client_version=0.50.0",
        "/v1/models?a=%ff&b&=c",
        f"{DEFINITIONS}?limt=1",
        f"{DEFINITIONS}?limit=3&beta=true",
        "/v1/models/a/b?limit=1&x.y=z",
    ],
)
async def test_unknown_query_parameters_of_lists_are_ignored(
    path: str, worker: Script, http: aiohttp.ClientSession
) -> None:
    async with http.get(path) as answer:
        assert answer.status == 200, await answer.text()


@pytest.mark.parametrize("query", ["api-version=2024-10-21", "beta=true", "data=aGk%3D&content_type=x/y", "model=m"])
async def test_query_parameters_of_chat_change_nothing(query: str, worker: Script, http: aiohttp.ClientSession) -> None:
    seen: list[HttpBody] = []

    async def chat(request: HttpBody, context: Context) -> AsyncIterator[HttpBody]:
        seen.append(request)
        yield HttpBody(content_type="application/json", data=b"{}")

    worker.chat = chat
    async with http.post(f"{CHAT}?{query}", json={}) as answer:
        assert answer.status == 200
    assert [(request.content_type, request.data) for request in seen] == [("application/json", b"{}")]


async def test_the_model_in_the_path_is_the_one_that_is_told_of(worker: Script, http: aiohttp.ClientSession) -> None:
    async with http.get("/v1/models/a/b?model=another") as answer:
        assert (await answer.json())["id"] == "a/b"


async def test_known_query_parameters_are_still_read(worker: Script, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{DEFINITIONS}?limit=7&unknown=1") as answer:
        assert (await answer.json())["items"][0]["model_name"] == "7"
    async with http.get(f"{DEFINITIONS}?limit=many") as answer:
        assert answer.status == 400
        assert "limit" in (await answer.json())["error"]["message"]


@pytest.mark.parametrize("host", ["", "host: x\r\n"], ids=["no host", "host"])
async def test_http_1_0_gets_the_answer_up_to_the_connections_end(host: str, edge: Edge, worker: Script) -> None:
    async def chat(request: HttpBody, context: Context) -> AsyncIterator[HttpBody]:
        for number in range(3):
            yield HttpBody(content_type="text/event-stream", data=b"data: %d\n\n" % number)

    worker.chat = chat
    answer = await exchange(edge.port, f"POST {CHAT} HTTP/1.0\r\n{host}content-length: 2\r\n\r\n{{}}".encode())
    assert answer.status == 200
    assert "transfer-encoding" not in answer.headers
    assert answer.body == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/readyz?verbose"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_watchers_need_no_key(path: str, method: str, version: str, edge: Edge, worker: Script) -> None:
    request = f"{method} {path} HTTP/{version}\r\nhost: x\r\nconnection: close\r\n\r\n"
    answer = await exchange(edge.port, request.encode())
    assert answer.status == 200
    assert b"error" not in answer.body
    assert worker.seen == []


async def test_not_ready_while_no_worker_is_but_alive() -> None:
    with runtime_directory() as directory:
        async with running_edge(directory) as edge, aiohttp.ClientSession(edge.url) as http:
            async with http.get("/readyz") as answer:
                assert answer.status == 503
                assert (await answer.json())["error"]["code"] == "unavailable"
            async with http.get("/livez") as answer:
                assert (answer.status, await answer.text()) == (200, "alive\n")
            async with serving(worker_socket(directory, 0), Script()), asyncio.timeout(20):
                while True:
                    async with http.get("/readyz") as answer:
                        if answer.status == 200:
                            break


async def test_idle_connections_of_callers_are_probed_each_minute(edge: Edge) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    try:
        writer.write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b"alive\n")
        caller: int = writer.get_extra_info("sockname")[1]
        table = await asyncio.to_thread(Path("/proc/net/tcp").read_text)
        rows = [line.split() for line in table.splitlines()[1:]]
        places = (f"0100007F:{edge.port:04X}", f"0100007F:{caller:04X}")
        (row,) = [row for row in rows if (row[1], row[2], row[3]) == (*places, _ESTABLISHED)]
        timer, centiseconds = row[5].split(":")
        assert timer == _KEEPALIVE_TIMER
        assert int(centiseconds, 16) <= 6000
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", path) for path in (CHAT, "/v4/beta/chat/completions", "/v5/chat/completions")),
        ("POST", "/parley.chat.v1.ChatService/StreamCompletion"),
        ("GET", "/livez"),
        ("GET", "/v1/models"),
    ],
)
async def test_no_proxy_is_to_hold_an_answer_back(
    method: str, path: str, worker: Script, http: aiohttp.ClientSession
) -> None:
    async with http.request(method, path, json={} if method == "POST" else None) as answer:
        assert answer.status == 200
        assert answer.headers.getall("x-accel-buffering") == ["no"]
        assert answer.headers.getall("cache-control") == ["no-cache"]
