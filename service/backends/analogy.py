"""Reads events of text by analogy: most of a stream's events differ from one before in one JSON string only.

What is learnt is verified, and what fits is valid by its form, so that nothing is read otherwise than it would be by
decoding it; what does not fit is decoded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.form import Recalled
from service.backends.memory import Memory
from service.backends.run import MARK, PADDING_MARK, Piece, Slot, Template, padding_of, text_of
from service.backends.skeleton import Skeleton, around
from service.backends.sse import EventParser, data_of
from service.codec import DecodeError
from service.errors import ApiError

_PATIENCE = 4
"""How many skeletons may be learnt in a row that nothing fits."""
_MOST_SKELETONS = 8


class Like(NamedTuple):
    """What an event means that is like the last one."""

    chunk: CompletionChunk | None
    note: Callable[[Sequence[str]], None] | None = None
    """Takes note of the texts of more such events, where the reader keeps what was said."""


def _as_it_is(chunk: CompletionChunk) -> CompletionChunk:
    return chunk


@dataclass(slots=True)
class Analogy:
    """What was learnt of one answer; never reused.

    Sound for a reader that an event of text leaves as it was, but for what `Like.note` takes note of.
    """

    like: Callable[[bytes], Like]
    """What an event means that comes after one of the same kind; changes nothing. May raise as reading does."""
    memory: Memory | None = None
    """What answers before this one had in common, for a reader to which an event means the same wherever it stands."""
    recalled: Callable[[CompletionChunk], CompletionChunk] = _as_it_is
    """Takes note of a chunk that was not read but recalled, and makes of it what reading does. May raise so, too."""
    _skeletons: list[Skeleton] = field(default_factory=list[Skeleton])
    _in_vain: int = 0
    _begun: bool = False

    def read(self, events: EventParser) -> Piece | None:
        """As many of the next events as are like one that was learnt, or one that is like another answer's.

        None where the next event is to be decoded.
        """
        for skeleton in self._skeletons:
            if found := skeleton.run(events.text, events.at):
                run, events.at = found
                self._in_vain = 0
                if skeleton.note is not None:
                    skeleton.note(run.strings())
                return run
        if self.memory is not None and (known := self.memory.recall(events.text, events.at)):
            return self._recall(events, known)
        return None

    def _recall(self, events: EventParser, known: Recalled) -> Piece | None:
        run, end = None, known.end
        if (skeleton := known.skeleton) is not None:
            found = skeleton.run(events.text, events.at)
            if found is None:
                return None
            run, end = found
            self._add(skeleton)
        self._begun = True
        events.at = end
        chunk = self.recalled(known.chunk)
        return run or chunk

    def learn(self, event: bytes, data: bytes, chunk: CompletionChunk | None) -> None:
        """Learns from an event that was decoded, where it holds text; any other may have changed what texts mean."""
        first, self._begun = not self._begun, True
        found = text_of(chunk) if chunk else None
        if chunk and found and first and chunk.choices[0].delta.role:
            # The first event alone says who speaks, and with most vendors no other does.
            return
        if not chunk or not found:
            self._skeletons.clear()
        elif self._in_vain < _PATIENCE and (skeleton := self._skeleton(event, data, chunk, *found)):
            self._in_vain += 1
            self._add(skeleton)

    def _add(self, skeleton: Skeleton) -> None:
        self._skeletons = [skeleton, *self._skeletons[: _MOST_SKELETONS - 1]]

    def _skeleton(self, event: bytes, data: bytes, chunk: CompletionChunk, slot: Slot, text: str) -> Skeleton | None:
        if MARK.encode() in data or PADDING_MARK.encode() in data or not event.endswith(data):
            return None
        names = event.removesuffix(data)
        expected = CompletionChunk()
        expected.CopyFrom(chunk)
        slot.write(expected, MARK)
        member, padding = padding_of(chunk)
        if member:
            expected.extra_fields = chunk.extra_fields.replace(
                f'"{member}":"{padding}"', f'"{member}":"{PADDING_MARK}"'
            )
        for before, rest in around(data, text):
            between, after = next(around(rest, padding), (b"", rest)) if member else (b"", rest)
            filled = before + MARK.encode() + between + (PADDING_MARK.encode() if between else b"") + after
            try:
                like = self.like(filled)
            except (ApiError, DecodeError):
                continue
            if like.chunk == expected and data_of(names + filled) == filled:
                template = Template(expected, slot, bool(between))
                return Skeleton(names + before, between, after, template, like.note)
        return None
