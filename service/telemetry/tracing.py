"""Traces in OpenTelemetry's form: one span for a caller's request, and below it one for each request to a vendor.

Spans are made by hand where the pipeline begins and ends a step, because instrumenting libraries do it per message.
"""

import os
from collections.abc import Mapping
from importlib.metadata import version
from types import MappingProxyType

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace import Tracer as SdkTracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.config.watching import Tracing
from service.pipeline.record import BUG, AttemptRecord, Record
from service.telemetry import attributes

_EXPORT_S = 5.0
"""Seconds that one batch may take to be sent. More would hold up the end of a worker whose receiver is gone."""
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_NO_CONTEXT = Context()


def provider_for(settings: Tracing, receiver: str) -> TracerProvider:
    """What makes spans and sends them, from a thread of its own.

    :param receiver: an OTLP receiver's gRPC address; over https where it says so, otherwise in the clear.
    """
    return provider_with(settings, OTLPSpanExporter(endpoint=receiver, timeout=_EXPORT_S))


def provider_with(settings: Tracing, exporter: SpanExporter) -> TracerProvider:
    """What makes spans and gives them to an exporter."""
    named: dict[str, str | int] = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "parley"}
    resource = Resource.create({**named, "service.version": version("parley"), "process.pid": os.getpid()})
    sampler = ParentBased(TraceIdRatioBased(settings.sample))
    provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


class OtlpTracer:
    """A tracer for the pipeline. Belongs to one event loop."""

    def __init__(self, provider: TracerProvider, settings: Tracing) -> None:
        self._tracer: SdkTracer = provider.get_tracer("parley")
        self._settings = settings
        self._propagator = TraceContextTextMapPropagator()

    def start(self, record: Record) -> "RequestSpan":
        """Begins the span of a request."""
        context = record.context
        parent = _NO_CONTEXT
        if context.traceparent:
            carrier = {"traceparent": context.traceparent, "tracestate": context.tracestate}
            parent = self._propagator.extract(carrier, _NO_CONTEXT)
        name = attributes.server_name(record)
        span = self._tracer.start_span(name, parent, SpanKind.SERVER)
        return RequestSpan(self._tracer, span, self._settings)


class RequestSpan:
    """The spans of one request; never reused."""

    __slots__ = ("_attempts", "_below", "_settings", "_span", "_tracer", "sampled", "trace_id")

    def __init__(self, tracer: SdkTracer, span: Span, settings: Tracing) -> None:
        context = span.get_span_context()
        self.trace_id = f"{context.trace_id:032x}"
        self.sampled = context.trace_flags.sampled
        self._tracer = tracer
        self._span = span
        self._settings = settings
        self._below = set_span_in_context(span, _NO_CONTEXT) if self.sampled else _NO_CONTEXT
        self._attempts: list[tuple[AttemptRecord, Span]] = []

    @property
    def wants_content(self) -> bool:
        """Whether the record must hold the answer at the end."""
        return self.sampled and self._settings.content

    def attempt(self, record: AttemptRecord) -> Mapping[str, str]:
        """Begins the span of a request to a vendor."""
        span = self._span
        if self.sampled:
            span = self._tracer.start_span(attributes.client_name(record), self._below, SpanKind.CLIENT)
            self._attempts.append((record, span))
        return _headers(span) if self._settings.propagate else _NO_HEADERS

    def end(self, record: Record) -> None:
        """Ends all of them."""
        if not self.sampled:
            self._span.end()
            return
        for attempt, span in self._attempts:
            span.set_attributes(attributes.of_attempt(record, attempt))
            if attempt.answers and self._settings.content:
                span.set_attributes(attributes.of_content(record, attempt))
            if attempt.error is not None or attempt.outcome == BUG:
                _fail(span, attempt.outcome)
            _end(span, attempt.seconds)
        self._span.set_attributes(attributes.of_request(record))
        if record.outcome == BUG or (record.error is not None and record.error.kind.value.http >= 500):
            _fail(self._span, record.outcome)
        _end(self._span, record.seconds)


def _headers(span: Span) -> dict[str, str]:
    context = span.get_span_context()
    headers = {"traceparent": f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"}
    if context.trace_state:
        headers["tracestate"] = context.trace_state.to_header()
    return headers


def _fail(span: Span, code: str) -> None:
    # Without the message, which may repeat what the caller sent.
    span.set_status(Status(StatusCode.ERROR))
    span.set_attribute("error.type", code)


def _end(span: Span, seconds: float) -> None:
    started: int = getattr(span, "start_time", None) or 0
    span.end(started + int(seconds * 1e9) if started else None)
