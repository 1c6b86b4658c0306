"""Splits a server-sent event stream into events, however its bytes are cut.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


class Event(NamedTuple):
    """One dispatched event."""

    name: bytes
    """The `event` field; empty where there was none."""
    data: bytes
    """The `data` lines, joined by line feeds."""


class EventTooLargeError(ValueError):
    """One event is larger than anything that a chat vendor sends."""


@dataclass(slots=True)
class EventParser:
    """Incremental parser of one stream; never reused."""

    limit: int = 32 * 1024 * 1024
    """Most bytes of one event."""
    _pieces: list[bytes] = field(default_factory=list[bytes])
    _size: int = 0
    _started: bool = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete. EventTooLargeError for one beyond the limit."""
        self._pieces.append(data)
        self._size += len(data)
        if b"\n" not in data and b"\r" not in data:
            if self._size > self.limit:
                raise EventTooLargeError(f"an event is larger than {self.limit} bytes")
            return []
        text = b"".join(self._pieces) if len(self._pieces) > 1 else data
        if not self._started:
            if len(text) < 3 and b"\xef\xbb\xbf".startswith(text):
                return []
            self._started = True
            text = text.removeprefix(b"\xef\xbb\xbf")
        held = b""
        if b"\r" in text:
            # A carriage return at the end may be the first half of a CRLF.
            if text.endswith(b"\r"):
                text, held = text[:-1], b"\r"
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        blocks = text.split(b"\n\n")
        rest = blocks.pop() + held
        if len(rest) > self.limit:
            raise EventTooLargeError(f"an event is larger than {self.limit} bytes")
        self._pieces = [rest] if rest else []
        self._size = len(rest)
        events: list[Event] = []
        for block in blocks:
            if block.startswith(b"data: ") and b"\n" not in block:
                events.append(Event(b"", block[6:]))
            elif event := _event(block):
                events.append(event)
        return events

    @property
    def pending(self) -> bool:
        """Whether the bytes so far end within an event."""
        return any(piece.strip(b"\r\n") for piece in self._pieces)


def _event(block: bytes) -> Event | None:
    name = b""
    data: list[bytes] = []
    for line in block.split(b"\n"):
        key, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if key == b"data":
            data.append(value)
        elif key == b"event":
            name = value
    return Event(name, b"\n".join(data)) if data else None
