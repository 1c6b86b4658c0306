"""What the supervisor asks a worker: to take a configuration, and what it knows."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from service.config.snapshot import Loaded
from service.control.channel import Question


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """One deployment as one worker, or all together, know it."""

    model: str
    """As callers name it, with the deployment where it has a name."""
    vendor: str
    in_flight: int
    """Requests that it is working on."""
    waiting: int
    """Requests in line before it."""
    resting: int
    """How many workers leave it alone because it kept failing."""


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What a worker knows."""

    loaded: Loaded
    """The configuration that it serves by."""
    places: tuple[PlaceFacts, ...]
    """In the order of the models' names."""


FACTS: Question[None, WorkerFacts] = Question("facts", TypeAdapter(None), TypeAdapter(WorkerFacts))

TAKE: Question[int, Loaded] = Question("take", TypeAdapter(int), TypeAdapter(Loaded))
"""Asks it to serve by the generation of the configuration that the runtime directory now holds."""


def control_socket(runtime_dir: Path, index: int) -> Path:
    """Where a worker, numbered from 0, is asked."""
    return runtime_dir / f"worker-{index}-control.sock"
