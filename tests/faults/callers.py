"""Real clients on both faces, which note what they see and believe nothing else."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp
import grpc
import grpc.aio
import openai
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from parley.chat.v1.chat_service_pb2_grpc import ChatServiceStub
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from tests.faults.reading import Reading
from tests.faults.seen import Ending, Face, Seen
from tests.stack import Parley

_PATH = "/v1/chat/completions"
_PROMPT = "Once"


Pace = Callable[[], Awaitable[None]]
"""Waited for after each piece of a stream: for those who have to know that it goes on, and for slow readers."""


async def _at_once() -> None:
    """The pace of one who reads as fast as it can."""


@dataclass(slots=True)
class _Notes:
    """What one call has seen so far; it outlives the call, whatever ends that."""

    pace: Pace = _at_once

    started: float = field(default_factory=time.monotonic)
    text: list[str] = field(default_factory=list[str])
    status: str = ""
    code: str = ""
    finish: str = ""
    detail: str = ""

    def seen(self, ending: Ending, detail: str = "") -> Seen:
        seconds = time.monotonic() - self.started
        return Seen(
            ending, "".join(self.text), seconds, self.status, self.code, self.finish, (detail or self.detail)[:200]
        )


@dataclass(frozen=True, slots=True)
class Callers:
    """Clients of one running instance."""

    parley: Parley
    session: aiohttp.ClientSession
    channel: grpc.aio.Channel
    official: openai.AsyncOpenAI

    async def call(self, face: Face, model: str, patience: float, pace: Pace = _at_once) -> Seen:
        """One call on a face, given up after so many seconds."""
        calls: dict[Face, Callable[[str, _Notes], Coroutine[None, None, Ending]]] = {
            Face.REST_STREAM: self._rest_stream,
            Face.REST_UNARY: self._rest_unary,
            Face.GRPC_STREAM: self._grpc_stream,
            Face.GRPC_UNARY: self._grpc_unary,
            Face.OFFICIAL_STREAM: self._official_stream,
            Face.OFFICIAL_UNARY: self._official_unary,
        }
        notes = _Notes(pace)
        try:
            async with asyncio.timeout(patience):
                return notes.seen(await calls[face](model, notes))
        except TimeoutError:
            return notes.seen(Ending.WAITING)
        except aiohttp.ClientError as error:
            return notes.seen(Ending.CUT, f"{type(error).__name__} {error}")
        except (ValueError, KeyError, TypeError) as error:
            return notes.seen(Ending.MALFORMED, repr(error))

    async def _rest_stream(self, model: str, notes: _Notes) -> Ending:
        async with self._post(model, stream=True) as response:
            notes.status = str(response.status)
            if response.status != 200:
                return _told(json.loads(await response.read()), notes)
            reading = Reading(notes.text)
            async for data in response.content.iter_any():
                reading.feed(data)
                notes.finish, notes.code = reading.finish, reading.code
                await notes.pace()
            notes.detail = reading.message
            return reading.ending()

    async def _rest_unary(self, model: str, notes: _Notes) -> Ending:
        async with self._post(model, stream=False) as response:
            notes.status = str(response.status)
            answer = json.loads(await response.read())
            if response.status != 200 or "error" in answer:
                return _told(answer, notes)
            (choice,) = answer["choices"]
            notes.text.append(choice["message"]["content"] or "")
            notes.finish = choice["finish_reason"] or ""
            return Ending.COMPLETE

    async def _grpc_stream(self, model: str, notes: _Notes) -> Ending:
        # Generated stubs are typed for synchronous channels only.
        stub: Any = ChatServiceStub(self.channel)
        try:
            async for chunk in stub.StreamCompletion(request_message(model), metadata=self.parley.metadata):
                for choice in chunk.choices:
                    notes.text.append(choice.delta.content)
                    notes.finish = choice.finish_reason or notes.finish
                await notes.pace()
        except grpc.aio.AioRpcError as error:
            return _failed(error, notes)
        return Ending.COMPLETE

    async def _grpc_unary(self, model: str, notes: _Notes) -> Ending:
        stub: Any = ChatServiceStub(self.channel)
        try:
            completion = await stub.CreateCompletion(request_message(model), metadata=self.parley.metadata)
        except grpc.aio.AioRpcError as error:
            return _failed(error, notes)
        (choice,) = completion.choices
        notes.text += [part.text for part in choice.message.content]
        notes.finish = choice.finish_reason or ""
        return Ending.COMPLETE

    async def _official_stream(self, model: str, notes: _Notes) -> Ending:
        try:
            stream = await self.official.chat.completions.create(
                model=model, messages=[{"role": "user", "content": _PROMPT}], stream=True
            )
            async for chunk in stream:
                for choice in chunk.choices:
                    notes.text.append(choice.delta.content or "")
                    notes.finish = choice.finish_reason or notes.finish
        except openai.APIError as error:
            return _raised(error, notes)
        return Ending.COMPLETE

    async def _official_unary(self, model: str, notes: _Notes) -> Ending:
        try:
            completion = await self.official.chat.completions.create(
                model=model, messages=[{"role": "user", "content": _PROMPT}]
            )
        except openai.APIError as error:
            return _raised(error, notes)
        (choice,) = completion.choices
        notes.text.append(choice.message.content or "")
        notes.finish = choice.finish_reason or ""
        return Ending.COMPLETE

    def _post(self, model: str, *, stream: bool) -> contextlib.AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return self.session.post(
            self.parley.base_url + _PATH,
            data=request_json(model, stream=stream),
            headers={"x-api-key": self.parley.api_key, "content-type": "application/json"},
        )


def channel_to(parley: Parley) -> grpc.aio.Channel:
    """A channel with a connection of its own, which it makes anew at once when it is lost."""
    options = (
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", -1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 100),
    )
    return grpc.aio.insecure_channel(parley.grpc_target, options=options)


@contextlib.asynccontextmanager
async def calling(parley: Parley) -> AsyncGenerator[Callers]:
    """Clients of an instance, none of which tries again by itself."""
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session,
        channel_to(parley) as channel,
        openai.AsyncOpenAI(base_url=parley.base_url + "/v1", api_key=parley.api_key, max_retries=0) as official,
    ):
        yield Callers(parley, session, channel, official)


def request_json(model: str, *, stream: bool) -> bytes:
    """A REST request's body."""
    return json.dumps(
        {"model": model, "stream": stream, "messages": [{"role": "user", "content": _PROMPT}], "max_tokens": 400}
    ).encode()


def request_message(model: str) -> CompletionRequest:
    """A gRPC request."""
    messages = [Message(role="user", content=[ContentPart(text=_PROMPT)])]
    return CompletionRequest(model=model, messages=messages, max_tokens=400)


def _told(answer: dict[str, Any], notes: _Notes) -> Ending:
    notes.code = answer["error"]["code"]
    notes.detail = answer["error"]["message"]
    return Ending.ERROR


def _failed(error: grpc.aio.AioRpcError, notes: _Notes) -> Ending:
    notes.status, notes.detail = error.code().name, error.details() or ""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            for detail in Status.FromString(cast("bytes", value)).details:
                info = ErrorInfo()
                if detail.Unpack(info):
                    notes.code = info.reason.lower()
    return Ending.ERROR


def _raised(error: openai.APIError, notes: _Notes) -> Ending:
    notes.status = str(getattr(error, "status_code", "200"))
    notes.code, notes.detail = error.code or "", error.message
    return Ending.CUT if isinstance(error, openai.APIConnectionError) else Ending.ERROR
