"""Decodes Bedrock's answers: event-stream frames, and whole ones in JSON."""

from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.bedrock.answer import Answer, events_of
from service.backends.bedrock.error import frame_error
from service.backends.bedrock.frames import Frame, FrameError, FrameParser
from service.backends.bedrock.wire import WireError
from service.backends.framed import ObjectDecoder, cut_short, malformed
from service.backends.run import Piece
from service.codec import DecodeError, JsonObject, parse_object
from service.errors import ApiError


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

    def feed(self, data: bytes) -> list[Piece]:
        """The chunks that these bytes complete."""
        if self._failure is not None:
            raise self._failure
        chunks: list[Piece] = []
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

    def close(self) -> list[Piece]:
        """Nothing more; STREAM_CUT where the end mark never came."""
        if self._failure is None and not self.done:
            self._failure = cut_short(self.vendor)
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


def object_decoder(vendor: str) -> ObjectDecoder:
    """A decoder of one whole answer."""
    answer = Answer(vendor)

    def read(whole: JsonObject) -> list[CompletionChunk]:
        try:
            return [chunk for event in events_of(whole) if (chunk := answer.event(*event))]
        except WireError as error:
            raise malformed(vendor, str(error)) from None

    return ObjectDecoder(vendor, read)
