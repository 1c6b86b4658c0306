"""Shows the metrics of an instance while its processes run."""

import os
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from service.config.snapshot import Loaded
from service.config.values import Address
from service.config.watching import Metrics
from service.supervisor.port import PortError
from service.supervisor.process import Change, State


class InstanceTelemetry:
    """The metrics of one instance, in the process that keeps it running. Belongs to one event loop.

    :param settings: None: there are none.
    """

    def __init__(self, settings: Metrics | None) -> None:
        self._settings = settings
        self._exited: Callable[[str], None] = lambda _: None

    def saw(self, change: Change) -> None:
        """Takes note of a process that ended unasked."""
        if change.state is State.EXITED:
            self._exited(change.name)

    @asynccontextmanager
    async def serving(
        self, runtime_dir: Path, workers: int, processes: Iterable[str], loaded: Callable[[], Loaded | None]
    ) -> AsyncGenerator[Address | None]:
        """Serves them while the block runs, and says where; None where there are none.

        :param processes: names of all processes.
        :param loaded: what became of the configuration.
        :raises PortError: the address cannot be listened on.
        """
        if self._settings is None:
            yield None
            return
        # They would double the start's time, and only some want them.
        from service.telemetry.endpoint import Sources, serving_metrics  # noqa: PLC0415
        from service.telemetry.instance_metrics import InstanceMetrics  # noqa: PLC0415

        listen = self._settings.listen
        sources = Sources(runtime_dir, workers, runtime_dir / "envoy-admin.sock")
        metrics = InstanceMetrics(sources.own, processes, loaded)
        self._exited = metrics.exited
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(serving_metrics(listen, sources))
            except OSError as error:
                problem = os.strerror(error.errno) if error.errno else str(error)
                raise PortError(
                    f"metrics: {listen} cannot be listened on ({problem}): set metrics.listen to another address"
                ) from error
            yield listen
