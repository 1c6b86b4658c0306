"""The faulty vendor, a process of its own so that no load on it slows the callers: `python -m tests.faults.vendor`.

Its first line on stdout is the JSON of its ports. It ends when its stdin does.
"""

import asyncio
import contextlib
import dataclasses
import json
import socket
import struct
import sys
from collections import defaultdict
from dataclasses import dataclass, field

import uvloop

from tests.faults.play import Drip, Ending, Forever, Gate, Play, Repertoire
from tests.faults.repertoire import play_of
from tests.faults.wire import sized
from tests.upstream.servers import unanswering_port
from tests.vendor import unused_port

_READ = 65536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Counts:
    """What came and went, of one model."""

    requests: int = 0
    live: int = 0
    sent: int = 0
    """Bytes of answers that the kernel has taken."""
    left: int = 0
    """Answers that the peer did not wait for."""


class _Inbound:
    """What comes on a connection, kept so that watching for its end loses nothing of the next request."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._ahead = b""

    async def until(self, mark: bytes) -> bytes:
        while mark not in self._ahead:
            await self._more()
        head, _, self._ahead = self._ahead.partition(mark)
        return head + mark

    async def exactly(self, length: int) -> bytes:
        while len(self._ahead) < length:
            await self._more()
        data, self._ahead = self._ahead[:length], self._ahead[length:]
        return data

    async def end(self) -> None:
        """Returns when the peer has closed."""
        with contextlib.suppress(ConnectionError):
            while True:
                await self._more()

    async def _more(self) -> None:
        data = await self._reader.read(_READ)
        if not data:
            raise ConnectionResetError
        self._ahead += data


@dataclass(slots=True)
class FaultyVendor:
    """Answers by the model's name. Under `/control/` it takes orders: counts, open a gate."""

    repertoire: Repertoire
    counts: defaultdict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    gates: defaultdict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        writer.transport.set_write_buffer_limits(high=0)
        inbound = _Inbound(reader)
        try:
            while await self._exchange(inbound, writer):
                pass
        except ConnectionError:
            writer.transport.abort()
        finally:
            writer.close()

    async def _exchange(self, inbound: _Inbound, writer: asyncio.StreamWriter) -> bool:
        head = await inbound.until(b"\r\n\r\n")
        length = int((head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]) or 0)
        body = await inbound.exactly(length)
        path = head.split(b" ", 2)[1].decode()
        if path.startswith("/control/"):
            writer.write(sized(200, json.dumps(await self._order(path.removeprefix("/control/"))).encode()))
            return True
        request = json.loads(body)
        play = self.repertoire(request["model"], bool(request.get("stream")))
        return await self._play(play, request["model"], inbound, writer)

    async def _order(self, order: str) -> object:
        verb, _, name = order.partition("/")
        match verb:
            case "open":
                self.gates[name].set()
            case "live":
                # Until so many answers are under way.
                async with self.changed:
                    await self.changed.wait_for(lambda: self._total("live") == int(name))
            case _:
                pass
        if name in self.counts:
            return dataclasses.asdict(self.counts[name])
        return {key.name: self._total(key.name) for key in dataclasses.fields(Counts)}

    def _total(self, key: str) -> int:
        return sum(getattr(counts, key) for counts in self.counts.values())

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def _play(self, play: Play, model: str, inbound: _Inbound, writer: asyncio.StreamWriter) -> bool:
        counts = self.counts[model]
        counts.requests += 1
        counts.live += 1
        await self._tell()
        acting = asyncio.ensure_future(self._act(play, counts, writer))
        leaving = asyncio.ensure_future(inbound.end())
        try:
            await asyncio.wait((acting, leaving), return_when=asyncio.FIRST_COMPLETED)
            whole = acting.done() and acting.exception() is None
            counts.left += not whole
        finally:
            counts.live -= 1
            for task in (acting, leaving):
                task.cancel()
            await asyncio.gather(acting, leaving, return_exceptions=True)
            await self._tell()
        if not whole:
            writer.transport.abort()
        elif play.ending is Ending.RESET:
            reset(writer)
        return whole and play.ending is Ending.KEEP

    async def _act(self, play: Play, counts: Counts, writer: asyncio.StreamWriter) -> None:
        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()
            counts.sent += len(data)

        for step in play.steps:
            match step:
                case bytes():
                    await write(step)
                case Drip(data, every):
                    for at in range(len(data)):
                        await write(data[at : at + 1])
                        await asyncio.sleep(every)
                case Forever(data, every):
                    while True:
                        await write(data)
                        await asyncio.sleep(every)
                case Gate(name):
                    await self.gates[name].wait()
        if play.ending is Ending.HANG:
            await asyncio.Event().wait()


def reset(writer: asyncio.StreamWriter) -> None:
    """Closes a connection by RST."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


async def _reset_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def _serve() -> None:
    vendor = FaultyVendor(play_of)
    loop = asyncio.get_running_loop()
    with unanswering_port() as deaf:
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        # Small, so that what a slow reader holds up is seen here, and not in the kernel.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        main = await asyncio.start_server(vendor.serve, sock=listener, backlog=4096)
        resetting = await asyncio.start_server(_reset_at_once, "127.0.0.1", 0)
        ports = {
            "main": main.sockets[0].getsockname()[1],
            "resetting": resetting.sockets[0].getsockname()[1],
            "deaf": deaf,
            "refusing": unused_port(),
        }
        print(json.dumps(ports), flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve())
