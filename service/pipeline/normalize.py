"""Makes every vendor's chunks alike in what callers rely on: one id, the asked-for model, the role once, usage last."""

import time
import uuid
from collections.abc import Iterable

from parley.chat.v1.completion_pb2 import CompletionChunk, Usage

from service.backends.run import Piece, Run


class Normalizer:
    """State of one answer; never reused.

    :param model: the model, by the name that the request gave.
    """

    __slots__ = ("_created", "_id", "_model", "_report", "_roles", "finish_reason", "usage")

    def __init__(self, model: str) -> None:
        self._model = model
        self.usage: Usage | None = None
        """The vendor's last report, which is cumulative."""
        self.finish_reason = ""
        """The last that came."""
        self._id = ""
        self._created = 0
        self._report = ""
        self._roles: set[int] = set()

    def batch(self, pieces: Iterable[Piece]) -> list[Piece]:
        """The chunks, changed in place; those that only report usage are taken out."""
        kept: list[Piece] = []
        for piece in pieces:
            if isinstance(piece, Run):
                if not piece.template.normal:
                    kept += self._run(piece)
                else:
                    kept.append(piece)
            elif self._chunk(piece):
                kept.append(piece)
        return kept

    def last(self) -> CompletionChunk | None:
        """The chunk that reports the usage, where the vendor did."""
        if self.usage is None:
            return None
        chunk = CompletionChunk(usage=self.usage, extra_fields=self._report)
        self._stamp(chunk)
        return chunk

    def _run(self, run: Run) -> list[Piece]:
        template, pieces = run.template, list[Piece]()
        if template.chunk.choices[0].index in self._roles:
            pieces.append(run)
        else:
            # The first of an answer is not like the others.
            pieces += run.divided()
            self.batch(pieces[:1])
        self._chunk(template.chunk)
        template.normal = True
        return pieces

    def _chunk(self, chunk: CompletionChunk) -> bool:
        if not self._id:
            self._id = chunk.id or f"chatcmpl-{uuid.uuid4().hex}"
            self._created = chunk.created or int(time.time())
        self._stamp(chunk)
        if chunk.HasField("usage"):
            if not chunk.choices:
                # What else stands there belongs to the report, which comes last or not at all.
                self.usage = chunk.usage
                self._report = chunk.extra_fields
                return False
            self.usage = Usage()
            self.usage.CopyFrom(chunk.usage)
            chunk.ClearField("usage")
        for choice in chunk.choices:
            delta = choice.delta
            if not choice.HasField("index"):
                choice.index = 0
            if choice.index not in self._roles:
                self._roles.add(choice.index)
                delta.role = "assistant"
            elif delta.role:
                delta.role = ""
            if choice.finish_reason:
                self.finish_reason = choice.finish_reason
            for position, call in enumerate(delta.tool_calls):
                if not call.HasField("index"):
                    call.index = position
        return True

    def _stamp(self, chunk: CompletionChunk) -> None:
        chunk.id = self._id
        chunk.object = "chat.completion.chunk"
        chunk.created = self._created
        chunk.model = self._model
