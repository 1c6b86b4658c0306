"""Whether a process serves, asked over its unix socket."""

import asyncio
from pathlib import Path

import grpc.aio
from grpc_health.v1 import health_pb2

_ANSWER_S = 2.0
"""Seconds that an answer may take; one that takes longer is a no."""


async def http_serves(socket: Path, path: str) -> bool:
    """Whether a GET request over a unix socket is answered with 200."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nhost: local\r\nconnection: close\r\n\r\n".encode())
                status = (await reader.readline()).split()
            finally:
                writer.close()
    except OSError:
        return False
    return status[1:2] == [b"200"]


async def grpc_serves(socket: Path) -> bool:
    """Whether grpc.health.v1 says SERVING of the whole server on a unix socket."""
    # Without this, the channel would wait longer and longer before it tries again.
    if not socket.is_socket():  # noqa: ASYNC240 (one system call)
        return False
    async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = await check(health_pb2.HealthCheckRequest(), timeout=_ANSWER_S)
        except grpc.aio.AioRpcError:
            return False
    return answer.status == health_pb2.HealthCheckResponse.SERVING
