"""What the supervisor's tests share: actors, what was reported of them, and waiting for it."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from service.supervisor.process import Change, ProcessSpec, State

ACTOR = Path(__file__).with_name("actor.py")
LIMIT_S = 20.0
"""Far more than anything here takes; no test depends on it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A place for actors, with the audience."""

    folder: Path
    changes: list[Change] = field(default_factory=list[Change])
    lines: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def events(self, *of: str) -> list[str]:
        """What the actors wrote down, without their process ids; only the given events, if any are."""
        lines = [" ".join(line.split()[:2]) for line in self.journal.read_text().splitlines()]
        return [line for line in lines if not of or line.split()[1] in of]

    def actor(
        self,
        name: str,
        *options: str,
        say: Sequence[str] = (),
        ready_within_s: float = LIMIT_S,
        stop_within_s: float = LIMIT_S,
        critical: bool = True,
    ) -> ProcessSpec:
        ready = self.folder / f"{name}.ready"

        async def is_ready() -> bool:
            return ready.exists()

        return ProcessSpec(
            name=name,
            argv=(
                *(sys.executable, str(ACTOR), name, str(self.journal)),
                *("--ready", str(ready), "--say", json.dumps(say), *options),
            ),
            ready=is_ready,
            ready_within_s=ready_within_s,
            stop_within_s=stop_within_s,
            critical=critical,
        )

    def report(self, change: Change) -> None:
        self.changes.append(change)
        self._notify()

    def relay(self, name: str, line: str) -> None:
        self.lines.append((name, line))
        self._notify()

    def states(self, name: str) -> list[State]:
        return [change.state for change in self.changes if change.name == name]

    async def reaches(self, name: str, state: State, times: int = 1) -> None:
        """Returns when a process has come into a state so many times."""
        async with asyncio.timeout(LIMIT_S), self.changed:
            await self.changed.wait_for(lambda: self.states(name).count(state) >= times)

    async def hears(self, name: str, line: str) -> None:
        """Returns when a process has printed a line."""
        async with asyncio.timeout(LIMIT_S), self.changed:
            await self.changed.wait_for(lambda: (name, line) in self.lines)

    def _notify(self) -> None:
        async def notify() -> None:
            async with self.changed:
                self.changed.notify_all()

        task = asyncio.create_task(notify())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


def lives(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


async def gone(pid: int) -> None:
    """Returns when a process has ended, which the kernel tells of this descriptor."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(LIMIT_S):
            await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
