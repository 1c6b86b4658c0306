"""Renders callers' chat templates, each in a process of its own that is given up where it takes too much."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_PROGRAM = Path(__file__).with_name("template.py")

WALL_SECONDS = 20.0
"""Time that a rendering may take on a machine that is busy; its own computing is limited to a tenth of it."""
AT_ONCE = 2
"""Renderings at once, so that callers' templates cannot take the machine; others wait."""


class TemplateProblem(Exception):  # noqa: N818  # the caller's problem, in words for the caller
    """A template cannot be rendered; the message says why."""


def start_program() -> subprocess.Popen[bytes]:
    """Starts the process that renders one template."""
    # Not by asyncio: uvloop forks, of which gRPC's own threads know; this starts a process without a fork.
    return subprocess.Popen(
        (sys.executable, "-I", str(_PROGRAM)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # A crash's last words may hold the conversation.
        stderr=subprocess.DEVNULL,
        env={},
    )


@dataclass(frozen=True, slots=True)
class Renderer:
    """Holds no process between renderings. For one event loop."""

    start: Callable[[], subprocess.Popen[bytes]] = start_program
    """Starts a process for one rendering."""
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def render(self, template: str, variables: Mapping[str, object]) -> str:
        """The text that a template makes of these variables, which are JSON values. Raises TemplateProblem.

        Cancelling it ends the process.
        """
        job = json.dumps({"template": template, "variables": variables}).encode()
        async with self._room:
            return _read(*await _run(self.start(), job))


async def _run(process: subprocess.Popen[bytes], job: bytes) -> tuple[bytes, int]:
    """What the process writes, and how it ended."""
    talk = asyncio.ensure_future(asyncio.to_thread(_talk, process, job))
    try:
        return await asyncio.shield(talk)
    except asyncio.CancelledError:
        process.kill()
        await asyncio.wait((talk,))
        raise


def _talk(process: subprocess.Popen[bytes], job: bytes) -> tuple[bytes, int]:
    with process:
        try:
            said, _ = process.communicate(job, WALL_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise TemplateProblem("it takes too long") from None
    return said, process.returncode


def _read(said: bytes, ended: int) -> str:
    if ended:
        spent = ended in {-signal.SIGXCPU, -signal.SIGKILL}
        raise TemplateProblem("it takes too long" if spent else "it needs more memory than a template may have")
    result: dict[str, str] = json.loads(said)
    if "problem" in result:
        raise TemplateProblem(result["problem"].encode(errors="replace").decode())
    return result["text"]
