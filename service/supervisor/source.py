"""Where an instance's configuration comes from: a file, and what the command line says instead of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from service.config import Config
from service.config.secret_files import secret_files
from service.config.snapshot import Snapshot
from service.config.values import Address
from service.routing.table import build
from service.supervisor.cores import usable_cores
from service.tls import named_by_environment


@dataclass(frozen=True, slots=True)
class Candidate:
    """A configuration that was read and is well-formed."""

    snapshot: Snapshot
    config: Config
    """With what the command line says instead."""

    @property
    def workers(self) -> int:
        """How many there are to be."""
        return usable_cores() if self.config.workers == "auto" else self.config.workers

    def check(self) -> None:
        """RoutingError where a model in it cannot be reached as it says, or a secret is not there."""
        build(self.config)


@dataclass(frozen=True, slots=True)
class Source:
    """What an instance is started with."""

    path: Path | None = None
    """None: the embedded model alone."""
    port: int | None = None
    """Listened on instead of the file's."""
    workers: int | Literal["auto"] | None = None
    """As many instead of the file's."""

    def read(self, generation: int) -> Candidate:
        """The configuration as it is now. ConfigError where the file cannot be read, or is wrong."""
        snapshot = Snapshot.of(self.path, generation)
        config = snapshot.config()
        changes: dict[str, object] = {}
        if self.port is not None:
            changes["listen"] = Address(config.listen.host, self.port)
        if self.workers is not None:
            changes["workers"] = self.workers
        return Candidate(snapshot, config.model_copy(update=changes))

    def files(self, config: Config) -> Iterator[Path]:
        """The files on which the configuration depends: itself, and those of secrets and certificates."""
        if self.path is not None:
            yield self.path
            yield from secret_files(config)
            yield from named_by_environment()
