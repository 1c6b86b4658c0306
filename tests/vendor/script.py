"""What the vendor does for one request, as data: steps on the wire and how the connection ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from tests.vendor.server import VendorRequest


@dataclass(frozen=True, slots=True)
class Head:
    """Write the status line and headers; not counted by `cut`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Send:
    """Write bytes of the body, framing included, with one write."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Drip:
    """Write bytes in pieces of `size`, each a write of its own."""

    data: bytes
    size: int = 1


@dataclass(frozen=True, slots=True)
class Wait:
    """Hold until the test sets the gate."""

    gate: asyncio.Event


@dataclass(frozen=True, slots=True)
class Forever:
    """Write the same bytes again and again, as fast as the peer reads, until it goes away."""

    data: bytes


Step = Head | Send | Drip | Wait | Forever


class Ending(Enum):
    """What becomes of the connection after the last step."""

    KEEP_ALIVE = "the answer is complete and the next request is awaited"
    FIN = "closed in order, whatever was promised"
    RESET = "closed by RST"
    HANG = "left open and silent until the peer goes away"


@dataclass(frozen=True, slots=True)
class Script:
    """One answer.

    With `read_after`, the request's body stays unread until that gate is set; such a script
    must come from the queue, since nothing of the body is known when it is chosen.
    """

    steps: tuple[Step, ...]
    ending: Ending = Ending.KEEP_ALIVE
    read_after: asyncio.Event | None = None


Responder = Script | Callable[["VendorRequest"], Script]
"""A script, or what chooses one by the request."""
