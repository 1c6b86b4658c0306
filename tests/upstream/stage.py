"""A transport and a scripted vendor in one event loop, for each transport and each kind of loop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Concatenate, ParamSpec, Protocol

import uvloop

from service.backends.dialect import HttpCall, Target
from service.backends.vendors import DIALECTS
from service.config import Timeouts
from service.errors import ApiError
from service.tls import Tls
from service.upstream import HttpLimits, HttpTransport
from service.upstream.aiohttp_transport import AiohttpTransport
from service.upstream.transport import Response, Transport
from tests.vendor import Vendor

P = ParamSpec("P")

PATIENCE = 20.0
"""Seconds after which what should have happened will not happen any more."""

LIMITS = HttpLimits(keep_alive=3600, finish=0.1)


class Maker(Protocol):
    """How either transport is made."""

    def __call__(self, limits: HttpLimits) -> Transport: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A transport on an event loop."""

    transport: str
    loop: str
    make: Maker
    new_loop: Callable[[], asyncio.AbstractEventLoop]

    @property
    def name(self) -> str:
        return f"{self.transport}-{self.loop}"


KINDS = (
    Kind("aiohttp", "asyncio", AiohttpTransport, asyncio.new_event_loop),
    Kind("aiohttp", "uvloop", AiohttpTransport, uvloop.new_event_loop),
    Kind("http", "asyncio", HttpTransport, asyncio.new_event_loop),
    Kind("http", "uvloop", HttpTransport, uvloop.new_event_loop),
)


@dataclass(frozen=True, slots=True)
class Wrong:
    """What a transport is known to do wrong."""

    reason: str
    hangs: bool = False
    """Such a case is not run; any other must fail as long as it stands here."""


WRONG: dict[str, dict[str, Wrong]] = {
    "aiohttp": {
        "test_the_connection_used_last_is_used_next": Wrong(
            "aiohttp's pool uses kept connections in turn, so that more of them stay open, and nothing public changes that"
        ),
    },
}
"""By transport, and case or test."""


@dataclass(slots=True)
class Stage:
    """What a test plays on."""

    kind: Kind
    runner: asyncio.Runner
    vendor: Vendor
    transport: Transport
    tls: Tls | None = None
    """What the vendor is reached with."""
    exits: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    def target(self, base_url: str | None = None, *, socket: str | None = None, connect: float = 5.0) -> Target:
        url = self.vendor.base_url if base_url is None else base_url
        return Target(
            "acme",
            "",
            "m",
            DIALECTS["openai"],
            url,
            Timeouts().model_copy(update={"connect": connect}),
            socket=socket,
            tls=self.tls,
        )

    async def send(
        self,
        body: bytes = b"{}",
        headers: dict[str, str] | None = None,
        target: Target | None = None,
        path: str = "/v1/chat/completions",
        on_resend: Callable[[], None] | None = None,
    ) -> Response:
        call = HttpCall(path, {"content-type": "application/json", **(headers or {})}, body, on_resend=on_resend)
        async with asyncio.timeout(PATIENCE):
            return await self.transport.send(call, target or self.target())

    def says(self, error: ApiError, problem: str) -> None:
        """The error's sentence, the same on each transport, which tells no address."""
        assert error.message == f"acme: {problem}"


@dataclass(slots=True)
class Outcome:
    """How an answer went."""

    status: int
    body: bytes
    error: ApiError | None


async def read_all(response: Response) -> Outcome:
    """Reads to the end, whatever that is; a clean end leaves no error."""
    body = bytearray()
    async with asyncio.timeout(PATIENCE):
        try:
            while data := await response.read():
                body += data
        except ApiError as error:
            response.close()
            return Outcome(response.status, bytes(body), error)
    response.finish()
    return Outcome(response.status, bytes(body), None)


async def ask(stage: Stage) -> bytes:
    """The body of an answer that must end well."""
    outcome = await read_all(await stage.send())
    assert outcome.error is None
    return outcome.body


async def closed(stage: Stage, count: int = 1) -> None:
    """Waits until the vendor has seen the connection of its request close."""
    request = await asyncio.wait_for(stage.vendor.received(count), PATIENCE)
    await asyncio.wait_for(request.closed.wait(), PATIENCE)


@contextlib.asynccontextmanager
async def _set(kind: Kind, runner: asyncio.Runner) -> AsyncGenerator[Stage]:
    async with Vendor.start() as vendor:
        stage = Stage(kind, runner, vendor, kind.make(LIMITS))
        async with stage.exits:
            stage.exits.push_async_callback(stage.transport.close)
            yield stage


@contextlib.contextmanager
def stage_of(kind: Kind) -> Generator[Stage]:
    """A stage in an event loop of its own."""
    with asyncio.Runner(loop_factory=kind.new_loop) as runner:
        scene = _set(kind, runner)
        stage = runner.run(_enter(scene))
        try:
            yield stage
        finally:
            runner.run(_leave(scene))


async def _enter(scene: AbstractAsyncContextManager[Stage]) -> Stage:
    return await scene.__aenter__()


async def _leave(scene: AbstractAsyncContextManager[Stage]) -> None:
    await scene.__aexit__(None, None, None)


def staged(test: Callable[Concatenate[Stage, P], Coroutine[None, None, None]]) -> Callable[Concatenate[Stage, P], None]:
    """Runs a test in its stage's event loop, which is not that of the other tests."""

    @functools.wraps(test)
    def run(stage: Stage, *args: P.args, **kwargs: P.kwargs) -> None:
        stage.runner.run(test(stage, *args, **kwargs))

    return run
