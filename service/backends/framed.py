"""The two ways in which an answer's bytes come, for every dialect: as server-sent events, and as one JSON object.

A dialect says what an event or an object means; here stands when it is read, how it may end, and what comes out first.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.analogy import Analogy
from service.backends.run import Piece
from service.backends.sse import EventParser, EventTooLargeError, data_of
from service.codec import DecodeError, JsonObject, parse_object
from service.errors import ApiError, Kind, Upstream

_LARGEST_ANSWER = 64 * 1024 * 1024


def malformed(vendor: str, problem: str) -> ApiError:
    """The error for an answer that is not of the vendor's own format."""
    return ApiError(Kind.BAD_UPSTREAM, f"{vendor}: malformed answer: {problem}", upstream=Upstream(vendor, status=200))


def cut_short(vendor: str) -> ApiError:
    """The error for a stream that ended before the vendor ended the answer."""
    problem = f"{vendor}: the stream ended before the answer was complete"
    return ApiError(Kind.STREAM_CUT, problem, upstream=Upstream(vendor, status=200))


def _no_failure() -> ApiError | None:
    return None


@dataclass(slots=True)
class EventDecoder:
    """Decodes server-sent events. Holds the state of one answer; never reused."""

    vendor: str
    read: Callable[[bytes], CompletionChunk | None]
    """What the data of one event mean; None where they add nothing. ApiError, or DecodeError where malformed."""
    ended: Callable[[], bool]
    """Whether the vendor's end mark was seen, so that nothing more is to be read."""
    complete: Callable[[], bool] | None = None
    """Whether the bytes may end here; None: only after the end mark."""
    failure: Callable[[], ApiError | None] = _no_failure
    """What an event told of that also had something to give out before."""
    analogy: Analogy | None = None
    """Reads events by analogy where that is sound for the reader."""
    done: bool = False
    """Whether the vendor's end mark was seen."""
    _events: EventParser = field(default_factory=EventParser)
    _failure: ApiError | None = None

    def feed(self, data: bytes) -> list[Piece]:
        """The chunks that these bytes complete; an error after them is raised by the next call."""
        if self._failure is not None:
            raise self._failure
        chunks: list[Piece] = []
        events, analogy = self._events, self.analogy
        try:
            events.feed(data)
            while events.at < len(events.text):
                if analogy is not None and (piece := analogy.read(events)) is not None:
                    chunks.append(piece)
                elif not self._decode(chunks):
                    break
        except (DecodeError, EventTooLargeError) as error:
            self._failure = malformed(self.vendor, str(error))
        except ApiError as error:
            self._failure = error
        if self._failure is not None and not chunks:
            raise self._failure
        return chunks

    def _decode(self, chunks: list[Piece]) -> bool:
        """Reads the next event; False where there is none."""
        event = self._events.next()
        if event is None:
            return False
        data = data_of(event)
        if data is None:
            return True
        if chunk := self.read(data):
            chunks.append(chunk)
        if failure := self.failure():
            raise failure
        self.done = self.ended()
        if self.done:
            return False
        if self.analogy is not None:
            self.analogy.learn(event, data, chunk)
        return True

    def close(self) -> list[Piece]:
        """Whatever stands in an unfinished last event; STREAM_CUT where the answer may not end here."""
        if self._failure is not None:
            raise self._failure
        if self.done:
            return []
        try:
            # The blank line after the last event is often missing where the connection ends.
            chunks = self.feed(b"\n\n")
        except ApiError as error:
            raise (cut_short(self.vendor) if error.kind is Kind.BAD_UPSTREAM else error) from None
        if self._failure is None and not self.done and not (self.complete and self.complete()):
            self._failure = cut_short(self.vendor)
            if not chunks:
                raise self._failure
        return chunks


@dataclass(slots=True)
class ObjectDecoder:
    """Decodes one whole JSON object. Never reused."""

    vendor: str
    read: Callable[[JsonObject], list[CompletionChunk]]
    """What the answer means. ApiError, or DecodeError where it is malformed."""
    limit: int = _LARGEST_ANSWER
    """Most bytes of the answer."""
    done: bool = False
    _pieces: list[bytes] = field(default_factory=list[bytes])
    _size: int = 0

    def feed(self, data: bytes) -> list[Piece]:
        """Nothing yet: the answer is read at its end."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size > self.limit:
            raise malformed(self.vendor, f"an answer is larger than {self.limit} bytes")
        return []

    def close(self) -> list[Piece]:
        """The answer, once."""
        if self.done:
            return []
        self.done = True
        try:
            return [*self.read(parse_object(b"".join(self._pieces)))]
        except DecodeError as error:
            raise malformed(self.vendor, str(error)) from None
