"""Runs of text: many chunks that differ in one text only, kept as that text, so that they cost next to nothing each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias, cast

import orjson
from parley.chat.v1.completion_pb2 import CompletionChunk

from service.codec import parse_object

MARK = "parley-text-of-a-run"
"""Stands in a template for the text in which its chunks differ."""
PADDING_MARK = "parley-padding-of-a-run"
"""Stands in a template's unknown members for the padding in which its chunks differ, too."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place of a chunk with one choice where generated text may stand."""

    read: Callable[[CompletionChunk], str]
    write: Callable[[CompletionChunk, str], None]


def _write_content(chunk: CompletionChunk, text: str) -> None:
    chunk.choices[0].delta.content = text


def _write_reasoning(chunk: CompletionChunk, text: str) -> None:
    chunk.choices[0].delta.reasoning_content = text


def _read_arguments(chunk: CompletionChunk) -> str:
    calls = chunk.choices[0].delta.tool_calls
    return calls[0].function.arguments if len(calls) == 1 else ""


def _write_arguments(chunk: CompletionChunk, text: str) -> None:
    chunk.choices[0].delta.tool_calls[0].function.arguments = text


SLOTS: Mapping[str, Slot] = MappingProxyType(
    {
        "content": Slot(lambda chunk: chunk.choices[0].delta.content, _write_content),
        "reasoning_content": Slot(lambda chunk: chunk.choices[0].delta.reasoning_content, _write_reasoning),
        "arguments": Slot(_read_arguments, _write_arguments),
    }
)
"""By the name of the field."""

_PADDINGS = ("obfuscation", "p")
"""Members with which OpenAI and Mistral hide the lengths of their tokens: they differ from event to event, too."""


def text_of(chunk: CompletionChunk) -> tuple[Slot, str] | None:
    """The one text of a chunk that may be one of a run."""
    if len(chunk.choices) != 1 or chunk.HasField("usage"):
        return None
    choice = chunk.choices[0]
    if choice.finish_reason:
        return None
    found = [(slot, text) for slot in SLOTS.values() if (text := slot.read(chunk))]
    return found[0] if len(found) == 1 else None


def padding_of(chunk: CompletionChunk) -> tuple[str, str]:
    """The padding's member and its text; empty where there is none, or one that is more than letters and digits."""
    if not chunk.extra_fields:
        return "", ""
    members = parse_object(chunk.extra_fields)
    for name in _PADDINGS:
        value = members.get(name)
        if isinstance(value, str) and (value.isalnum() or not value) and value.isascii():
            return name, value
    return "", ""


Writer: TypeAlias = Callable[[CompletionChunk], bytes]
"""Writes a chunk as JSON, with whatever stands around it."""


@dataclass(slots=True, eq=False)
class Template:
    """What the chunks of a run have in common. Belongs to one answer."""

    chunk: CompletionChunk
    """A chunk whose text is MARK; to be changed, as chunks are, in place, but only until it is first written."""
    slot: Slot
    padded: bool = False
    """Whether its unknown members have padding, now PADDING_MARK."""
    normal: bool = False
    """Whether it has been made like the chunks of every other vendor."""
    written: dict[Writer, tuple[bytes, ...] | None] = field(
        default_factory=dict[Writer, "tuple[bytes, ...] | None"], repr=False
    )
    """The chunk as each writer wrote it, cut at its marks; None where a text of its own looks like a mark."""

    def cut(self, data: bytes) -> tuple[bytes, ...] | None:
        """The chunk that was written, around its marks."""
        before, _, after = data.partition(MARK.encode())
        parts = (before, *after.split(PADDING_MARK.encode())) if self.padded else (before, after)
        whole = MARK.encode() not in after and PADDING_MARK.encode() not in before
        return parts if whole and len(parts) == 2 + self.padded else None


@dataclass(slots=True)
class Run:
    """As many chunks as there are texts."""

    template: Template
    texts: list[bytes]
    """Bodies of JSON strings: valid, but still escaped, and without their quotes. None is empty."""
    paddings: Sequence[bytes] = ()
    """Likewise, of the vendor's padding; as many as texts where the template has padding, else none."""

    def strings(self) -> list[str]:
        """The texts, without their escapes."""
        return cast("list[str]", orjson.loads(b'["' + b'","'.join(self.texts) + b'"]'))

    def chunks(self) -> list[CompletionChunk]:
        """The chunks, each a message of its own."""
        chunks: list[CompletionChunk] = []
        write = self.template.slot.write
        for text in self.strings():
            chunk = CompletionChunk()
            chunk.CopyFrom(self.template.chunk)
            write(chunk, text)
            chunks.append(chunk)
        for chunk, padding in zip(chunks, self.paddings, strict=False):
            chunk.extra_fields = chunk.extra_fields.replace(PADDING_MARK, padding.decode())
        return chunks

    def divided(self) -> "list[Piece]":
        """The first chunk, and a run of the others where there are any."""
        first = Run(self.template, self.texts[:1], self.paddings[:1]).chunks()
        rest = Run(self.template, self.texts[1:], self.paddings[1:])
        return [*first, rest] if rest.texts else [*first]

    def merged(self) -> "Run":
        """One chunk with all of the text, and the last padding."""
        return Run(self.template, [b"".join(self.texts)], self.paddings[-1:])

    def write(self, write: Writer) -> bytes:
        """What `write` would write for the chunks, one after the other; texts stay escaped as they came."""
        template = self.template
        if write not in template.written:
            template.written[write] = template.cut(write(template.chunk))
        parts = template.written[write]
        if parts is None:
            return b"".join(map(write, self.chunks()))
        first, last = parts[0], parts[-1]
        if not self.paddings:
            return first + (last + first).join(self.texts) + last
        pairs = zip(self.texts, self.paddings, strict=True)
        return first + (last + first).join([text + parts[1] + padding for text, padding in pairs]) + last


Piece: TypeAlias = CompletionChunk | Run
"""What goes through the pipeline."""


class Last(list[Piece]):
    """The last pieces of an answer: nothing is waited for after them, so what else its end brings may go with them."""

    __slots__ = ()


def expanded(pieces: Iterable[Piece]) -> list[CompletionChunk]:
    """The chunks, those of runs among them, for those who look into each."""
    return [chunk for piece in pieces for chunk in (piece.chunks() if isinstance(piece, Run) else (piece,))]


def merged(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces, each run made one chunk."""
    return [piece.merged() if isinstance(piece, Run) else piece for piece in pieces]


def sample(piece: Piece) -> CompletionChunk:
    """A chunk that says what a piece says besides its text, which may be another."""
    return piece.template.chunk if isinstance(piece, Run) else piece
