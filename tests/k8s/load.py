"""Callers who never pause: streams that are always open, and requests at a steady rate, each judged by its answer."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp
import grpc
import grpc.aio
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from tests.k8s.cluster import KEY, MODEL
from tests.k8s.paced_vendor import TEXT

_SHORT = TEXT.split()[0] + " "
_CHANNELS = 4
_METADATA = (("x-api-key", KEY),)


@dataclass(slots=True)
class Load:
    """What callers saw."""

    streams: int
    """Streams that are open at any time, half of them over gRPC."""
    requests_per_second: float
    whole: Counter[str] = field(default_factory=Counter[str])
    """Answers that were as they should be, by kind."""
    lost: list[str] = field(default_factory=list[str])
    """All others, with what was wrong."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """No stream and no request begins any more."""
    live: int = 0
    """Streams that are open now, and have begun to answer."""
    _all_live: asyncio.Event = field(default_factory=asyncio.Event)

    async def all_live(self) -> None:
        """Returns when every stream has begun to answer."""
        await self._all_live.wait()

    async def judge(self, kind: str, answer: "asyncio.Future[str] | Any", expected: str) -> None:
        """Waits for an answer and takes it down."""
        try:
            got = await asyncio.wait_for(answer, 60)
        except (aiohttp.ClientError, grpc.aio.AioRpcError, TimeoutError, ValueError) as error:
            self.lost.append(f"{kind}: {error!r}")
            return
        if got == expected:
            self.whole[kind] += 1
        else:
            self.lost.append(f"{kind}: {got!r}")

    def began_one(self) -> None:
        """A stream has begun to answer."""
        self.live += 1
        if self.live == self.streams:
            self._all_live.set()


@asynccontextmanager
async def load(target: str, *, streams: int, requests_per_second: float) -> AsyncGenerator[Load]:
    """Runs the load against HOST:PORT while the block runs, and lets what is open then come to its end."""
    account = Load(streams, requests_per_second)
    # Pools of its own for each: a connection is kept and used again, as callers do.
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(f"http://{target}", connector=connector, headers={"x-api-key": KEY}) as session:
        channels = [grpc.aio.insecure_channel(target, options=(("grpc.channel_id", n),)) for n in range(_CHANNELS)]
        try:
            rest, typed = (
                _Rest(session, account),
                _Typed([cast("Any", ChatServiceStub(cast("Any", c))) for c in channels], account),
            )
            open_streams = [
                asyncio.create_task(_again_and_again(account, face, n))
                for n, face in zip(range(streams), itertools.cycle((rest, typed)), strict=False)
            ]
            steady = asyncio.create_task(_steadily(account, (rest, typed)))
            yield account
            account.over.set()
            await asyncio.gather(steady, *open_streams)
        finally:
            await asyncio.gather(*(channel.close() for channel in channels))


async def _again_and_again(account: Load, face: "_Rest | _Typed", number: int) -> None:
    # Not all at once, as people do not all ask at once.
    await asyncio.sleep(number * 0.01)
    while not account.over.is_set():
        await account.judge(f"stream {face.name}", face.stream(number), TEXT)


async def _steadily(account: Load, faces: "tuple[_Rest, _Typed]") -> None:
    """An open loop: a slow answer delays no other request."""
    loop = asyncio.get_running_loop()
    start, tasks = loop.time(), list[asyncio.Task[None]]()
    for number in itertools.count():
        if account.over.is_set():
            break
        face = faces[number % 2]
        tasks.append(asyncio.create_task(account.judge(f"request {face.name}", face.ask(number), _SHORT)))
        await asyncio.sleep(max(0, start + (number + 1) / account.requests_per_second - loop.time()))
    await asyncio.gather(*tasks)


@dataclass(frozen=True, slots=True)
class _Rest:
    session: aiohttp.ClientSession
    account: Load
    name: str = "REST"

    async def ask(self, number: int) -> str:
        async with self.session.post("/v1/chat/completions", json=_body(number, max_completion_tokens=1)) as response:
            answer = await response.json()
            if response.status != 200:
                raise ValueError(f"{response.status}: {answer}")
            return answer["choices"][0]["message"]["content"]

    async def stream(self, number: int) -> str:
        async with self.session.post("/v1/chat/completions", json=_body(number, stream=True)) as response:
            if response.status != 200:
                raise ValueError(f"{response.status}: {await response.text()}")
            read = ""
            self.account.began_one()
            try:
                async for data in response.content.iter_any():
                    read += data.decode()
            finally:
                self.account.live -= 1
        events = [event.removeprefix("data: ") for event in read.split("\n\n") if event.startswith("data: ")]
        if events[-1:] != ["[DONE]"]:
            raise ValueError(f"the stream ended with {read[-200:]!r}")
        return "".join(
            choice["delta"].get("content") or "" for event in events[:-1] for choice in json.loads(event)["choices"]
        )


@dataclass(frozen=True, slots=True)
class _Typed:
    stubs: list[Any]
    account: Load
    name: str = "gRPC"

    async def ask(self, number: int) -> str:
        stub = self.stubs[number // 2 % len(self.stubs)]
        answer = await stub.CreateCompletion(_message(number, max_completion_tokens=1), metadata=_METADATA)
        return "".join(part.text for part in answer.choices[0].message.content)

    async def stream(self, number: int) -> str:
        call, read, began = (
            self.stubs[number // 2 % len(self.stubs)].StreamCompletion(_message(number), metadata=_METADATA),
            "",
            False,
        )
        try:
            async for chunk in call:
                if not began:
                    began = True
                    self.account.began_one()
                read += "".join(choice.delta.content for choice in chunk.choices)
        finally:
            if began:
                self.account.live -= 1
        return read


def _body(number: int, **fields: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": f"Question {number}"}], **fields}


def _message(number: int, **fields: Any) -> CompletionRequest:
    return CompletionRequest(
        model=MODEL, messages=[Message(role="user", content=[ContentPart(text=f"Question {number}")])], **fields
    )
