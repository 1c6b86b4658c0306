"""Envoy in the process table, by way of the package gateway."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gateway import process
from gateway.render import render
from gateway.tracing import EdgeTracing
from service.config import Config
from service.config.values import Address
from service.config.watching import Tracing


def edge_tracing(settings: Tracing | None) -> EdgeTracing | None:
    """Where Envoy's own spans go; None where it makes none."""
    if settings is None or not settings.edge or settings.receiver is None:
        return None
    return EdgeTracing.to(settings.receiver, sample=settings.sample)


def origins(config: Config) -> tuple[str, ...]:
    """Origins of the pages that may read Envoy's answers."""
    return config.cors.origins if config.cors is not None else ()


@dataclass(frozen=True, slots=True)
class Envoy:
    """One Envoy that listens on one address for one runtime directory."""

    config: Path
    """The rendered envoy.yaml."""
    runtime_dir: Path
    concurrency: int
    """Envoy's own worker threads."""

    @classmethod
    def rendered(cls, listen: Address, runtime_dir: Path, workers: int, config: Config) -> Self:
        """Renders envoy.yaml into the runtime directory, for so many workers."""
        rendered = render(
            listen=listen,
            runtime_dir=runtime_dir,
            workers=workers,
            tracing=edge_tracing(config.tracing),
            cors=origins(config),
        )
        # A thread of Envoy carries what several workers produce; more threads than cores only compete with them.
        return cls(rendered, runtime_dir, concurrency=max(1, min(workers, os.cpu_count() or 1)))

    def command(self) -> tuple[str, ...]:
        """Its command line."""
        return tuple(process.command(self.config, concurrency=self.concurrency))

    async def ready(self) -> bool:
        """Whether it listens and knows its workers."""
        return await process.ready(self.runtime_dir)

    async def answers(self) -> bool:
        """Whether it answers at all; waits for that without end."""
        return await process.answers(self.runtime_dir)

    async def drain(self) -> None:
        """Closes its listener. OSError where it does not run."""
        await process.drain(self.runtime_dir)
