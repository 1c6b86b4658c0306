"""What is known of a request when it is over; whoever tells operators of requests reads it here and nowhere else."""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from parley.chat.v1.completion_pb2 import Completion, CompletionRequest, Usage

from service.backends.dialect import Target
from service.errors import ApiError
from service.pipeline.context import RequestContext
from service.pipeline.received import Received
from service.routing.pool import Place

OK = "ok"
CANCELLED = "cancelled"
"""The caller went away."""
BUG = "internal_error"

UNKNOWN_MODEL = "unknown"
"""In place of a name that is not configured. No model has this name, because names of models have a slash."""


@dataclass(slots=True)
class AttemptRecord:
    """One request to one deployment."""

    model: str
    """The model's name in the configuration, `vendor/*` for a wildcard."""
    place: Place
    request: CompletionRequest
    """As it was made to fit the deployment."""
    resent: int = 0
    """How often it went out again because the vendor was closing the connection that took it."""
    hedge: bool = False
    """Whether it was sent beside one that took long."""
    answers: bool = False
    """Whether the caller's answer is its."""
    outcome: str = ""
    error: ApiError | None = None
    seconds: float = 0.0
    first_chunk: float | None = None
    """Seconds until its answer began."""
    answered_by: str = ""
    """The model, as the vendor names it in its answer."""
    answer_id: str = ""
    """The vendor's name for the answer."""

    @property
    def target(self) -> Target:
        """Where it went."""
        return self.place.target


@dataclass(slots=True)
class Record:
    """One request. Complete when it is over; whoever is given it must not change it."""

    context: RequestContext
    asked: str
    """The model, as the caller named it."""
    stream: bool
    model: str = UNKNOWN_MODEL
    """The model's name in the configuration, `vendor/*` for a wildcard: of these there are few."""
    trace_id: str = ""
    """32 hex digits: the trace that it is part of, the caller's or one of its own; empty where there is none."""
    sampled: bool = False
    """Whether the trace is kept."""
    attempts: tuple[AttemptRecord, ...] = ()
    """What was sent, in order; what was refused before a deployment was asked is not among them."""
    place: Place | None = None
    """Where it was, or would have been, answered."""
    retries: int = 0
    fallbacks: tuple[str, ...] = ()
    """Further models that were asked, by their names in the configuration."""
    outcome: str = ""
    """`ok`, `cancelled`, or the code of an error; a vendor's own code is not among them."""
    error: ApiError | None = None
    seconds: float = 0.0
    first_chunk: float | None = None
    """Seconds until the first chunk went to the caller."""
    last_chunk: float | None = None
    chunks: int = 0
    overhead: float = 0.0
    """Seconds until the first chunk, or until the failure, that were not spent waiting for a vendor or in a queue."""
    queued: float = 0.0
    """Seconds in line before deployments."""
    finish_reason: str = ""
    usage: Usage | None = None
    """As the vendor reported it; of an answer that was cut short, only what it said of the prompt."""
    received: Received = field(default_factory=Received)
    """How much of the answer came."""
    tokens_estimated: int | None = None
    """Completion tokens of an answer that was cut short before its vendor said them; an estimate."""
    answer: Completion | None = None
    """Only where somebody asked for content."""


class Observer(Protocol):
    """Learns of every request, when it begins and when it is over. Called in the event loop, so it must be quick."""

    def began(self, record: Record) -> None:
        """A request came in; of its record there is only who asks for what."""
        ...

    def ended(self, record: Record) -> None:
        """It is over, however it ended."""
        ...


def outcome_of(error: BaseException | None) -> str:
    """How what ended with this ended, as records say it."""
    match error:
        case None:
            return OK
        case ApiError():
            # Not the error's own code, which may be the vendor's: those are without number.
            return error.kind.value.code
        case asyncio.CancelledError() | GeneratorExit():
            return CANCELLED
        case _:
            return BUG
