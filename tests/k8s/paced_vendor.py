"""A vendor that generates at a steady pace, one number after the other, so that a lost chunk is seen."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

CHUNKS = 16
PACE_S = 0.25
TEXT = "".join(f"{number} " for number in range(CHUNKS))
"""The whole of every answer."""


@dataclass(frozen=True, slots=True)
class PacedVendor:
    """A running vendor."""

    base_url: str


@asynccontextmanager
async def paced_vendor() -> AsyncGenerator[PacedVendor]:
    """Serves the chat completions of OpenAI on a loopback port until the block ends."""
    application = web.Application()
    application.router.add_post("/v1/chat/completions", _answer)
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        port = runner.addresses[0][1]
        yield PacedVendor(f"http://127.0.0.1:{port}/v1")
    finally:
        await runner.cleanup()


async def _answer(request: web.Request) -> web.StreamResponse:
    asked = await request.json()
    head: dict[str, object] = {"id": "chatcmpl-1", "created": 1, "model": asked["model"]}
    if not asked.get("stream") or asked.get("max_completion_tokens") == 1 or asked.get("max_tokens") == 1:
        return await _short(request, head, stream=bool(asked.get("stream")))
    return await _stream(request, head, TEXT.split(), PACE_S)


async def _short(request: web.Request, head: dict[str, object], *, stream: bool) -> web.StreamResponse:
    if stream:
        return await _stream(request, head, ["0"], 0)
    choice = {"index": 0, "message": {"role": "assistant", "content": "0 "}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return web.json_response({**head, "object": "chat.completion", "choices": [choice], "usage": usage})


async def _stream(request: web.Request, head: dict[str, object], words: list[str], pace_s: float) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)

    async def send(delta: dict[str, str], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {**head, "object": "chat.completion.chunk", "choices": [choice]}
        await response.write(f"data: {json.dumps(chunk)}\n\n".encode())

    await send({"role": "assistant", "content": ""})
    for word in words:
        await send({"content": f"{word} "})
        await asyncio.sleep(pace_s)  # how fast it generates
    await send({}, "stop")
    await response.write(b"data: [DONE]\n\n")
    return response
