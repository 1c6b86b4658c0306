"""One way in which a vendor fails, what it sends until then, and what a caller has to be told."""

from dataclasses import dataclass

from tests.faults.play import Ending, Play, Step
from tests.faults.verdict import Must, Promise
from tests.faults.wire import DONE, JSON, LAST_CHUNK, chunk, completion, delta, head, sized, usage

PIECES = ("Once ", "upon ", "a ", "time, ", "été – 😀.")
TEXT = "".join(PIECES)
EVENTS = (delta(role="assistant"), *map(delta, PIECES), delta(finish="stop"), usage())
BODY = b"".join(EVENTS) + DONE
"""A whole stream."""
BEGUN = EVENTS[:3]
BEGUN_TEXT = "".join(PIECES[:2])
WHOLE = completion(TEXT)
"""A whole answer that is not streamed."""

FIRST_TOKEN = 1.0
BETWEEN_CHUNKS = 1.0
CONNECT = 0.5
TOTAL = 3.0
"""Seconds; the deadlines of the vendors that the table calls. Only the vendor `limited` has this total."""
LONG_TOTAL = 60.0
"""Seconds; the others' total, so long that it is never what ends a call in time."""
PATIENT = 60.0
"""Seconds; the deadlines of the vendor `patient`, which are the service's defaults, but for the total."""


@dataclass(frozen=True, slots=True)
class Case:
    """What the vendor does for one kind of request, and what is to come of it."""

    play: Play
    must: Must = Must.ERROR
    text: str = ""
    """Content of all events that it sends whole."""
    limit: float = TOTAL
    """The deadline that ends it, in seconds."""
    finish: str = "stop"
    """The finish reason of an answer that may be whole."""

    @property
    def promise(self) -> Promise:
        return Promise(self.must, self.text, self.limit, self.finish)


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the table."""

    name: str
    title: str
    stream: Case
    unary: Case
    vendor: str = "faulty"
    """Its name in the configuration."""
    heavy: bool = False
    """Whether it takes so much of the worker that it is run alone, so that it delays none of the others."""
    racy: bool = False
    """Whether it is a matter of chance where it is noticed, so that its error may have one of several names."""

    def case(self, *, streams: bool) -> Case:
        return self.stream if streams else self.unary


def chunks(*events: bytes) -> tuple[bytes, ...]:
    """The events as chunks of a chunked body."""
    return tuple(map(chunk, events))


CHUNKED = head(200, transfer_encoding="chunked")
CHUNKED_JSON = head(200, JSON, transfer_encoding="chunked")


def streamed(*steps: Step, ending: Ending = Ending.FIN) -> Play:
    """A chunked event stream of these steps."""
    return Play((CHUNKED, *steps), ending)


def whole_stream(*events: bytes) -> Play:
    """A chunked event stream that ends as HTTP wants it."""
    return Play((CHUNKED, *chunks(*events), LAST_CHUNK))


def same(
    name: str, title: str, play: Play, *, limit: float = TOTAL, vendor: str = "faulty", racy: bool = False
) -> Fault:
    """A fault that comes before anything of the answer, and is an error however it was asked for."""
    return Fault(name, title, Case(play, limit=limit), Case(play, limit=limit), vendor, racy=racy)


def status(code: int, title: str, **headers: str) -> Fault:
    """A refusal by an HTTP status, with an error body of OpenAI's form."""
    body = b'{"error": {"message": "not now", "type": "server_error", "param": null, "code": null}}'
    name = f"status_{code}" + "".join(f"_{header}_{len(value)}" for header, value in headers.items())
    return same(name, title, Play((sized(code, body, **headers),)))


def late(
    name: str,
    title: str,
    *steps: Step,
    ending: Ending = Ending.FIN,
    limit: float = TOTAL,
    vendor: str = "faulty",
    heavy: bool = False,
) -> Fault:
    """A fault in mid-stream, after the first two words; the same in the middle of an unstreamed answer's JSON."""
    half = CHUNKED_JSON, chunk(WHOLE[:60])
    return Fault(
        name,
        title,
        Case(streamed(*chunks(*BEGUN), *steps, ending=ending), text=BEGUN_TEXT, limit=limit),
        Case(Play((*half, *steps), ending), limit=limit),
        vendor,
        heavy,
    )
