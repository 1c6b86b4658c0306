"""Requests whose attempts do what a test says, on deployments of a router like any other."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import ChunkChoice, CompletionChunk, CompletionRequest, Delta

from service.backends.batches import Batches
from service.backends.run import Piece, expanded
from service.config.load import parse
from service.errors import ApiError, Kind, Upstream
from service.pipeline.attempt import Attempt
from service.pipeline.attempts import Attempts
from service.pipeline.report import Report
from service.routing import Router
from service.routing.table import build

CONFIG = """
vendors: {v: {dialect: openai, base_url: 'http://v'}}
models: {v/m: {%s, deployments: {a: {}, b: {}, c: {}}}, v/one: {retries: {backoff: 10ms}}}
"""
HANG = float("inf")
ROLE = ""
"""Instead of a text: a chunk that holds only a role."""


Step = tuple[float, str | Kind]
"""Seconds to wait, and then the text or the failure that comes."""


def chunk(text: str) -> CompletionChunk:
    delta = Delta(content=text) if text else Delta(role="assistant", content="")
    return CompletionChunk(choices=[ChunkChoice(index=0, delta=delta)])


@dataclass(slots=True)
class Vendor:
    """Plays one script for each attempt, in the order in which they are made."""

    scripts: list[tuple[Step, ...]]
    made: list[Attempt] = field(default_factory=list[Attempt])
    open: int = 0
    """Attempts that are under way."""
    at: list[float] = field(default_factory=list[float])
    """When each came, since the first."""

    async def __call__(self, attempt: Attempt) -> Batches:
        return self._play(attempt)

    async def _play(self, attempt: Attempt) -> AsyncGenerator[list[Piece], None]:
        script = self.scripts[len(self.made)]
        self.made.append(attempt)
        self.at.append(asyncio.get_running_loop().time())
        attempt.report.dropped.append(f"by {len(self.made)}")
        self.open += 1
        try:
            for seconds, event in script:
                if seconds == HANG:
                    await asyncio.Event().wait()
                await asyncio.sleep(seconds)
                if isinstance(event, Kind):
                    # What no vendor could do is found out before one is asked.
                    upstream = None if event is Kind.UNSUPPORTED else Upstream("v", event.value.http)
                    raise ApiError(event, "oops", upstream=upstream)
                yield [chunk(event)]
        finally:
            self.open -= 1

    @property
    def names(self) -> list[str]:
        return [attempt.place.name for attempt in self.made]


def router(
    settings: str = "retries: {attempts: 2, backoff: 100ms}", clock: Callable[[], float] | None = None
) -> Router:
    models = build(parse(CONFIG % settings))
    rng = random.Random(1)
    return Router(models, rng=rng) if clock is None else Router(models, clock=clock, rng=rng)


def ask(to: Router, model: str = "v/m", *, stream: bool = True, deadline: float = 600.0) -> Attempts:
    now = asyncio.get_running_loop().time()
    request = CompletionRequest(model=model)
    return Attempts(
        to, request, to.route(model), now + deadline, Report(), lambda _: True, stream=stream, jitter=lambda: 1.0
    )


async def texts(attempts: Attempts, vendor: Vendor) -> list[str]:
    """What the caller gets."""
    got: list[str] = []
    await collect(attempts, vendor, got)
    return got


async def collect(attempts: Attempts, vendor: Vendor, got: list[str]) -> None:
    async with aclosing(await attempts.begin(vendor)) as answer:
        async for batch in answer:
            got += [choice.delta.content for piece in expanded(batch) for choice in piece.choices]
