"""The bounds of the HTTP transport, so that no vendor can hold a connection or memory without end."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one transport grants each of its connections. Times in seconds, sizes in bytes."""

    keep_alive: float = 15.0
    """How long an unused connection is kept; shorter than vendors' own limits, so that it is seldom found closed."""
    finish: float = 2.0
    """How long the end of an answer may take once it is not read any more, before its connection is closed."""
    dns: float = 30.0
    """How long a name's addresses are used before they are asked for again."""
    stagger: float = 0.25
    """How long one address is tried alone before the next is tried beside it (RFC 8305)."""
    stale: int = 3
    """How many kept connections in a row may turn out to be closed; then a new one is made."""
    framing: int = 64 * 1024
    """Most that may come without any of the body: heads, trailers and the frames of chunks."""
    buffer: int = 64 * 1024
    """How much of a body waits to be read before the vendor is made to wait."""
    inflate: int = 1024 * 1024
    """Most that one read of a compressed answer returns."""
