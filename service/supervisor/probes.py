"""Whether a process serves, or at least answers, asked over its unix socket."""

import asyncio
from pathlib import Path

import grpc.aio
from grpc_health.v1 import health_pb2

_ANSWER_S = 2.0
"""Seconds that the answer of one that serves may take; one that takes longer is a no."""


async def http_serves(socket: Path, path: str) -> bool:
    """Whether a GET request over a unix socket is answered with 200, and soon."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            return await _status(socket, path) == b"200"
    except OSError:
        return False


async def http_answers(socket: Path, path: str) -> bool:
    """Whether a GET request over a unix socket is answered, whatever the answer; waits for it without end."""
    try:
        return await _status(socket, path) != b""
    except OSError:
        return False


async def grpc_serves(socket: Path) -> bool:
    """Whether grpc.health.v1 says SERVING of the whole server on a unix socket, and soon."""
    return await _health(socket, _ANSWER_S) == health_pb2.HealthCheckResponse.SERVING


async def grpc_answers(socket: Path) -> bool:
    """Whether grpc.health.v1 is answered on a unix socket, whatever the answer; waits for it without end."""
    return await _health(socket, None) is not None


async def _status(socket: Path, path: str) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: local\r\nconnection: close\r\n\r\n".encode())
        words = (await reader.readline()).split()
    finally:
        writer.close()
    return words[1] if len(words) > 1 else b""


async def _health(socket: Path, within_s: float | None) -> int | None:
    # Without this, the channel would wait longer and longer before it tries again.
    if not socket.is_socket():  # noqa: ASYNC240 (one system call)
        return None
    async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = await check(health_pb2.HealthCheckRequest(), timeout=within_s)
        except grpc.aio.AioRpcError:
            return None
    return answer.status
