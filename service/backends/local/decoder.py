"""Finishes the engine's chunks: calls out of text, the stop sequence back in, and no more than was asked for."""

from dataclasses import dataclass

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.dialect import Decoder
from service.backends.local.calls import CallReader
from service.backends.run import Piece, Run, expanded
from service.codec import dumps, parse_object

_REPORT = "__verbose"


@dataclass(slots=True)
class LocalDecoder:
    """Around a decoder of the family; never reused."""

    inner: Decoder
    calls: CallReader | None = None
    """None where there are no tools."""
    keeps_stop: bool = False
    """Whether the sequence that ended the answer belongs to it."""
    no_alternatives: bool = False
    """Whether log probabilities come without alternatives."""

    @property
    def done(self) -> bool:
        return self.inner.done

    def feed(self, data: bytes) -> list[Piece]:
        """The chunks that these bytes complete."""
        return self._finish(self.inner.feed(data))

    def close(self) -> list[Piece]:
        """The chunks that the end completes."""
        # Chunks that hold nothing yet must not look like the end.
        while batch := self.inner.close():
            if finished := self._finish(batch):
                return finished
        return []

    def _finish(self, chunks: list[Piece]) -> list[Piece]:
        calls = self.calls
        if calls is not None or self.keeps_stop:
            # Here the text itself matters.
            chunks = [*expanded(chunks)]
        for chunk in chunks:
            if isinstance(chunk, Run):
                continue
            if self.keeps_stop and _REPORT in chunk.extra_fields:
                _put_stop_back(chunk)
            if self.no_alternatives:
                for choice in chunk.choices:
                    for token in choice.logprobs.content if choice.HasField("logprobs") else ():
                        token.ClearField("top_logprobs")
        return [chunk for chunk in chunks if isinstance(chunk, Run) or calls is None or calls.read(chunk)]


def _put_stop_back(chunk: CompletionChunk) -> None:
    members = parse_object(chunk.extra_fields)
    report = members.pop(_REPORT, None)
    chunk.extra_fields = dumps(members).decode() if members else ""
    word = report.get("stopping_word") if isinstance(report, dict) else None
    for choice in chunk.choices:
        if choice.finish_reason and isinstance(word, str) and word:
            choice.delta.content += word
