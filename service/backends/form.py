"""What events of one kind look like, whichever answer they belong to: their bytes, but for values that differ.

A form is made of one example and verified: with other values in their places, the example is decoded, and must mean the
same but for these. They are values that decoding passes through as they are: ids, times, counts of tokens, texts.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from google.protobuf.message import Message
from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.run import MARK, PADDING_MARK, Template, padding_of, text_of
from service.backends.skeleton import Skeleton, around
from service.backends.sse import END

Decode = Callable[[bytes], CompletionChunk]
"""What the data of an event mean; changes nothing. May raise DecodeError."""

_WORD = rb"[!#-\[\]-~]++"
_NUMBER = rb"(?:0|[1-9][0-9]{0,8}|[1-3][0-9]{9})"
"""What a field of 32 bits holds, and a little less."""
_TEXT = rb'(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])++'
"""Roughly: a skeleton looks closer."""
_PADDING = rb"[A-Za-z0-9]*+"
_FIELDS = re.compile(
    rb'"(?:id|model|name|system_fingerprint)"\s*:\s*"(?P<word>' + _WORD + rb')"'
    rb'|"(?:created|[a-z_]+_tokens)"\s*:\s*(?P<number>' + _NUMBER + rb")(?=[\s,}])"
)
"""Values that differ from answer to answer. Where others do, too, nothing will fit the form."""
_FIRST_NUMBER = 3_000_000_000
"""Marks that stand for numbers count from here."""

Path = tuple[str | int, ...]
"""The names of fields, and the places in lists, that lead to a field of a message."""


class _Gap(NamedTuple):
    """Where a value that differs is in an event's data, and what stands in for it."""

    start: int
    end: int
    pattern: bytes
    mark: bytes


class Recalled(NamedTuple):
    """An event that is like one that was decoded before."""

    chunk: CompletionChunk
    """What it means; where it is text, with MARK in its place."""
    skeleton: Skeleton | None
    """What is around the text, where it is text."""
    end: int
    """Where the next event begins."""


class Form:
    """Made by `form_of`. Never changed, but for `proven`."""

    __slots__ = ("_chunk", "_fields", "_padding", "_slot", "_text", "match", "proven")

    def __init__(self, data: bytes, gaps: list[_Gap], paths: Mapping[bytes, Path], chunk: CompletionChunk) -> None:
        """`chunk` is what the data mean with the marks in their gaps, and the paths are theirs."""
        self.proven = False
        """Whether another event was like it."""
        self._chunk = chunk
        self._slot = found[0] if (found := text_of(chunk)) else None
        self._text = self._padding = 0
        fields: list[tuple[int, Path, str, Callable[[bytes], str | int]]] = []
        pattern, at = b"data: ?", 0
        for group, gap in enumerate(gaps, 1):
            pattern += re.escape(data[at : gap.start]) + b"(" + gap.pattern + b")"
            at = gap.end
            if gap.pattern == _TEXT:
                self._text = group
            elif gap.pattern == _PADDING:
                self._padding = group
            else:
                *owner, name = paths[gap.mark]
                fields.append((group, tuple(owner), str(name), int if gap.pattern == _NUMBER else bytes.decode))
        self._fields = fields
        self.match = re.compile(pattern + re.escape(data[at:] + END)).match
        """Matches an event of this form, its end included."""

    def meaning(self, match: re.Match[bytes]) -> Recalled:
        """What an event says that matches."""
        text, at = match.string, match.start()
        chunk = CompletionChunk()
        chunk.CopyFrom(self._chunk)
        for group, owner, name, value_of in self._fields:
            setattr(_at(chunk, owner) if owner else chunk, name, value_of(match[group]))
        end = match.end()
        if self._slot is None:
            if self._padding:
                chunk.extra_fields = chunk.extra_fields.replace(PADDING_MARK, match[self._padding].decode())
            return Recalled(chunk, None, end)
        before, after = match.span(self._text)
        template = Template(chunk, self._slot, padded=self._padding > 0)
        if not self._padding:
            return Recalled(chunk, Skeleton(text[at:before], b"", text[after : end - len(END)], template), end)
        between = text[after : match.start(self._padding)]
        rest = text[match.end(self._padding) : end - len(END)]
        return Recalled(chunk, Skeleton(text[at:before], between, rest, template), end)


def form_of(data: bytes, decode: Decode) -> Form | None:
    """The form of an event, from its data; None where its values are not found. Raises what `decode` raises."""
    # Data with a line feed were more than one line.
    if MARK.encode() in data or PADDING_MARK.encode() in data or b"\n" in data:
        return None
    chunk = decode(data)
    for texts in _texts(data, chunk):
        gaps = sorted((*texts, *_values(data, texts)))
        # Not all are a field of their own.
        paths = _paths(decode(_filled(data, gaps)))
        gaps = [gap for gap in gaps if gap in texts or gap.mark in paths]
        marked = decode(_filled(data, gaps))
        if _unmarked(marked, data, gaps, paths, chunk) == chunk:
            return Form(data, gaps, paths, marked)
    return None


def _texts(data: bytes, chunk: CompletionChunk) -> Iterator[list[_Gap]]:
    """Where the text and the padding may be."""
    found = text_of(chunk)
    member, padding = padding_of(chunk)
    for before, rest in around(data, found[1]) if found else [(b"", data)]:
        after = len(data) - len(rest)
        gaps = [_Gap(len(before), after, _TEXT, MARK.encode())] if found else []
        if member and (place := next(around(rest, padding), None)):
            between, end = place
            gaps.append(_Gap(after + len(between), len(data) - len(end), _PADDING, PADDING_MARK.encode()))
        yield gaps


def _values(data: bytes, texts: list[_Gap]) -> Iterator[_Gap]:
    """Where other values are that may differ."""
    for index, match in enumerate(_FIELDS.finditer(data)):
        kind = match.lastgroup or ""
        start, end = match.span(kind)
        if any(start < text.end and text.start < end for text in texts):
            continue
        if kind == "word":
            yield _Gap(start, end, _WORD, f"parley-value-{index}".encode())
        else:
            yield _Gap(start, end, _NUMBER, str(_FIRST_NUMBER + index).encode())


def _filled(data: bytes, gaps: Iterable[_Gap]) -> bytes:
    """The data with the marks in their gaps."""
    pieces: list[bytes] = []
    at = 0
    for gap in gaps:
        pieces += (data[at : gap.start], gap.mark)
        at = gap.end
    return b"".join((*pieces, data[at:]))


def _unmarked(
    marked: CompletionChunk, data: bytes, gaps: Iterable[_Gap], paths: Mapping[bytes, Path], like: CompletionChunk
) -> CompletionChunk:
    """The chunk with the values of the data again instead of their marks, where those are in their places."""
    chunk = CompletionChunk()
    chunk.CopyFrom(marked)
    for gap in gaps:
        value = data[gap.start : gap.end].decode()
        if gap.pattern == _PADDING:
            chunk.extra_fields = chunk.extra_fields.replace(PADDING_MARK, value)
        elif gap.pattern == _TEXT:
            found, meant = text_of(marked), text_of(like)
            if found and meant and found == (meant[0], MARK):
                found[0].write(chunk, meant[1])
        elif str(_at(marked, paths[gap.mark])).encode() == gap.mark:
            *owner, name = paths[gap.mark]
            setattr(_at(chunk, owner), str(name), int(value) if gap.pattern == _NUMBER else value)
    return chunk


def _at(message: Any, path: Iterable[str | int]) -> Any:
    for step in path:
        message = getattr(message, step) if isinstance(step, str) else message[step]
    return message


def _paths(message: Message) -> dict[bytes, Path]:
    """Where each word and each number is in a message, but for those that are in it twice."""
    scalars = [(str(value).encode(), path) for path, value in _scalars(message, ())]
    often = Counter(word for word, _ in scalars)
    return {word: path for word, path in scalars if often[word] == 1}


def _scalars(message: Message, path: Path) -> Iterator[tuple[Path, str | int]]:
    for field, value in message.ListFields():
        here = (*path, field.name)
        if field.message_type is None:
            if isinstance(value, str | int):
                yield here, value
        elif field.is_repeated:
            for index, each in enumerate(value):
                yield from _scalars(each, (*here, index))
        else:
            yield from _scalars(value, here)
