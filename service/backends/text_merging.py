"""Fewer and larger chunks out of those that arrived together, whether their vendor's events were decoded or not."""

from collections.abc import Iterable
from dataclasses import dataclass

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.run import Piece, Run, Slot, padding_of, text_of


@dataclass(slots=True)
class _Group:
    """Chunks in a row that differ in their text, and in the vendor's padding, only."""

    slot: Slot
    rest: CompletionChunk
    """What they have in common."""
    last: CompletionChunk
    texts: list[str]

    def whole(self) -> CompletionChunk:
        """One chunk with all of the text, and the last padding."""
        if len(self.texts) == 1:
            return self.last
        chunk = CompletionChunk()
        chunk.CopyFrom(self.last)
        self.slot.write(chunk, "".join(self.texts))
        return chunk


def text_merged(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces, those in a row that differ in nothing but their text made one."""
    result: list[Piece] = []
    group: _Group | None = None
    for piece in pieces:
        found = None if isinstance(piece, Run) else _group_of(piece)
        if group is not None and found is not None and group.slot is found.slot and group.rest == found.rest:
            group.last = found.last
            group.texts += found.texts
            continue
        if group is not None:
            result.append(group.whole())
        group = found
        if found is None:
            result.append(piece.merged() if isinstance(piece, Run) else piece)
    return result if group is None else [*result, group.whole()]


def _group_of(chunk: CompletionChunk) -> _Group | None:
    """A chunk alone; None where it holds anything but text, or no text."""
    found = text_of(chunk)
    if found is None:
        return None
    slot, text = found
    rest = CompletionChunk()
    rest.CopyFrom(chunk)
    slot.write(rest, "")
    member, padding = padding_of(chunk)
    if member:
        rest.extra_fields = chunk.extra_fields.replace(f'"{member}":"{padding}"', f'"{member}":""')
    return _Group(slot, rest, chunk, [text])
