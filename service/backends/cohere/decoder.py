"""Decodes Cohere's answers, streamed and whole."""

from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.cohere.answer import Answer
from service.backends.cohere.whole import events_of
from service.backends.sse import EventParser, EventTooLargeError
from service.codec import DecodeError, parse_object
from service.errors import ApiError, Kind, Upstream


@dataclass(slots=True)
class StreamDecoder:
    """Decodes server-sent events that end with `message-end`."""

    answer: Answer
    _events: EventParser = field(default_factory=EventParser)
    _failure: ApiError | None = None

    @classmethod
    def of(cls, vendor: str) -> "StreamDecoder":
        """A decoder of one answer."""
        return cls(Answer(vendor))

    @property
    def done(self) -> bool:
        """Whether `message-end` was seen."""
        return self.answer.done

    def feed(self, data: bytes) -> list[CompletionChunk]:
        """The chunks that these bytes complete."""
        if self._failure is not None:
            raise self._failure
        chunks: list[CompletionChunk] = []
        try:
            for event in self._events.feed(data):
                if chunk := self._chunk(event.data):
                    chunks.append(chunk)
                if self.done:
                    break
        except EventTooLargeError as error:
            self._failure = self.answer.malformed(str(error))
        except ApiError as error:
            self._failure = error
        if self._failure is not None and not chunks:
            raise self._failure
        return chunks

    def close(self) -> list[CompletionChunk]:
        """Whatever stands in an unfinished last event; STREAM_CUT where the end mark never came."""
        if self._failure is not None:
            raise self._failure
        if self.done:
            return []
        vendor = self.answer.vendor
        cut = ApiError(
            Kind.STREAM_CUT,
            f"{vendor}: the stream ended before the answer was complete",
            upstream=Upstream(vendor, status=200),
        )
        try:
            # The blank line after the last event is often missing where the connection ends.
            chunks = self.feed(b"\n\n")
        except ApiError as error:
            raise (cut if error.kind is Kind.BAD_UPSTREAM else error) from None
        if self._failure is None and not self.done:
            self._failure = cut
        if self._failure is not None and not chunks:
            raise self._failure
        return chunks

    def _chunk(self, data: bytes) -> CompletionChunk | None:
        try:
            return self.answer.event(parse_object(data))
        except DecodeError as error:
            raise self.answer.malformed(str(error)) from None


@dataclass(slots=True)
class AnswerDecoder:
    """Decodes one whole JSON answer, as if it had come in events."""

    answer: Answer
    limit: int = 64 * 1024 * 1024
    """Most bytes of the answer."""
    _pieces: list[bytes] = field(default_factory=list[bytes])
    _size: int = 0

    @classmethod
    def of(cls, vendor: str) -> "AnswerDecoder":
        """A decoder of one answer."""
        return cls(Answer(vendor))

    @property
    def done(self) -> bool:
        """Whether the answer was read, which happens at the end of the bytes."""
        return self.answer.done

    def feed(self, data: bytes) -> list[CompletionChunk]:
        """Nothing yet: the answer is read at its end."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size > self.limit:
            raise self.answer.malformed(f"an answer is larger than {self.limit} bytes")
        return []

    def close(self) -> list[CompletionChunk]:
        """The answer, once."""
        if self.done:
            return []
        try:
            events = events_of(parse_object(b"".join(self._pieces)))
        except DecodeError as error:
            raise self.answer.malformed(str(error)) from None
        return [chunk for event in events if (chunk := self.answer.event(event))]
