"""What stands around the text in events that differ in nothing else, and how a run of such events is found in bytes."""

import json
import re
from collections.abc import Callable, Iterator, Sequence

import orjson

from service.backends.run import Run, Template
from service.backends.sse import END

_strings = re.compile(
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
).fullmatch
"""Bodies of JSON strings (https://www.rfc-editor.org/rfc/rfc8259#section-7) with line feeds, which none has, between.
Halves of surrogate pairs, which have no place in UTF-8, are left to the decoder."""

_MOST_PLACES = 4


class Skeleton:
    """What the events of a run have in common.

    :param before: all of an event, from its first line on, up to the text.
    :param between: what is between the text and the padding; empty where there is none.
    :param after: the rest of the event, without its end.
    :param note: takes note of the texts, where the reader keeps what was said.
    """

    __slots__ = ("_after", "_before", "_between", "note", "template")

    def __init__(
        self,
        before: bytes,
        between: bytes,
        after: bytes,
        template: Template,
        note: Callable[[Sequence[str]], None] | None = None,
    ) -> None:
        self.template = template
        self.note = note
        self._before = before
        self._between = between
        self._after = after + END

    def run(self, text: bytes, at: int) -> tuple[Run, int] | None:
        """As many events, from `at` on, as fit, and where the next begins; None where the first does not."""
        before = self._before
        if not text.startswith(before, at):
            return None
        skipped = len(before)
        bodies: list[bytes] = []
        # The last is what follows the last end.
        for event in text[at:].split(self._after)[:-1]:
            if not event.startswith(before):
                break
            bodies.append(event[skipped:])
        if self._between:
            return self._padded(bodies, at)
        if b"" in bodies:
            del bodies[bodies.index(b"") :]
        joined = b"\n".join(bodies)
        if not (_strings(joined) and joined.count(b"\n") < len(bodies) and (joined.isascii() or _is_utf8(joined))):
            del bodies[_valid(bodies) :]
        if not bodies:
            return None
        end = at + len(bodies) * (skipped + len(self._after)) + sum(map(len, bodies))
        return Run(self.template, bodies), end

    def _padded(self, bodies: list[bytes], at: int) -> tuple[Run, int] | None:
        texts: list[bytes] = []
        paddings: list[bytes] = []
        for body in bodies:
            text, between, padding = body.partition(self._between)
            # An escape would have another form in a chunk.
            if not text or not between or not (padding.isalnum() or not padding):
                break
            texts.append(text)
            paddings.append(padding)
        number = _valid(texts)
        if not number:
            return None
        run = Run(self.template, texts[:number], paddings[:number])
        around = number * (len(self._before) + len(self._between) + len(self._after))
        return run, at + around + sum(map(len, run.texts)) + sum(map(len, run.paddings))


def around(data: bytes, text: str) -> Iterator[tuple[bytes, bytes]]:
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
    joined = b"\n".join(bodies)
    return bool(_strings(joined)) and joined.count(b"\n") < max(len(bodies), 1) and _is_utf8(joined)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
