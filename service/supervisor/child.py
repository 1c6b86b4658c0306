"""One run of a program: started in a session of its own, listened to line by line, ended with all that it started."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from service.supervisor.tether import tethered

_READ_BYTES = 65536
_LINE_BYTES_MAX = 65536
"""A longer line is passed on in pieces."""
_LAST_OUTPUT_S = 1.0
"""How long output may still come after the end, from a descendant that left the session."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running program. Belongs to the event loop that started it."""

    pid: int
    ended: asyncio.Task[int]
    """Its exit code, or the negative number of the signal that ended it; done once its output is read, too."""

    def terminate(self) -> None:
        """Asks it to end, with SIGTERM. Without effect once it has ended."""
        if not self.ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Ends it and what it started, with SIGKILL. Without effect once it has ended."""
        if not self.ended.done():
            _kill_session(self.pid)


async def spawn(
    argv: Sequence[str], env: Mapping[str, str], on_line: Callable[[str], None], inherits: Sequence[int] = ()
) -> Child:
    """Starts a program that gets no signal of the terminal and that dies with this process.

    :param env: variables set beside those of this process.
    :param on_line: called with each line of its standard output and error, without the line's end.
    :param inherits: descriptors of this process that it has under the same numbers; none of the first three.
    :raises OSError: no process can be started.
    """
    reading, writing = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *tethered(argv),
            env=os.environ | env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            pass_fds=inherits,
            # Ctrl-C goes to the terminal's whole foreground group; in which order all end is for the supervisor to say.
            start_new_session=True,
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    output = asyncio.create_task(_pump(reading, on_line))
    return Child(process.pid, asyncio.create_task(_end(process, output)))


def describe_exit(code: int) -> str:
    """A program's end in words: `exited with code 3`, `was ended by SIGSEGV`."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


async def _end(process: asyncio.subprocess.Process, output: asyncio.Task[None]) -> int:
    code = await process.wait()
    # What it left behind holds its sockets and its output.
    _kill_session(process.pid)
    await asyncio.wait({output}, timeout=_LAST_OUTPUT_S)
    if not output.cancel():
        output.result()
    return code


def _kill_session(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


async def _pump(descriptor: int, on_line: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    rest = b""
    try:
        while data := await reader.read(_READ_BYTES):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                on_line(line.rstrip(b"\r").decode(errors="replace"))
            if len(rest) > _LINE_BYTES_MAX:
                on_line(rest.decode(errors="replace"))
                rest = b""
        if rest:
            on_line(rest.decode(errors="replace"))
    finally:
        transport.close()
