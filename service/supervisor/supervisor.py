"""The process table: brings processes up stage by stage, and down in an order of its own."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from service.control.supervisor import ProcessFacts
from service.supervisor.backoff import Backoff
from service.supervisor.process import Change, Process, ProcessSpec
from service.supervisor.watchdog import Watchdog

_DRAIN_REQUEST_S = 5.0
"""Seconds that the request to take no new work may take."""


class Supervisor:
    """Runs processes until it is asked to stop. Started once and stopped once, in one event loop."""

    def __init__(
        self,
        stages: Sequence[Sequence[ProcessSpec]],
        *,
        stop_order: Sequence[Sequence[str]],
        before_stop: Callable[[], Awaitable[None]],
        report: Callable[[Change], None],
        relay: Callable[[str, str], None],
        backoff: Backoff = Backoff(),  # noqa: B008 (frozen)
        watchdog: Watchdog = Watchdog(),  # noqa: B008 (frozen)
        clock: Callable[[], float] = time.monotonic,
        delay: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Describes them; nothing runs before `start`.

        :param stages: a stage's processes start together, once those of the stage before are ready.
        :param stop_order: names; those of one group stop together, once the group before has ended. Each name once.
        :param before_stop: asks for no new work to be taken, before anything is stopped. Its OSError is no obstacle.
        :param report: called at each change of a process's state.
        :param relay: called with a process's name and each line that it prints.
        :raises ValueError: the stop order does not name each process once.
        """
        specs = [spec for stage in stages for spec in stage]
        if sorted(spec.name for spec in specs) != sorted(name for group in stop_order for name in group):
            raise ValueError("the stop order has to name each process once")
        self._processes = {
            spec.name: Process(
                spec, report=report, relay=relay, backoff=backoff, watchdog=watchdog, clock=clock, delay=delay
            )
            for spec in specs
        }
        self._stages = [[self._processes[spec.name] for spec in stage] for stage in stages]
        self._stop_order = [[self._processes[name] for name in group] for group in stop_order]
        self._before_stop = before_stop
        self._hurry = asyncio.Event()
        self._up = False

    def pid(self, name: str) -> int | None:
        """Process id of the newest run of a process; None before the first."""
        return self._processes[name].pid

    def facts(self) -> list[ProcessFacts]:
        """How each process is, in the order of the start, but for its memory."""
        return [process.facts() for stage in self._stages for process in stage]

    async def start(self) -> None:
        """Returns when all are ready. Cancelled or failed, it leaves running what runs: `stop` is still to be called.

        :raises StartError: a process did not become ready.
        """
        for stage in self._stages:
            starts = [asyncio.create_task(process.start()) for process in stage]
            try:
                await asyncio.wait(starts, return_when=asyncio.FIRST_EXCEPTION)
            finally:
                unfinished = [start for start in starts if start.cancel()]
                await asyncio.gather(*unfinished, return_exceptions=True)
            for start in starts:
                if not start.cancelled():
                    start.result()
        self._up = True

    async def gave_up(self) -> str:
        """Returns, with its name, when a critical process failed too often to be started again."""
        waits = [asyncio.create_task(process.gave_up()) for process in self._processes.values()]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for wait in waits:
                wait.cancel()

    async def stop(self) -> None:
        """Ends all in the stop order, each within its own limit."""
        if self._up:
            await self._ask_to_drain()
        for group in self._stop_order:
            await asyncio.gather(*(process.stop(self._hurry) for process in group))

    def hurry(self) -> None:
        """Lets `stop`, now or later, kill what does not end at once."""
        self._hurry.set()

    async def _ask_to_drain(self) -> None:
        try:
            async with asyncio.timeout(_DRAIN_REQUEST_S):
                await self._before_stop()
        except OSError:
            # Whom it asks may be what broke; TimeoutError is one, too. The processes are stopped all the same.
            return
