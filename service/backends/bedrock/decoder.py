"""Decodes Bedrock's answers: event-stream frames, and whole ones in JSON."""

from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.bedrock.answer import Answer, events_of
from service.backends.bedrock.error import frame_error
from service.backends.bedrock.frames import Frame, FrameError, FrameParser
from service.backends.bedrock.wire import WireError
from service.codec import DecodeError, parse_object
from service.errors import ApiError, Kind, Upstream


@dataclass(slots=True)
class StreamDecoder:
    """Decodes an event stream. Its end mark is `messageStop` and, after it, `metadata`, which has the usage."""

    vendor: str
    _answer: Answer = field(init=False)
    _frames: FrameParser = field(default_factory=FrameParser)
    _failure: ApiError | None = None

    def __post_init__(self) -> None:
        self._answer = Answer(self.vendor)

    @property
    def done(self) -> bool:
        """Whether the end mark was seen."""
        return self._answer.finished and self._answer.reported

    def feed(self, data: bytes) -> list[CompletionChunk]:
        """The chunks that these bytes complete."""
        if self._failure is not None:
            raise self._failure
        chunks: list[CompletionChunk] = []
        try:
            for frame in self._frames.feed(data):
                if chunk := self._chunk(frame):
                    chunks.append(chunk)
                if self.done:
                    break
        except FrameError as error:
            self._failure = malformed(self.vendor, str(error))
        except ApiError as error:
            self._failure = error
        if self._failure is not None and not chunks:
            raise self._failure
        return chunks

    def close(self) -> list[CompletionChunk]:
        """Nothing more; STREAM_CUT where the end mark never came."""
        if self._failure is None and not self.done:
            self._failure = ApiError(
                Kind.STREAM_CUT,
                f"{self.vendor}: the stream ended before the answer was complete",
                upstream=Upstream(self.vendor, status=200),
            )
        if self._failure is not None:
            raise self._failure
        return []

    def _chunk(self, frame: Frame) -> CompletionChunk | None:
        if frame.headers.get(":message-type") != "event":
            raise frame_error(self.vendor, frame)
        try:
            name = frame.headers.get(":event-type", "")
            return self._answer.event(name, parse_object(frame.payload))
        except (DecodeError, WireError) as error:
            raise malformed(self.vendor, str(error)) from None


@dataclass(slots=True)
class AnswerDecoder:
    """Decodes one whole answer."""

    vendor: str
    limit: int = 64 * 1024 * 1024
    done: bool = False
    _pieces: list[bytes] = field(default_factory=list[bytes])
    _size: int = 0

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
        answer = Answer(self.vendor)
        try:
            events = events_of(parse_object(b"".join(self._pieces)))
            return [chunk for event in events if (chunk := answer.event(*event))]
        except (DecodeError, WireError) as error:
            raise malformed(self.vendor, str(error)) from None


def malformed(vendor: str, problem: str) -> ApiError:
    """The error for an answer that is not of Bedrock's own format."""
    return ApiError(Kind.BAD_UPSTREAM, f"{vendor}: malformed answer: {problem}", upstream=Upstream(vendor, status=200))
