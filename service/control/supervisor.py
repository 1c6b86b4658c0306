"""What `parley status` asks a supervisor."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from service.config.snapshot import Loaded
from service.control.channel import Question
from service.control.worker import PlaceFacts

SOCKET = "control.sock"
"""Its name in the runtime directory."""


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """How one process is."""

    name: str
    state: str
    """A value of service.supervisor.process.State."""
    detail: str
    """What more there is to say of the state: how it ended, when it will be started again. May be empty."""
    since: float
    """When it came into that state, in Unix seconds."""
    pid: int | None
    """None where it does not run."""
    restarts: int
    """How often it was started again."""
    rss_bytes: int | None = None
    """Resident memory; None where it does not run, or the system does not tell."""

    def with_memory(self, rss_bytes: int | None) -> "ProcessFacts":
        """The same, with its memory."""
        return dataclasses.replace(self, rss_bytes=rss_bytes)


@dataclass(frozen=True, slots=True)
class WorkerLoaded:
    """The configuration of one worker."""

    name: str
    generation: int | None
    """Of the configuration that it serves by; None where it did not say."""
    problem: str | None
    """Why it does not serve by the newest, or did not say."""


@dataclass(frozen=True, slots=True)
class ConfigurationFacts:
    """Which configuration is served by."""

    file: str | None
    """None: there is none, and the embedded model alone is served."""
    loaded: Loaded
    workers: tuple[WorkerLoaded, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """What runs."""

    version: str
    pid: int
    since: float
    """When it was started, in Unix seconds."""
    runtime_dir: str
    listen: str | None
    """Where its edge listens; None: it has none of its own."""
    processes: tuple[ProcessFacts, ...]
    configuration: ConfigurationFacts
    places: tuple[PlaceFacts, ...]
    """What all workers that answered know, added up."""

    @property
    def healthy(self) -> bool:
        """Whether all processes are ready, and serve by the newest configuration, and no other failed to load."""
        return (
            all(process.state == "ready" for process in self.processes)
            and all(worker.problem is None for worker in self.configuration.workers)
            and self.configuration.loaded.last_error is None
        )


STATUS: Question[None, Status] = Question("status", TypeAdapter(None), TypeAdapter(Status))

RELOAD: Question[None, Loaded] = Question("reload", TypeAdapter(None), TypeAdapter(Loaded))
"""Asks it to load its configuration anew, as SIGHUP does. The answer comes once all workers were asked to take it."""


def supervisor_socket(runtime_dir: Path) -> Path:
    """Where a supervisor is asked."""
    return runtime_dir / SOCKET
