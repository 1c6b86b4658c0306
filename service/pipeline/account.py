"""Keeps the record of one request, and gives it to the observers when the request is over, however it ended."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Self

from parley.chat.v1.completion_pb2 import Usage

from service.backends.run import Piece
from service.errors import ApiError
from service.pipeline.attempt import Attempt
from service.pipeline.attempts import Attempts
from service.pipeline.context import RequestContext
from service.pipeline.exchange import Exchange
from service.pipeline.fold import Fold
from service.pipeline.normalize import Normalizer
from service.pipeline.record import AttemptRecord, Observer, Record, outcome_of
from service.pipeline.trace import RequestTrace, Tracer, passed_on, trace_id_of
from service.routing import Route
from service.waiting import Waiting

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Accounting:
    """Who is told of requests. The same for all of them."""

    observers: tuple[Observer, ...] = ()
    tracer: Tracer | None = None
    pass_trace: bool = True
    """Whether the vendor is sent a caller's trace context where there is no tracer."""

    def refused(self, context: RequestContext, error: Exception) -> None:
        """Tells of a request that was refused before it was known what it asks for."""
        with contextlib.suppress(type(error)), Account(self, context, "", stream=False):
            raise error


class Account:
    """Covers one request as a context manager; never reused."""

    def __init__(self, accounting: Accounting, context: RequestContext, model: str, *, stream: bool) -> None:
        self.waiting = Waiting()
        self.attempts: Attempts | None = None
        self.answer: Normalizer | None = None
        self.content: Fold | None = None
        """What the answer is to be added to, where somebody wants it in the record."""
        self.record = Record(context, model, stream)
        self._accounting = accounting
        self._trace: RequestTrace | None = None
        self._headers = _NO_HEADERS
        self._started = time.monotonic()

    def begin(self) -> None:
        """Tells the observers of the request, which is to be followed by `end`."""
        if self._accounting.tracer is not None:
            trace = self._trace = self._accounting.tracer.start(self.record)
            self.record.trace_id = trace.trace_id
            self.record.sampled = trace.sampled
            if trace.wants_content:
                self.content = Fold()
        elif self.record.context.traceparent:
            self.record.trace_id = trace_id_of(self.record.context.traceparent)
            if self._accounting.pass_trace:
                self._headers = passed_on(self.record.context)
        for observer in self._accounting.observers:
            observer.began(self.record)

    def routed(self, route: Route) -> None:
        """Takes note of the model that was asked for."""
        self.record.model = route.configured

    def exchange(self, route: Route, attempt: Attempt) -> Exchange:
        """Covers one request to a vendor, from now on."""
        record = AttemptRecord(route.configured, attempt.place, attempt.request, hedge=attempt.hedge)
        self.record.attempts += (record,)
        return Exchange(record, self._trace.attempt(record) if self._trace is not None else self._headers)

    def saw(self, pieces: Sequence[Piece]) -> None:
        """Takes note of chunks that go to the caller."""
        record = self.record
        record.last_chunk = time.monotonic() - self._started
        if record.first_chunk is None:
            record.first_chunk = record.last_chunk
            record.overhead = max(0.0, record.first_chunk - self.waiting.seconds)
        record.received.add(pieces)
        record.chunks = record.received.chunks

    def end(self, error: BaseException | None) -> None:
        """Tells them that it is over, and how; None: with a complete answer."""
        record = self.record
        record.seconds = time.monotonic() - self._started
        if record.first_chunk is None:
            record.overhead = max(0.0, record.seconds - self.waiting.seconds)
        record.queued = self.waiting.queued
        record.outcome = outcome_of(error)
        if isinstance(error, ApiError):
            record.error = error
        if self.attempts is not None:
            record.place = self.attempts.place
            for attempt in record.attempts:
                attempt.answers = record.first_chunk is not None and attempt.place is record.place
            record.retries = self.attempts.retries + sum(attempt.resent for attempt in record.attempts)
            record.fallbacks = tuple(self.attempts.fallbacks)
        if self.answer is not None:
            record.finish_reason = self.answer.finish_reason
            record.usage = self.answer.usage
            if error is not None and record.received.deltas and not (record.usage and record.finish_reason):
                _estimate(record)
        if self.content is not None:
            record.answer = self.content.result()
        if self._trace is not None:
            self._trace.end(record)
        for observer in self._accounting.observers:
            observer.ended(record)

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end(error)


def _estimate(record: Record) -> None:
    """What an answer that was cut short has cost, as far as it is known."""
    record.tokens_estimated = record.received.tokens
    if record.usage is not None:
        record.tokens_estimated = max(record.tokens_estimated, record.usage.completion_tokens)
        # What a vendor reports of an answer while it generates it is not what it bills.
        prompt = Usage()
        prompt.CopyFrom(record.usage)
        for name in ("completion_tokens", "completion_tokens_details", "total_tokens"):
            prompt.ClearField(name)
        record.usage = prompt
