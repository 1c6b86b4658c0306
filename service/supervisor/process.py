"""One process of the table over all its runs: becomes ready, is started again when it dies, is stopped when asked."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from service.control.supervisor import ProcessFacts
from service.supervisor.backoff import Backoff
from service.supervisor.child import Child, describe_exit, spawn
from service.supervisor.watchdog import Watchdog

_POLL_S = 0.05
_LINES_KEPT = 20


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What a process is, and what is expected of it."""

    name: str
    argv: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    """Whether it serves; asked again and again while it starts, and answers soon."""
    answers: Callable[[], Awaitable[bool]] | None = None
    """Whether it answers at all, asked while it serves, however long that takes. None: it cannot be asked."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables set beside the supervisor's own."""
    inherits: tuple[int, ...] = ()
    """Descriptors of the supervisor that it has, too, under the same numbers."""
    ready_within_s: float = 30.0
    """Seconds that each start may take."""
    stop_within_s: float = 10.0
    """Seconds between SIGTERM and SIGKILL."""
    critical: bool = True
    """Whether everything is to stop where it cannot be kept running. Otherwise it is started again for ever."""


class State(StrEnum):
    """Where a process is in its life."""

    STARTING = "starting"
    READY = "ready"
    EXITED = "exited"
    """Its run ended unasked, or did not become ready and was ended."""
    RESTARTING = "restarting"
    """Waits to be started again."""
    GAVE_UP = "gave up"
    """Failed too often, and is not started again."""
    STOPPED = "stopped"
    """Ended because it was asked to."""


@dataclass(frozen=True, slots=True)
class Change:
    """A process has come into a state."""

    name: str
    state: State
    detail: str = ""
    """In words: how it exited, how long the wait is."""


class StartError(Exception):
    """A process did not become ready at its first start; the message says why, with its last output."""


class Process:
    """Keeps one process running. Started once and stopped once, in one event loop."""

    def __init__(
        self,
        spec: ProcessSpec,
        *,
        report: Callable[[Change], None],
        relay: Callable[[str, str], None],
        backoff: Backoff = Backoff(),  # noqa: B008 (frozen)
        watchdog: Watchdog = Watchdog(),  # noqa: B008 (frozen)
        clock: Callable[[], float] = time.monotonic,
        delay: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Describes it; nothing runs before `start`.

        :param report: called at each change of its state.
        :param relay: called with the process's name and each line that it prints.
        :param clock: seconds that only grow.
        :param delay: waits for so many seconds between restarts.
        """
        self.spec = spec
        self._on_change = report
        self._relay = relay
        self._backoff = backoff
        self._watchdog = watchdog
        self._clock = clock
        self._delay = delay
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._child: Child | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._gave_up = asyncio.Event()
        self._runs = 0
        self._last = Change(spec.name, State.STARTING)
        self._since = time.time()

    @property
    def pid(self) -> int | None:
        """Process id of the newest run; None before the first."""
        return self._child.pid if self._child else None

    def facts(self) -> ProcessFacts:
        """How it is, but for its memory."""
        return ProcessFacts(
            name=self.spec.name,
            state=self._last.state.value,
            detail=self._last.detail,
            since=self._since,
            pid=None if self._child is None or self._child.ended.done() else self._child.pid,
            restarts=max(0, self._runs - 1),
        )

    async def start(self) -> None:
        """Starts it and returns when it is ready; from then on it is kept running.

        :raises StartError: it did not become ready, and has ended or is still to be stopped.
        """
        problem = await self._run()
        if problem is not None:
            output = "".join(f"\n  {line}" for line in self._lines)
            raise StartError(f"{self.spec.name} {problem}" + (f"; it printed last:{output}" if output else ""))
        self._keeper = asyncio.create_task(self._keep())

    async def gave_up(self) -> str:
        """Returns, with its name, when it failed too often to be started again."""
        await self._gave_up.wait()
        return self.spec.name

    async def stop(self, hurry: asyncio.Event) -> None:
        """Ends it, if it runs: SIGTERM, then SIGKILL after its limit or as soon as `hurry` is set."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        child = self._child
        if child is None or child.ended.done():
            return
        child.terminate()
        if await self._ends(child, hurry):
            self._report(Change(self.spec.name, State.STOPPED))
            return
        child.kill()
        await asyncio.wait({child.ended})
        why = "at once" if hurry.is_set() else f"after {self.spec.stop_within_s:g} s"
        self._report(Change(self.spec.name, State.STOPPED, f"killed {why}"))

    async def _ends(self, child: Child, hurry: asyncio.Event) -> bool:
        hurried = asyncio.create_task(hurry.wait())
        try:
            await asyncio.wait(
                {child.ended, hurried}, timeout=self.spec.stop_within_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            hurried.cancel()
        return child.ended.done()

    async def _run(self) -> str | None:
        """Starts a run: None once it is ready, otherwise why it is not, and then it has ended."""
        self._report(Change(self.spec.name, State.STARTING))
        self._runs += 1
        self._lines.clear()
        try:
            child = self._child = await spawn(self.spec.argv, self.spec.env, self._on_line, self.spec.inherits)
        except OSError as error:
            return f"cannot be started: {error.strerror}"
        polling = asyncio.create_task(self._poll())
        try:
            await asyncio.wait(
                {child.ended, polling}, timeout=self.spec.ready_within_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            ready = not polling.cancel()
        if child.ended.done():
            return f"{describe_exit(child.ended.result())} before it was ready"
        if ready:
            polling.result()
            self._report(Change(self.spec.name, State.READY))
            return None
        child.kill()
        await asyncio.wait({child.ended})
        return f"was not ready within {self.spec.ready_within_s:g} s"

    async def _poll(self) -> None:
        while not await self.spec.ready():  # noqa: ASYNC110 (another process has no event to wait for)
            await asyncio.sleep(_POLL_S)

    async def _keep(self) -> None:
        failures = 0
        while (child := self._child) is not None:
            since = self._clock()
            problem = await self._end_of(child)
            if self._clock() - since >= self._backoff.stable_after_s:
                failures = 0
            while problem is not None:
                self._report(Change(self.spec.name, State.EXITED, problem))
                failures += 1
                if self.spec.critical and failures >= self._backoff.give_up_after:
                    self._report(Change(self.spec.name, State.GAVE_UP, f"failed {failures} times in a row"))
                    self._gave_up.set()
                    return
                wait = self._backoff.wait_s(failures)
                self._report(Change(self.spec.name, State.RESTARTING, f"in {wait:.2g} s"))
                await self._delay(wait)
                problem = await self._run()

    async def _end_of(self, child: Child) -> str:
        """How a run that serves ended: by itself, or because it hung."""
        watching = asyncio.create_task(self._until_hung())
        try:
            # Waited for, not awaited: cancelling this must not cancel that.
            await asyncio.wait({child.ended, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
        if child.ended.done():
            return describe_exit(child.ended.result())
        child.kill()
        await asyncio.wait({child.ended})
        return f"did not answer for {self._watchdog.limit_s:g} s and was killed"

    async def _until_hung(self) -> None:
        if self.spec.answers is None:
            await asyncio.Event().wait()
        else:
            await self._watchdog.until_hung(self.spec.answers)

    def _report(self, change: Change) -> None:
        self._last, self._since = change, time.time()
        self._on_change(change)

    def _on_line(self, line: str) -> None:
        self._lines.append(line)
        self._relay(self.spec.name, line)
