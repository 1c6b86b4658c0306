"""Questions over a unix socket, for Parley's own processes: a line of JSON each way, and a connection for each."""

import asyncio
import json
import logging
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

_Asked = TypeVar("_Asked")
_Told = TypeVar("_Told")

Handler = Callable[[bytes], Awaitable[bytes]]
"""From the JSON of what was asked to the JSON of the answer; a ControlError is told to who asked."""

_LINE_MAX = 16 * 1024 * 1024
"""Most bytes of a line: a status names each deployment of each model."""
_GOOD, _BAD = b"ok ", b"error "

_log = logging.getLogger("parley.control")


class ControlError(Exception):
    """A process cannot be asked, or cannot do what it was asked for; the message is a sentence without its subject."""


@dataclass(frozen=True, slots=True)
class Question(Generic[_Asked, _Told]):
    """One kind of question, with the types of what is asked and told."""

    verb: str
    asked: TypeAdapter[_Asked]
    told: TypeAdapter[_Told]


def reply(question: Question[_Asked, _Told], answer: Callable[[_Asked], Awaitable[_Told]]) -> tuple[str, Handler]:
    """An entry for `answering`: the question's verb, and the handler that a typed function makes."""

    async def handle(data: bytes) -> bytes:
        return question.told.dump_json(await answer(question.asked.validate_json(data)))

    return question.verb, handle


@asynccontextmanager
async def answering(path: Path, handlers: Mapping[str, Handler]) -> AsyncGenerator[None]:
    """Answers questions on a socket of mode 0600 while the block runs. What was left at the path is replaced.

    :raises OSError: the socket cannot be made.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            verb, _, data = (await reader.readuntil(b"\n")).partition(b" ")
            writer.write(await _answer(handlers.get(verb.decode("latin-1")), data) + b"\n")
            await writer.drain()
        except (OSError, EOFError, asyncio.LimitOverrunError):
            # Who asked has gone, or does not speak this.
            return
        finally:
            writer.close()

    path.unlink(missing_ok=True)  # noqa: ASYNC240 (one system call)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        # Before it has a name, so that nobody else can ever open it.
        os.fchmod(listening.fileno(), 0o600)
        listening.bind(str(path))
        server = await asyncio.start_unix_server(serve, sock=listening, limit=_LINE_MAX)
        try:
            yield
        finally:
            server.close()
            path.unlink(missing_ok=True)  # noqa: ASYNC240 (one system call)


async def ask(path: Path, question: Question[_Asked, _Told], asked: _Asked, *, within_s: float) -> _Told:
    """The answer of the process that listens on a socket.

    :param within_s: seconds that it may take.
    :raises ControlError: nobody listens, there is no answer in time, or what was asked for cannot be done.
    """
    try:
        async with asyncio.timeout(within_s):
            line = await _exchange(path, question.verb.encode() + b" " + question.asked.dump_json(asked) + b"\n")
    except TimeoutError:
        raise ControlError(f"did not answer within {within_s:g} s") from None
    except (OSError, EOFError, asyncio.LimitOverrunError) as error:
        raise ControlError("is not there" if isinstance(error, OSError) else "broke off its answer") from None
    if line.startswith(_BAD):
        raise ControlError(str(json.loads(line.removeprefix(_BAD))))
    try:
        return question.told.validate_json(line.removeprefix(_GOOD))
    except ValidationError as error:
        raise ControlError(f"answered what is not understood; is it another version? ({error.error_count()})") from None


async def _exchange(path: Path, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path, limit=_LINE_MAX)
    try:
        writer.write(line)
        await writer.drain()
        return await reader.readuntil(b"\n")
    finally:
        writer.close()


async def _answer(handler: Handler | None, data: bytes) -> bytes:
    if handler is None:
        return _BAD + json.dumps("does not know this question; is it another version?").encode()
    try:
        return _GOOD + await handler(data)
    except (ControlError, ValidationError) as error:
        return _BAD + json.dumps(str(error)).encode()
    except Exception:  # noqa: BLE001  # a bug must not end what else is served
        _log.exception("unexpected error")
        return _BAD + json.dumps("failed; its log tells more").encode()
