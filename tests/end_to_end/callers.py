"""Callers that hang up: each asks until it is cancelled, over a protocol of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import httpx2
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub

from tests.end_to_end.calls import PATH, body, message
from tests.stack import Parley

Caller = Callable[[Parley, str, dict[str, Any], bool, asyncio.Event], Awaitable[None]]
"""Asks a model, with further fields, for a stream or not, and sets the event when something of the answer came."""


async def rest_http1(parley: Parley, model: str, fields: dict[str, Any], stream: bool, begun: asyncio.Event) -> None:
    headers = {"x-api-key": parley.api_key}
    async with (
        aiohttp.ClientSession() as session,
        session.post(parley.base_url + PATH, json=body(model, stream=stream, **fields), headers=headers) as response,
    ):
        async for _ in response.content.iter_any():
            begun.set()


async def rest_http2(parley: Parley, model: str, fields: dict[str, Any], stream: bool, begun: asyncio.Event) -> None:
    headers = {"x-api-key": parley.api_key}
    async with (
        httpx2.AsyncClient(http1=False, http2=True, timeout=60) as client,
        client.stream(
            "POST", parley.base_url + PATH, json=body(model, stream=stream, **fields), headers=headers
        ) as response,
    ):
        assert response.http_version == "HTTP/2"
        async for _ in response.aiter_raw():
            begun.set()


async def grpc(parley: Parley, model: str, fields: dict[str, Any], stream: bool, begun: asyncio.Event) -> None:
    async with parley.channel() as channel:
        stub = ChatServiceStub(channel)
        if stream:
            async for _ in stub.StreamCompletion(message(model, **fields), metadata=parley.metadata):
                begun.set()
        else:
            await stub.CreateCompletion(message(model, **fields), metadata=parley.metadata)


CALLERS: tuple[Caller, ...] = (rest_http1, rest_http2, grpc)
