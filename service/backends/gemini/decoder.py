"""Decodes answers of vendors that speak Gemini's generateContent, streamed and whole."""

from dataclasses import dataclass, field
from typing import Self

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.gemini.answer import Answer
from service.backends.sse import EventParser, EventTooLargeError
from service.codec import DecodeError, parse_object
from service.errors import ApiError, Kind, Upstream


@dataclass(slots=True)
class StreamDecoder:
    """Decodes server-sent events, which end with the connection once every candidate has its finish reason."""

    vendor: str
    done: bool = False
    """Never: reports of usage may follow the last finish reason."""
    _answer: Answer = field(kw_only=True)
    _events: EventParser = field(default_factory=EventParser)
    _failure: ApiError | None = None

    @classmethod
    def of(cls, vendor: str, *, quoted: bool) -> Self:
        """A decoder of one stream."""
        return cls(vendor, _answer=Answer(vendor, quoted))

    def feed(self, data: bytes) -> list[CompletionChunk]:
        """The chunks that these bytes complete."""
        if self._failure is not None:
            raise self._failure
        chunks: list[CompletionChunk] = []
        try:
            for event in self._events.feed(data):
                chunks.append(self._answer.take(parse_object(event.data)))
                if self._answer.failure is not None:
                    raise self._answer.failure
        except (DecodeError, EventTooLargeError) as error:
            self._failure = malformed(self.vendor, str(error))
        except ApiError as error:
            self._failure = error
        if self._failure is not None and not chunks:
            raise self._failure
        return chunks

    def close(self) -> list[CompletionChunk]:
        """Whatever stands in an unfinished last event; STREAM_CUT where a finish reason is missing."""
        if self._failure is not None:
            raise self._failure
        cut = ApiError(
            Kind.STREAM_CUT,
            f"{self.vendor}: the stream ended before the answer was complete",
            upstream=Upstream(self.vendor, status=200),
        )
        try:
            # The blank line after the last event is often missing where the connection ends.
            chunks = self.feed(b"\n\n")
        except ApiError as error:
            raise (cut if error.kind is Kind.BAD_UPSTREAM else error) from None
        if self._failure is None and not self._answer.complete:
            self._failure = cut
        if self._failure is not None and not chunks:
            raise self._failure
        return chunks


@dataclass(slots=True)
class AnswerDecoder:
    """Decodes one whole JSON answer, into the one chunk that says all of it."""

    vendor: str
    limit: int = 64 * 1024 * 1024
    done: bool = False
    _answer: Answer = field(kw_only=True)
    _pieces: list[bytes] = field(default_factory=list[bytes])
    _size: int = 0

    @classmethod
    def of(cls, vendor: str, *, quoted: bool) -> Self:
        """A decoder of one answer."""
        return cls(vendor, _answer=Answer(vendor, quoted))

    def feed(self, data: bytes) -> list[CompletionChunk]:
        """Nothing yet: the answer is read at its end."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size > self.limit:
            raise malformed(self.vendor, f"an answer is larger than {self.limit} bytes")
        return []

    def close(self) -> list[CompletionChunk]:
        """The answer, once."""
        if self.done:
            return []
        self.done = True
        try:
            chunk = self._answer.take(parse_object(b"".join(self._pieces)))
        except DecodeError as error:
            raise malformed(self.vendor, str(error)) from None
        if self._answer.failure is not None:
            raise self._answer.failure
        if not self._answer.complete:
            raise malformed(self.vendor, "no candidate, or one without a finish reason")
        return [chunk]


def malformed(vendor: str, problem: str) -> ApiError:
    """The error for an answer that is not of the vendor's own format."""
    return ApiError(Kind.BAD_UPSTREAM, f"{vendor}: malformed answer: {problem}", upstream=Upstream(vendor, status=200))
