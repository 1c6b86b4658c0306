"""What a worker serves by: all that its configuration decides, made by one function and replaced whole at a reload."""

import asyncio
import dataclasses
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

from service.auth import Keyring
from service.config import Config, ConfigError
from service.config.snapshot import Loaded, Snapshot
from service.control import ControlError
from service.control.worker import PlaceFacts, WorkerFacts
from service.faces import Serving
from service.local.renderer import Renderer
from service.pipeline import Pipeline
from service.pipeline.account import Accounting
from service.pipeline.idempotency import Repeats
from service.pipeline.report import Policy
from service.routing import Router
from service.routing.table import ModelRoute, RoutingError, build
from service.upstream import Driver, Images

_log = logging.getLogger("parley.worker")


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes what is served by out of a configuration; holds what outlives each of them."""

    driver: Driver
    """Keeps the connections to vendors."""
    local_socket: Path | None = None
    """Where the embedded model's engine listens."""
    renderer: Renderer = field(default_factory=Renderer)
    accounting: Accounting = field(default_factory=Accounting)
    """Who is told of requests."""

    def table(self, config: Config) -> dict[str, ModelRoute]:
        """The routing table, secrets and all. RoutingError if there can be none. Needs no event loop."""
        return build(config, local_socket=self.local_socket)

    def make(self, config: Config, table: dict[str, ModelRoute], before: Serving | None = None) -> Serving:
        """What is served by.

        :param before: what was served by until now, whose state of places and kept answers goes on.
        """
        router = Router(table, previous=before.router if before else None, aliases=config.aliases)
        repeats = before.pipeline.repeats if before else None
        if repeats is None or repeats.settings != config.idempotency:
            repeats = Repeats(config.idempotency)
        pipeline = Pipeline(
            router,
            self.driver,
            Policy(config.unsupported) if config.unsupported else None,
            renderer=self.renderer,
            images=Images(config.fetch_images),
            repeats=repeats,
            accounting=self.accounting,
        )
        return Serving(router, pipeline, Keyring(config.keys), config.keep_alive)


class Configured:
    """The configuration of one worker while it runs. Belongs to one event loop.

    :raises ConfigError: the configuration is wrong.
    :raises RoutingError: a model in it cannot be reached as it says, or a secret is not there.
    """

    def __init__(self, snapshot: Snapshot, maker: Maker) -> None:
        self._maker = maker
        self._taking = asyncio.Lock()
        self.config = snapshot.config()
        """What `serving` was made of."""
        self.serving = maker.make(self.config, maker.table(self.config))
        """What new requests are served by."""
        self.loaded = snapshot.loaded()
        """Which configuration that is, and whether the worker could not take another."""

    def current(self) -> Serving:
        """What a request that comes in now is served by."""
        return self.serving

    async def take(self, path: Path, generation: int) -> Loaded:
        """Serves new requests by the snapshot at a path; those under way keep to what they began with.

        :param generation: of the snapshot that is expected there.
        :raises ControlError: it cannot be used. Then nothing has changed, but the account of failures.
        """
        async with self._taking:
            try:
                # A large file takes a while to read, in which streams go on.
                snapshot, config, table = await asyncio.to_thread(self._read, path)
                if snapshot.generation != generation:
                    raise ControlError(f"found generation {snapshot.generation}, not {generation}")
            except (ConfigError, RoutingError, ControlError, OSError, ValueError) as error:
                self.loaded = dataclasses.replace(
                    self.loaded, failures=self.loaded.failures + 1, last_error=str(error), failed_at=time.time()
                )
                fields = {"generation": generation, "problem": str(error)}
                _log.error("configuration not loaded", extra={"fields": fields})
                raise ControlError(str(error)) from error
            self.serving = self._maker.make(config, table, self.serving)
            self.config = config
            self.loaded = dataclasses.replace(snapshot.loaded(), failures=self.loaded.failures)
            _log.info("configuration loaded", extra={"fields": {"generation": generation}})
            return self.loaded

    def facts(self) -> WorkerFacts:
        """What the worker knows."""
        places = tuple(
            PlaceFacts(
                model=f"{name}/{condition.target.deployment}" if condition.target.deployment else name,
                vendor=condition.target.vendor,
                in_flight=condition.in_flight,
                waiting=gate.waiting,
                resting=int(not condition.healthy),
            )
            for name, pool in sorted(self.serving.router.pools.items())
            for condition, gate in pool.members
        )
        return WorkerFacts(self.loaded, places)

    def _read(self, path: Path) -> tuple[Snapshot, Config, dict[str, ModelRoute]]:
        snapshot = Snapshot.read(path)
        config = snapshot.config()
        return snapshot, config, self._maker.table(config)
