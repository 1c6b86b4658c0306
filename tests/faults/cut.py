"""A whole answer that stops after any of its bytes, over each framing of HTTP, by FIN and by RST."""

import functools

from tests.faults.fault import BODY, EVENTS, PIECES, TEXT, TOTAL, WHOLE
from tests.faults.play import Ending, Play
from tests.faults.verdict import Must, Promise
from tests.faults.wire import DONE, JSON, Framing, framed

_MARK = DONE.strip()


def cut_model(kind: str, framing: Framing, after: int, ending: Ending) -> str:
    """The name of the model that plays it. `kind` is `stream` or `unary`."""
    return f"cut.{kind}.{framing.value}.{after}.{ending.name}"


def cut_play(parameters: tuple[str, ...]) -> Play:
    kind, framing, after, ending = parameters
    top, body = parts(kind, Framing(framing))
    data = body[: int(after)]
    return Play((top + data,), Ending[ending])


@functools.cache
def parts(kind: str, framing: Framing) -> tuple[bytes, bytes]:
    """Head, and body with its framing, of the whole answer."""
    return framed(BODY, framing) if kind == "stream" else framed(WHOLE, framing, JSON)


def lengths(kind: str, framing: Framing) -> range:
    """After how many bytes of the body it may stop; the last is the whole of it."""
    return range(len(parts(kind, framing)[1]) + 1)


def promise(kind: str, framing: Framing, after: int, ending: Ending) -> Promise:
    """What a caller may see: the end only where the vendor's end mark was sent."""
    body = parts(kind, framing)[1]
    if kind == "unary":
        if after < len(body) or (framing is Framing.CLOSE and ending is Ending.RESET):
            return Promise(Must.ERROR, "", TOTAL)
        # A reset may overtake what was sent before it.
        return Promise(Must.COMPLETE if ending is Ending.FIN else Must.EITHER, TEXT, TOTAL)
    ended = _MARK in body[:after]
    return Promise(Must.EITHER if ended else Must.ERROR, TEXT, TOTAL)


def came(framing: Framing, after: int) -> int:
    """How many characters of content stand in the events that were sent whole."""
    body = parts("stream", framing)[1][:after]
    at, length = 0, 0
    for event, content in zip(EVENTS, (0, *map(len, PIECES), 0, 0), strict=True):
        at = body.find(event, at)
        if at < 0:
            break
        length += content
    return length
