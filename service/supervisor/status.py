"""Gathers what `parley status` shows: of the processes, of the configuration, and of the deployments by all workers."""

import asyncio
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.control import ControlError, ask
from service.control.supervisor import ConfigurationFacts, ProcessFacts, Status, WorkerLoaded
from service.control.worker import FACTS, PlaceFacts, WorkerFacts, control_socket
from service.supervisor.memory import rss_bytes
from service.supervisor.reload import Reload
from service.supervisor.supervisor import Supervisor
from service.supervisor.table import worker_name

_ANSWER_S = 2.0
"""Seconds that a worker's answer may take; a status is wanted most when one hangs."""


@dataclass(frozen=True, slots=True)
class StatusBoard:
    """One instance, for those who ask how it is."""

    version: str
    since: float
    """Unix seconds."""
    listen: str | None
    file: str | None
    runtime_dir: Path
    workers: int
    supervisor: Supervisor
    reload: Reload

    async def status(self) -> Status:
        """How it is now. Workers that do not answer are named as such."""
        answers = await asyncio.gather(*(self._facts(index) for index in range(self.workers)))
        loaded = self.reload.loaded
        newest = loaded.generation
        return Status(
            version=self.version,
            pid=os.getpid(),
            since=self.since,
            runtime_dir=str(self.runtime_dir),
            listen=self.listen,
            processes=tuple(_with_memory(process) for process in self.supervisor.facts()),
            configuration=ConfigurationFacts(
                file=self.file,
                loaded=loaded,
                workers=tuple(_loaded(worker_name(index), facts, newest) for index, facts in enumerate(answers)),
            ),
            places=added_up([facts.places for facts in answers if isinstance(facts, WorkerFacts)]),
        )

    async def _facts(self, index: int) -> WorkerFacts | str:
        try:
            return await ask(control_socket(self.runtime_dir, index), FACTS, None, within_s=_ANSWER_S)
        except ControlError as error:
            return str(error)


def added_up(views: Iterable[Sequence[PlaceFacts]]) -> tuple[PlaceFacts, ...]:
    """What several workers know of the same deployments."""
    total: dict[str, PlaceFacts] = {}
    for view in views:
        for place in view:
            before = total.get(place.model, PlaceFacts(place.model, place.vendor, 0, 0, 0))
            total[place.model] = PlaceFacts(
                place.model,
                place.vendor,
                before.in_flight + place.in_flight,
                before.waiting + place.waiting,
                before.resting + place.resting,
            )
    return tuple(total.values())


def _loaded(name: str, facts: WorkerFacts | str, newest: int) -> WorkerLoaded:
    if isinstance(facts, str):
        return WorkerLoaded(name, None, facts)
    loaded = facts.loaded
    return WorkerLoaded(name, loaded.generation, None if loaded.generation == newest else loaded.last_error or "older")


def _with_memory(process: ProcessFacts) -> ProcessFacts:
    return process if process.pid is None else process.with_memory(rss_bytes(process.pid))
