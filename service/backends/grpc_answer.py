"""Decodes answers that came over gRPC, for every dialect of it: a dialect says what a message and a status mean."""

from collections.abc import Callable
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError
from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.framed import cut_short, malformed
from service.backends.grpc_frames import STATUS, FrameError, FrameParser, Metadata, read_metadata
from service.backends.grpc_status import BROKEN, Told, read_status
from service.backends.run import Piece
from service.errors import ApiError


def _unheard(metadata: Metadata) -> None:
    """Nobody wants to know."""


@dataclass(slots=True)
class MessageDecoder:
    """Decodes the frames of one answer, streamed or whole; never reused."""

    vendor: str
    read: Callable[[bytes], CompletionChunk | None]
    """What one message means; None where it adds nothing. ApiError, or protobuf's DecodeError where malformed."""
    failure: Callable[[Told], ApiError]
    """What a status other than OK means."""
    complete: Callable[[], bool] = lambda: True
    """Whether the vendor may end the answer here."""
    note: Callable[[Metadata], None] = _unheard
    """Hears the metadata that the answer begins and ends with."""
    detailed: bool = False
    """Whether the vendor's own errors all have details, so that one without is of something between us and it."""
    done: bool = False
    """Whether the status was seen."""
    _frames: FrameParser = field(default_factory=FrameParser)
    _failure: ApiError | None = None
    _begun: bool = False

    def feed(self, data: bytes) -> list[Piece]:
        """The chunks that these bytes complete; an error after them is raised by the next call."""
        if self._failure is not None:
            raise self._failure
        chunks: list[Piece] = []
        try:
            for frame in self._frames.feed(data):
                if frame.is_metadata:
                    self._metadata(read_metadata(frame.payload))
                    if self.done:
                        break
                    continue
                self._begun = True
                if chunk := self.read(frame.payload):
                    chunks.append(chunk)
        except (DecodeError, FrameError) as error:
            self._failure = malformed(self.vendor, str(error))
        except ApiError as error:
            self._failure = error
        return self._out(chunks)

    def close(self) -> list[Piece]:
        """Nothing more; STREAM_CUT where the status is missing."""
        if self._failure is None and not self.done:
            self._failure = cut_short(self.vendor)
        if self._failure is not None:
            raise self._failure
        return []

    def _metadata(self, metadata: Metadata) -> None:
        self.note(metadata)
        if STATUS not in metadata:
            return
        told = read_status(metadata)
        if not told.code:
            if not self._begun:
                raise malformed(self.vendor, "no message before its end")
            if not self.complete():
                raise cut_short(self.vendor)
            self.done = True
            return
        if self.detailed and self._begun and told.code in BROKEN and not told.detailed:
            raise cut_short(self.vendor)
        raise self.failure(told)

    def _out(self, chunks: list[Piece]) -> list[Piece]:
        if self._failure is not None and not chunks:
            raise self._failure
        return chunks
