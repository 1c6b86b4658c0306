"""Reads events of text by analogy: most of a stream's events differ from one before in one JSON string only.

What is learnt is verified, and what fits is valid by its form, so that nothing is read otherwise than it would be by
decoding it; what does not fit is decoded.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson
from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.run import MARK, PADDING_MARK, SLOTS, Run, Slot, Template
from service.backends.sse import END, EventParser, data_of
from service.codec import DecodeError, parse_object
from service.errors import ApiError

_STRINGS = re.compile(
    rb"""[^"\\\x00-\x1f]*+
    (?:
        (?: \n
          | \\["\\/bfnrt]
          | \\u(?:[0-9a-cA-CefEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2})
          | \\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}
        )
        [^"\\\x00-\x1f]*+
    )*+""",
    re.VERBOSE,
)
"""Bodies of JSON strings (https://www.rfc-editor.org/rfc/rfc8259#section-7) with line feeds, which none has, between.
Halves of surrogate pairs, which have no place in UTF-8, are left to the decoder."""

_PADDINGS = ("obfuscation", "p")
"""Members with which OpenAI and Mistral hide the lengths of their tokens: they differ from event to event, too."""

_PATIENCE = 4
"""How many skeletons may be learnt in a row that nothing fits."""
_MOST_SKELETONS = 8
_MOST_PLACES = 4


class Like(NamedTuple):
    """What an event means that is like the last one."""

    chunk: CompletionChunk | None
    note: Callable[[Sequence[str]], None] | None = None
    """Takes note of the texts of more such events, where the reader keeps what was said."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What the events of a run have in common."""

    before: bytes
    """All of an event, from its first line on, up to the text."""
    between: bytes
    """What is between the text and the padding; empty where there is none."""
    after: bytes
    """The rest of the event, its end included."""
    template: Template
    note: Callable[[Sequence[str]], None] | None

    def run(self, text: bytes, at: int) -> tuple[Run, int] | None:
        """As many events, from `at` on, as fit, and where the next begins; None where the first does not."""
        before, after = self.before, self.after
        if not text.startswith(before, at):
            return None
        bodies = text[at + len(before) :].split(after + before)
        # Something else may follow, or the event may be another's, or not complete.
        bodies[-1], end, _ = bodies[-1].partition(after)
        if not end:
            bodies.pop()
        run = self._padded(bodies) if self.between else self._plain(bodies)
        if run is None:
            return None
        number = len(run.texts)
        inner = sum(map(len, run.texts)) + sum(map(len, run.paddings)) + number * len(self.between)
        return run, at + number * (len(before) + len(after)) + inner

    def _plain(self, bodies: list[bytes]) -> Run | None:
        texts = bodies if _all_valid(bodies) else self._fitting(bodies)
        if b"" in texts:
            del texts[texts.index(b"") :]
        return Run(self.template, texts) if texts else None

    def _padded(self, bodies: list[bytes]) -> Run | None:
        texts: list[bytes] = []
        paddings: list[bytes] = []
        for body in bodies:
            text, between, rest = body.partition(self.between)
            padding, end, _ = rest.partition(self.after)
            # An escape would have another form in a chunk.
            if not text or not between or not (padding.isalnum() or not padding):
                break
            texts.append(text)
            paddings.append(padding)
            if end:
                break
        number = _valid(texts)
        return Run(self.template, texts[:number], paddings[:number]) if number else None

    def _fitting(self, bodies: list[bytes]) -> list[bytes]:
        """Those from the first on that are bodies of JSON strings; the last may be followed by another event."""
        number = _valid(bodies)
        if number < len(bodies):
            body, end, _ = bodies[number].partition(self.after)
            bodies[number:] = [body] if end and _all_valid([body]) else []
        return bodies


@dataclass(slots=True)
class Analogy:
    """What was learnt of one answer; never reused.

    Sound for a reader that an event of text leaves as it was, but for what `Like.note` takes note of.
    """

    like: Callable[[bytes], Like]
    """What an event means that comes after one of the same kind; changes nothing. May raise as reading does."""
    _skeletons: list[Skeleton] = field(default_factory=list[Skeleton])
    _in_vain: int = 0
    _begun: bool = False

    def run(self, events: EventParser) -> Run | None:
        """As many of the next events as are like one that was learnt."""
        for skeleton in self._skeletons:
            if found := skeleton.run(events.text, events.at):
                run, events.at = found
                self._in_vain = 0
                if skeleton.note is not None:
                    skeleton.note(run.strings())
                return run
        return None

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
        for before, rest in _around(data, text):
            between, after = next(_around(rest, padding), (b"", rest)) if member else (b"", rest)
            filled = before + MARK.encode() + between + (PADDING_MARK.encode() if between else b"") + after
            try:
                like = self.like(filled)
            except (ApiError, DecodeError):
                continue
            if like.chunk == expected and data_of(names + filled) == filled:
                template = Template(expected, slot, bool(between))
                return Skeleton(names + before, between, after + END, template, like.note)
        return None


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


def _around(data: bytes, text: str) -> Iterator[tuple[bytes, bytes]]:
    """What is before and after each value that is this text, the quotes included, as far as it is worth looking."""
    forms = [orjson.dumps(text)] if text.isascii() else [orjson.dumps(text), json.dumps(text).encode()]
    for form in (quoted[1:-1] for quoted in forms):
        at = -1
        for _ in range(_MOST_PLACES):
            at = data.find(b'"' + form + b'"', at + 1)
            if at < 0:
                break
            if data[:at].rstrip().endswith(b":"):
                yield data[: at + 1], data[at + 1 + len(form) :]


def _valid(bodies: list[bytes]) -> int:
    """How many, from the first on, are bodies of JSON strings."""
    if _all_valid(bodies):
        return len(bodies)
    return next((number for number, body in enumerate(bodies) if not _all_valid([body])), 0)


def _all_valid(bodies: list[bytes]) -> bool:
    if not bodies:
        return True
    joined = b"\n".join(bodies)
    if _STRINGS.fullmatch(joined) is None or joined.count(b"\n") != len(bodies) - 1:
        return False
    try:
        joined.decode()
    except UnicodeDecodeError:
        return False
    return True
