"""Splits a server-sent event stream into its events, however its bytes are cut.

Their names are passed over: every vendor's data say themselves what they are.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from dataclasses import dataclass, field

END = b"\n\n"
"""What ends an event in `EventParser.text`."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventTooLargeError(ValueError):
    """One event is larger than anything that a chat vendor sends."""


@dataclass(slots=True)
class EventParser:
    """Incremental parser of one stream; never reused."""

    limit: int = 32 * 1024 * 1024
    """Most bytes of one event."""
    text: bytes = b""
    """What came, its lines ended by line feeds; the last event in it may lack its end."""
    at: int = 0
    """Where in the text the next event begins. Who reads events out of the text itself moves it behind them."""
    _pieces: list[bytes] = field(default_factory=list[bytes])
    """What came and is not in the text: the end of no event is in it, or it is the first half of something."""
    _size: int = 0
    _started: bool = False
    _tail: bytes = b""
    """The last two bytes before what comes next."""

    def feed(self, data: bytes) -> None:
        """Takes what came. EventTooLargeError where that is an event beyond the limit, so far without an end."""
        if self.at == len(self.text) and not self._pieces and b"\r" not in data:
            if not self._started and len(data) >= len(_BYTE_ORDER_MARK):
                self._started = True
                data = data.removeprefix(_BYTE_ORDER_MARK)
            if self._started:
                self.text = data
                self.at = 0
                return
        rest = self.text[self.at :]
        self.at = 0
        self.text = b""
        if rest:
            self._pieces.insert(0, rest)
            self._size += len(rest)
            self._tail = b"".join(self._pieces)[-2:]
        seam = self._tail + data[:1]
        self._tail = (self._tail + data[-2:])[-2:]
        self._pieces.append(data)
        self._size += len(data)
        # Joined only where an event may end, so that one of many lines does not cost the square of its length.
        if not self._started or any(end in data or end in seam for end in (END, b"\n\r", b"\r\r")):
            self._join()
        elif self._size > self.limit:
            raise self._too_large()

    def next(self) -> bytes | None:
        """The lines of the next event; None where none is complete. EventTooLargeError as `feed`."""
        end = self.text.find(END, self.at)
        if end < 0:
            if len(self.text) - self.at > self.limit:
                raise self._too_large()
            return None
        event = self.text[self.at : end]
        self.at = end + len(END)
        return event

    def _join(self) -> None:
        text = b"".join(self._pieces)
        if not self._started:
            if len(text) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(text):
                return
            self._started = True
            text = text.removeprefix(_BYTE_ORDER_MARK)
        self._pieces.clear()
        if b"\r" in text:
            # A carriage return at the end may be the first half of a CRLF.
            if text.endswith(b"\r"):
                text = text[:-1]
                self._pieces.append(b"\r")
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._size = len(self._pieces)
        self.text = text

    def _too_large(self) -> EventTooLargeError:
        return EventTooLargeError(f"an event is larger than {self.limit} bytes")


def data_of(event: bytes) -> bytes | None:
    """The data of an event, which may be more than one line; None where it has none."""
    if event.startswith(b"data: ") and b"\n" not in event:
        return event[6:]
    lines: list[bytes] = []
    for line in event.split(b"\n"):
        key, _, value = line.partition(b":")
        if key == b"data":
            lines.append(value.removeprefix(b" "))
    return b"\n".join(lines) if lines else None
