"""One running instance: from a configuration to processes that serve, until it is to stop."""

import asyncio
import importlib.metadata
import importlib.util
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from service.config.model import EMBEDDED_MODEL
from service.config.snapshot import Loaded
from service.config.values import Address
from service.control import ControlError, answering, reply
from service.control.supervisor import RELOAD, STATUS, Status, supervisor_socket
from service.local import weights
from service.supervisor.greeting import greeting, greeting_without_edge
from service.supervisor.port import claim
from service.supervisor.process import Change, State
from service.supervisor.reload import Reload
from service.supervisor.runtime_dir import fixed_runtime_dir, runtime_dir
from service.supervisor.source import Candidate, Source
from service.supervisor.status import StatusBoard
from service.supervisor.supervisor import Supervisor
from service.supervisor.table import Edge, table, worker_name
from service.supervisor.telemetry import InstanceTelemetry
from service.supervisor.watch import watch
from service.supervisor.watchdog import Watchdog

_Result = TypeVar("_Result")
_TOLD = frozenset({State.EXITED, State.RESTARTING, State.GAVE_UP})

EdgeMaker = Callable[[Candidate, Address, Path], Edge]
"""Makes the edge for a configuration, the address to listen on, and a runtime directory."""


class InstanceError(Exception):
    """Something that is needed is not there, or did not last; the message says what."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How an instance is to run."""

    source: Source
    announce: Callable[[str], None]
    """Called once, when all is ready, with where it serves and how to try it."""
    progress: Callable[[str], None]
    """Called with lines on what goes on, and with what the processes print."""
    make_edge: EdgeMaker | None
    """None: it runs without an edge of its own, and listens on no port."""
    before_stop: Callable[[Path], Awaitable[None]] | None = None
    """Tells an edge of somebody else's, by the runtime directory, that this instance stops. OSError is no obstacle."""
    runtime_dir: Path | None = None
    """None: one of its own, which is gone at the end."""
    relay: Callable[[str, str], None] | None = None
    """Called with a process's name and each line that it prints. Default: it is progress, too."""
    log: int | None = None
    """The descriptor that workers write their log to, without a copy of each line here. None: they print it."""
    linger_s: float = 0.0
    """Seconds for which workers still take requests once they were asked to stop."""


@dataclass(slots=True)
class Instance:
    """Runs once, in one event loop."""

    plan: Plan
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set from outside: it is to stop."""
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """Set from outside: what has not ended yet is to be killed."""
    _reload: Reload | None = None
    """None until it serves."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def until_stopped(self) -> None:
        """Returns after a stop that was asked for; what goes wrong is raised."""
        plan = self.plan
        start = plan.source.read(1)
        start.check()
        config = start.config
        listen = claim(config.listen) if plan.make_edge else None
        file = await self._unless_stopped(self._weights(start)) if config.uses_local else None
        if self.stop.is_set():
            return
        with self._directory() as directory, _copy_of(plan.log) as log:
            edge = plan.make_edge(start, listen, directory) if plan.make_edge and listen else None
            reload = Reload(plan.source, start, directory, plan.progress)
            telemetry = InstanceTelemetry(config.metrics)
            processes = table(
                config,
                workers=start.workers,
                runtime_dir=directory,
                edge=edge,
                weights=file,
                linger_s=plan.linger_s,
                log=log,
            )
            supervisor = Supervisor(
                processes.stages,
                stop_order=processes.stop_order,
                before_stop=edge.drain if edge else lambda: self._tell_of_stop(directory),
                report=lambda change: self._report(change, reload, telemetry),
                relay=plan.relay or (lambda name, line: plan.progress(f"{name} | {line}")),
                watchdog=Watchdog(config.watchdog.interval, config.watchdog.limit),
            )
            board = StatusBoard(
                version=importlib.metadata.version("parley"),
                since=time.time(),
                listen=str(listen) if listen else None,
                file=str(plan.source.path.absolute()) if plan.source.path else None,
                runtime_dir=directory,
                workers=start.workers,
                supervisor=supervisor,
                reload=reload,
            )
            self._spawn(self._pass_on_hurry(supervisor))
            self._say_what_starts(start)
            names = [spec.name for stage in processes.stages for spec in stage]
            async with (
                telemetry.serving(directory, start.workers, names, loaded=lambda: reload.loaded),
                self._asked(board, directory),
            ):
                try:
                    failed = await self._unless_stopped(self._serve(supervisor, reload, start, listen, directory))
                finally:
                    self._reload = None
                    await supervisor.stop()
                    for task in self._tasks:
                        task.cancel()
        if failed is not None:
            raise InstanceError(f"{failed} cannot be kept running; what it printed is above")
        plan.progress("stopped")

    def reload(self) -> None:
        """Loads the configuration anew, soon; without effect while it starts or stops."""
        if self._reload is not None:
            self._spawn(_without_result(self._reload.reload()))

    async def _serve(
        self, supervisor: Supervisor, reload: Reload, start: Candidate, listen: Address | None, directory: Path
    ) -> str:
        await supervisor.start()
        self._reload = reload
        if self.plan.source.path is not None:
            self._spawn(watch(lambda: reload.files, reload.reload_if_changed))
        without_edge = greeting_without_edge(start.workers, directory)
        self.plan.announce(greeting(start.config, listen) if listen else without_edge)
        return await supervisor.gave_up()

    @asynccontextmanager
    async def _asked(self, board: StatusBoard, directory: Path) -> AsyncGenerator[None]:
        async def status(_: None) -> Status:
            return await board.status()

        async def reload(_: None) -> Loaded:
            if self._reload is None:
                raise ControlError("does not serve yet, or no more")
            return await self._reload.reload()

        async with answering(supervisor_socket(directory), dict((reply(STATUS, status), reply(RELOAD, reload)))):
            yield

    @contextmanager
    def _directory(self) -> Generator[Path]:
        given = self.plan.runtime_dir
        with fixed_runtime_dir(given) if given else runtime_dir() as directory:
            yield directory

    async def _tell_of_stop(self, directory: Path) -> None:
        if self.plan.before_stop is not None:
            await self.plan.before_stop(directory)

    async def _weights(self, start: Candidate) -> Path:
        if importlib.util.find_spec("xllamacpp") is None:
            raise InstanceError(
                "the embedded model needs the package xllamacpp: pip install 'parley[local]', or take "
                f"{EMBEDDED_MODEL} out of the models"
            )
        found = weights.locate(start.config.local.weights)
        return found or await weights.fetch(weights.default_dir(), self.plan.progress)

    async def _unless_stopped(self, work: Coroutine[None, None, _Result]) -> _Result | None:
        """The work's result; None where the stop was asked for first, and then the work is cancelled."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            working.cancel()
            await asyncio.wait({working})
        return None if working.cancelled() else working.result()

    async def _pass_on_hurry(self, supervisor: Supervisor) -> None:
        await self.hurry.wait()
        supervisor.hurry()

    def _say_what_starts(self, start: Candidate) -> None:
        if start.config.uses_local:
            self.plan.progress(f"loading {EMBEDDED_MODEL} …")
        workers = start.workers
        self.plan.progress(f"starting {workers} worker{'s' if workers > 1 else ''} …")

    def _report(self, change: Change, reload: Reload, telemetry: InstanceTelemetry) -> None:
        telemetry.saw(change)
        if change.state is State.READY:
            for index in range(reload.worker_count):
                if change.name == worker_name(index):
                    self._spawn(reload.welcome(index))
        # The rest goes as expected, and is told by its effects.
        if change.state in _TOLD or change.detail:
            self.plan.progress(f"{change.name}: {change.state}" + (f" ({change.detail})" if change.detail else ""))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@contextmanager
def _copy_of(descriptor: int | None) -> Generator[int | None]:
    """A descriptor that a child may have beside its own first three; None where there is none."""
    try:
        copy = None if descriptor is None else os.dup(descriptor)
    except OSError:
        copy = None
    try:
        yield copy
    finally:
        if copy is not None:
            os.close(copy)


async def _without_result(work: Coroutine[None, None, object]) -> None:
    await work
