"""A web server with images, and with all that only says that it is one."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
WEBP = b"RIFF\0\0\0\0WEBP" + bytes(64)

Handler = Callable[[web.Request], web.StreamResponse]


@dataclass(slots=True)
class ImageServer:
    """Where it is, and what it was asked."""

    host: str
    port: int = 0
    paths: list[str] = field(default_factory=list[str])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    hung: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a request for /slow waits for its answer."""
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when one who waited for it has gone."""
    at_once: int = 0
    most_at_once: int = 0

    def url(self, path: str, host: str | None = None) -> str:
        return f"http://{host or self.host}:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path_qs)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._answer(request)
        finally:
            self.at_once -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        match request.path:
            case "/a.png":
                return web.Response(body=PNG, content_type="image/png")
            case "/wrongly-named.png":
                return web.Response(body=WEBP, content_type="image/png")
            case "/unsaid":
                return web.Response(body=PNG, content_type="application/octet-stream")
            case "/unknown":
                return web.Response(body=b"x" * 64, content_type="application/octet-stream")
            case "/other-image":
                return web.Response(body=b"x" * 64, content_type="image/avif")
            case "/page":
                return web.Response(body=PNG, content_type="text/html")
            case "/packed":
                return web.Response(body=PNG, content_type="image/png", headers={"content-encoding": "gzip"})
            case "/to":
                return web.Response(status=302, headers={"location": request.query["url"]})
            case "/round":
                return web.Response(status=307, headers={"location": "/round"})
            case "/nowhere":
                return web.Response(status=301)
            case "/huge":
                return web.Response(body=PNG + bytes(1000), content_type="image/png")
            case "/endless":
                return await self._endless(request)
            case "/slow":
                self.hung.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    self.left.set()
            case "/cut":
                response = web.StreamResponse(headers={"content-type": "image/png", "content-length": "150"})
                await response.prepare(request)
                await response.write(PNG)
                assert request.transport
                request.transport.abort()
                return response
            case _:
                pass
        return web.Response(status=404)

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "image/png"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(PNG)
        return response


@contextlib.asynccontextmanager
async def image_server(host: str = "127.0.0.1") -> AsyncGenerator[ImageServer]:
    server = ImageServer(host)
    application = web.Application()
    application.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


@dataclass(slots=True)
class Names(AbstractResolver):
    """Looks hosts up in a table; one that has several answers gives another each time, the last for ever."""

    table: dict[str, list[Sequence[str]]]
    asked: list[str] = field(default_factory=list[str])

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        answers = self.table[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass
