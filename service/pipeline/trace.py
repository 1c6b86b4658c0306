"""What the pipeline needs of a tracer, and no more."""

import re
from collections.abc import Mapping
from typing import Protocol

from service.pipeline.context import RequestContext
from service.pipeline.record import AttemptRecord, Record

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
"""https://www.w3.org/TR/trace-context/#traceparent-header"""


def trace_id_of(traceparent: str) -> str:
    """The trace that a header `traceparent` names, in 32 hex digits; empty where it names none."""
    match = _TRACEPARENT.fullmatch(traceparent)
    return match[1] if match else ""


def passed_on(context: RequestContext) -> Mapping[str, str]:
    """A caller's trace context, unchanged, as one who takes no part in the trace passes it on."""
    headers = {"traceparent": context.traceparent, "tracestate": context.tracestate}
    return {name: value for name, value in headers.items() if value}


class RequestTrace(Protocol):
    """The part of a trace that one request of a caller's is."""

    @property
    def trace_id(self) -> str:
        """32 lower-case hex digits."""
        ...

    @property
    def sampled(self) -> bool:
        """Whether it is kept."""
        ...

    @property
    def wants_content(self) -> bool:
        """Whether the record must hold the answer at the end."""
        ...

    def attempt(self, record: AttemptRecord) -> Mapping[str, str]:
        """A request to a vendor begins: the headers that carry the trace on to it, none where that is not wanted."""
        ...

    def end(self, record: Record) -> None:
        """It is over, however it ended, and so are its requests to vendors."""
        ...


class Tracer(Protocol):
    """Traces requests. Called in the event loop, so it sends nothing there."""

    def start(self, record: Record) -> RequestTrace:
        """Begins a request's part, below the caller's own where the request came with a trace context."""
        ...
