"""What the faulty vendor does for one request, as data: bytes, pauses, and how the connection ends."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Drip:
    """Writes bytes one at a time."""

    data: bytes
    every: float = 0.0
    """Seconds between two bytes."""


@dataclass(frozen=True, slots=True)
class Forever:
    """Writes the same bytes again and again, as fast as the peer takes them, until it goes away."""

    data: bytes
    every: float = 0.0
    """Seconds between two writes."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Holds until somebody opens the gate of this name."""

    name: str


Step = bytes | Drip | Forever | Gate
"""Bytes are written at once."""


class Ending(Enum):
    """What becomes of the connection after the last step."""

    KEEP = "kept for the next request"
    FIN = "closed in order, whatever was promised"
    RESET = "closed by RST"
    HANG = "left open and silent"


@dataclass(frozen=True, slots=True)
class Play:
    """One answer."""

    steps: tuple[Step, ...]
    ending: Ending = Ending.KEEP


Repertoire = Callable[[str, bool], Play]
"""The play for a model's name, streamed or not. KeyError where there is none."""
