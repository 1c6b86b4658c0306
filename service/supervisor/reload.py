"""Replaces the configuration of a running instance: validated whole first, then written once, then taken by all."""

import asyncio
import dataclasses
import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from service.config import Config, ConfigError
from service.config.snapshot import NAME, Loaded
from service.control import ControlError, ask
from service.control.supervisor import WorkerLoaded
from service.control.worker import FACTS, TAKE, control_socket
from service.routing.table import RoutingError
from service.supervisor.fixed import FixedError, refuse_fixed
from service.supervisor.source import Candidate, Source
from service.supervisor.table import worker_name

_TAKE_WITHIN_S = 60.0
"""A worker under load reads a large file between its other work."""


class Reload:
    """The configuration of one instance. Belongs to one event loop."""

    def __init__(self, source: Source, start: Candidate, runtime_dir: Path, progress: Callable[[str], None]) -> None:
        """Puts the configuration of the start where the workers read it.

        :param progress: called with a line on what became of each attempt.
        """
        self._source = source
        self._runtime_dir = runtime_dir
        self._progress = progress
        self._one_at_a_time = asyncio.Lock()
        self._known = tuple(source.files(start.config))
        self._tried = fingerprint(self._known)
        self.config: Config = start.config
        """What holds."""
        self.loaded: Loaded = start.snapshot.loaded()
        """Which that is, and what became of the attempts to replace it."""
        self.workers: dict[int, WorkerLoaded] = {}
        """What is known of each worker's, by its number."""
        self.worker_count = start.workers
        start.snapshot.write(runtime_dir / NAME)

    @property
    def files(self) -> Sequence[Path]:
        """The files on which the configuration that was read last depends."""
        return self._known

    async def reload(self) -> Loaded:
        """Loads the configuration anew, and has all workers take it. What is wrong with it changes nothing."""
        async with self._one_at_a_time:
            self._tried = await asyncio.to_thread(fingerprint, self._known)
            try:
                candidate = await asyncio.to_thread(self._source.read, self.loaded.generation + 1)
                await self._know(candidate.config)
                await asyncio.to_thread(candidate.check)
                self._refuse(candidate)
                await asyncio.to_thread(candidate.snapshot.write, self._runtime_dir / NAME)
            except (ConfigError, RoutingError, FixedError, OSError) as error:
                self._failed(str(error))
                return self.loaded
            self.config = candidate.config
            self.loaded = dataclasses.replace(candidate.snapshot.loaded(), failures=self.loaded.failures)
            self._progress(f"configuration: generation {self.loaded.generation} is loaded")
            await asyncio.gather(*(self._give(index) for index in range(self.worker_count)))
            return self.loaded

    async def reload_if_changed(self) -> None:
        """As `reload`, unless all files are as they were at the last attempt."""
        if await asyncio.to_thread(fingerprint, self._known) != self._tried:
            await self.reload()

    async def welcome(self, index: int) -> None:
        """Sees to it that a worker that has just become ready serves by the newest configuration.

        It may have read the one before just as that was replaced.
        """
        async with self._one_at_a_time:
            try:
                facts = await ask(self._socket(index), FACTS, None, within_s=_TAKE_WITHIN_S)
            except ControlError as error:
                self.workers[index] = WorkerLoaded(worker_name(index), None, str(error))
                return
            self.workers[index] = WorkerLoaded(worker_name(index), facts.loaded.generation, None)
            if facts.loaded.generation != self.loaded.generation:
                await self._give(index)

    async def _give(self, index: int) -> None:
        try:
            loaded = await ask(self._socket(index), TAKE, self.loaded.generation, within_s=_TAKE_WITHIN_S)
        except ControlError as error:
            before = self.workers.get(index)
            self.workers[index] = WorkerLoaded(worker_name(index), before.generation if before else None, str(error))
            self._progress(
                f"{worker_name(index)}: configuration: generation {self.loaded.generation} not taken: {error}"
            )
        else:
            self.workers[index] = WorkerLoaded(worker_name(index), loaded.generation, None)

    def _refuse(self, candidate: Candidate) -> None:
        refuse_fixed(self.config, candidate.config)
        if not candidate.snapshot.text.strip() and candidate.snapshot.sha256 != self.loaded.sha256:
            # An editor may be about to write it; as a configuration it would close all models but the embedded one.
            raise FixedError(f"{candidate.snapshot.source}: the file is empty; nothing was taken")

    async def _know(self, config: Config) -> None:
        """Also of a configuration that is then refused: what it lacks may come into its files."""
        self._known = tuple(self._source.files(config))
        news = [file for file in self._known if file not in self._tried]
        self._tried = {file: self._tried[file] for file in self._known if file in self._tried}
        self._tried |= await asyncio.to_thread(fingerprint, news)

    def _failed(self, why: str) -> None:
        self.loaded = dataclasses.replace(
            self.loaded, failures=self.loaded.failures + 1, last_error=why, failed_at=time.time()
        )
        kept = f"generation {self.loaded.generation} stays"
        self._progress(f"configuration: not loaded, {kept}: {why}")

    def _socket(self, index: int) -> Path:
        return control_socket(self._runtime_dir, index)


def fingerprint(files: Iterable[Path]) -> dict[Path, str]:
    """What tells whether files have changed; nothing of what they hold can be read out of it."""
    return {file: _digest(file) for file in files}


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        return type(error).__name__
