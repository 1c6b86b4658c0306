"""The bounds of the HTTP transport, so that no vendor can hold a connection or memory without end."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one transport grants each of its connections. Times in seconds, sizes in bytes."""

    keep_alive: float = 15.0
    """How long an unused connection is kept; shorter than vendors' own limits, so that it is seldom found closed."""
    finish: float = 2.0
    """How long the end of an answer may take once it is not read any more, before its connection is closed."""
    stagger: float = 0.25
    """How long one address is tried alone before the next is tried beside it (RFC 8305)."""
    race: float = 0.1
    """How soon after its use a kept connection must close, at least, for the vendor not to have seen the request."""
    longest_race: float = 1.0
    """The same, at most, however far away the vendor is."""
    framing: int = 64 * 1024
    """Most that may come without any of the body: heads, trailers and the frames of chunks."""
    buffer: int = 64 * 1024
    """How much of a body waits to be read before the vendor is made to wait."""
    inflate: int = 1024 * 1024
    """Most that one read of a compressed answer returns."""

    def at_once(self, round_trip: float) -> float:
        """How soon after its use a kept connection closes that the vendor was closing already.

        Its close was on its way then, or it is the answer to what came too late: both take a round trip or less.
        """
        return min(max(2 * round_trip, self.race), self.longest_race)
