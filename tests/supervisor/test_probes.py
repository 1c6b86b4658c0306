import asyncio
from pathlib import Path

import grpc.aio
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from service.supervisor.probes import grpc_serves, http_serves


@pytest.mark.parametrize(
    ("answer", "serves"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", True),
        (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", False),
        (b"", False),
    ],
)
async def test_an_http_server_serves_once_it_answers_200(tmp_path: Path, answer: bytes, serves: bool) -> None:
    socket = tmp_path / "s"
    asked: list[bytes] = []

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(answer)
        writer.close()

    assert not await http_serves(socket, "/health")
    async with await asyncio.start_unix_server(respond, socket):
        assert await http_serves(socket, "/health") is serves
    assert asked == [b"GET /health HTTP/1.1\r\n"]


async def test_a_grpc_server_serves_once_it_says_so(tmp_path: Path) -> None:
    socket = tmp_path / "s"
    assert not await grpc_serves(socket)
    server = grpc.aio.server()
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    try:
        await servicer.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        assert not await grpc_serves(socket)
        await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
        assert await grpc_serves(socket)
    finally:
        await server.stop(None)


async def test_a_socket_that_was_left_behind_does_not_serve(tmp_path: Path) -> None:
    socket = tmp_path / "s"
    server = await asyncio.start_unix_server(lambda _reader, writer: writer.close(), socket)
    server.close()
    await server.wait_closed()
    assert socket.exists()
    assert not await http_serves(socket, "/health")
    assert not await grpc_serves(socket)
