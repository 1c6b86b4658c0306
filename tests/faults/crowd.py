"""Many callers at once, on as many connections as they need."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from tests.faults.callers import Callers, calling
from tests.faults.seen import Face, Seen
from tests.faults.stage import Stage

_PER_CONNECTION = 250
"""gRPC calls that share a connection; the edge takes 1,000."""
FOR_EVER_S = 600.0


@dataclass(slots=True)
class Crowd:
    """Streams that were started together and are read at their readers' pace."""

    clients: tuple[Callers, ...]
    calls: list[asyncio.Task[Seen]] = field(default_factory=list[asyncio.Task[Seen]])
    begun: list[asyncio.Event] = field(default_factory=list[asyncio.Event])

    def join(self, model: str, number: int, hold: asyncio.Event | None = None) -> list[asyncio.Task[Seen]]:
        """Starts so many streams, half of them on each face.

        :param hold: the readers read the first piece, and no more until this is set.
        """
        new = [self._start(model, index, hold) for index in range(number)]
        self.calls += new
        return new

    async def all_begun(self) -> None:
        """Returns when every reader has its first piece."""
        await asyncio.gather(*(event.wait() for event in self.begun))

    async def give_up(self) -> None:
        """Hangs up all that is left."""
        for call in self.calls:
            call.cancel()
        await asyncio.gather(*self.calls, return_exceptions=True)

    def _start(self, model: str, index: int, hold: asyncio.Event | None) -> asyncio.Task[Seen]:
        begun = asyncio.Event()
        self.begun.append(begun)

        async def pace() -> None:
            begun.set()
            if hold is not None:
                await hold.wait()

        face = (Face.REST_STREAM, Face.GRPC_STREAM)[index % 2]
        client = self.clients[index // 2 // _PER_CONNECTION % len(self.clients)]
        return asyncio.create_task(client.call(face, model, FOR_EVER_S, pace))


@contextlib.asynccontextmanager
async def gathering(stage: Stage, number: int) -> AsyncGenerator[Crowd]:
    """Clients for so many streams; what is left at the end is hung up."""
    async with contextlib.AsyncExitStack() as exits:
        connections = max(1, -(-number // 2 // _PER_CONNECTION))
        clients = [await exits.enter_async_context(calling(stage.parley)) for _ in range(connections)]
        crowd = Crowd(tuple(clients))
        try:
            yield crowd
        finally:
            await crowd.give_up()


def words(seen: list[Seen], say: Callable[[Seen], str] = str) -> str:
    """How many ended how."""
    told = [say(one) for one in seen]
    return ", ".join(f"{told.count(word)} × {word}" for word in sorted(set(told)))
