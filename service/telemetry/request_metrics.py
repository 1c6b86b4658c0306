"""What Prometheus is told of requests, observed once for each when it is over."""

import functools
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import CompletionRequest, Usage
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from service.pipeline.record import AttemptRecord, Record
from service.telemetry import metric
from service.telemetry.distribution import Distribution, Series
from service.telemetry.tally import Count, Tally

FACES = ("rest", "grpc")
NO_VENDOR = "none"
"""The vendor of a request that was refused before one was chosen."""
OTHER_FIELD = "other"
"""In place of a field's name that is not in the contract: callers may send any."""

_FIELDS = frozenset(CompletionRequest.DESCRIPTOR.fields_by_name)

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)
"""From a cached answer to the longest generation."""
_FIRST_TOKEN = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0)
_PER_CHUNK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.2, 0.5, 1.0, 2.5)
_OVERHEAD = (0.0001, 0.00025, 0.0005, 0.001, 0.0015, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)

_EXEMPLAR_CHARACTERS = 128
"""Most that OpenMetrics 1.0 allows for all names and values of an exemplar's labels together."""


@dataclass(slots=True)
class _Usual:
    """What nearly every request of one caller by one face to one model of one vendor adds to, kept for the next."""

    duration: Series
    overhead: Series
    first_token: Series | None = None
    """None before the first answer."""
    outcomes: dict[str, Count] = field(default_factory=dict[str, Count])
    tokens: dict[str, Count] = field(default_factory=dict[str, Count])
    """By kind."""


class RequestMetrics:
    """An observer that counts and measures. Belongs to one event loop.

    No label holds what a caller sent: models and callers are named as the configuration names them. Only counters
    tell callers apart, because a histogram has a series for each bucket.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        tally, seconds = functools.partial(_tally, registry), functools.partial(_seconds, registry)
        self._requests = tally(metric.REQUESTS)
        in_flight = tally(metric.REQUESTS_IN_FLIGHT)
        streams = tally(metric.STREAMS_IN_FLIGHT)
        self._duration = seconds(metric.REQUEST_DURATION, _SECONDS)
        self._first_token = seconds(metric.FIRST_TOKEN, _FIRST_TOKEN)
        self._per_chunk = seconds(metric.PER_CHUNK, _PER_CHUNK)
        self._overhead = seconds(metric.OVERHEAD, _OVERHEAD)
        self._queued = seconds(metric.QUEUE_WAIT, _SECONDS)
        self._tokens = tally(metric.TOKENS)
        self._attempts = tally(metric.ATTEMPTS)
        self._upstream_errors = tally(metric.UPSTREAM_ERRORS)
        self._retries = tally(metric.RETRIES)
        self._fallbacks = tally(metric.FALLBACKS)
        self._hedges = tally(metric.HEDGES)
        self._dropped = tally(metric.DROPPED_FIELDS)
        self._keep_alives = tally(metric.KEEP_ALIVES)
        # They are there from the start, so that what scales by them sees 0 and not nothing.
        self._in_flight = {face: in_flight.series(face) for face in FACES}
        self._streams = {face: streams.series(face) for face in FACES}
        self._usual: dict[tuple[str, str, str, str], _Usual] = {}
        self._asked: dict[tuple[str, str], Count] = {}
        """The series of `attempts`, kept as those of _Usual are."""

    def began(self, record: Record) -> None:
        """Counts it as under way."""
        face = record.context.face
        self._in_flight[face].value += 1
        if record.stream:
            self._streams[face].value += 1

    def ended(self, record: Record) -> None:
        """Observes all that is known of it."""
        face, model, caller = record.context.face, record.model, record.context.caller.name
        vendor = NO_VENDOR if record.place is None else record.place.target.vendor
        usual = self._usual.get((face, model, vendor, caller))
        if usual is None:
            usual = _Usual(self._duration.series(face, model), self._overhead.series(face))
            self._usual[face, model, vendor, caller] = usual
        self._in_flight[face].value -= 1
        if record.stream:
            self._streams[face].value -= 1
        outcome = usual.outcomes.get(record.outcome)
        if outcome is None:
            outcome = self._requests.series(face, model, vendor, caller, record.outcome)
            usual.outcomes[record.outcome] = outcome
        outcome.value += 1
        usual.duration.observe(record.seconds, _exemplar(record) if record.sampled else None)
        usual.overhead.observe(record.overhead)
        if record.first_chunk is not None:
            if usual.first_token is None:
                usual.first_token = self._first_token.series(model, vendor)
            usual.first_token.observe(record.first_chunk)
            if record.last_chunk is not None and record.chunks > 1 and record.stream:
                mean = (record.last_chunk - record.first_chunk) / (record.chunks - 1)
                self._per_chunk.observe(mean, model, vendor)
        if record.queued:
            self._queued.observe(record.queued, model)
        if record.usage is not None:
            self._count_tokens(usual.tokens, (model, vendor, caller), record.usage)
        if record.tokens_estimated:
            self._tokens.add(record.tokens_estimated, model, vendor, caller, "completion_estimated")
        for attempt in record.attempts:
            self._count_attempt(attempt)
        if record.retries:
            self._retries.add(record.retries, model)
        for other in record.fallbacks:
            self._fallbacks.add(1, model, other)
        for name in record.context.report.dropped:
            field = name.partition(".")[0].partition("[")[0]
            self._dropped.add(1, model, caller, field if field in _FIELDS else OTHER_FIELD)
        if comments := record.context.report.keep_alives:
            self._keep_alives.add(comments)

    def _count_tokens(self, series: dict[str, Count], of: tuple[str, str, str], usage: Usage) -> None:
        for kind, number in (
            ("prompt", usage.prompt_tokens),
            ("completion", usage.completion_tokens),
            ("cached", usage.prompt_tokens_details.cached_tokens),
            ("reasoning", usage.completion_tokens_details.reasoning_tokens),
        ):
            if number:
                if kind not in series:
                    series[kind] = self._tokens.series(*of, kind)
                series[kind].value += number

    def _count_attempt(self, attempt: AttemptRecord) -> None:
        model, vendor = place = attempt.model, attempt.place.target.vendor
        if place not in self._asked:
            self._asked[place] = self._attempts.series(model, vendor)
        self._asked[place].value += 1 + attempt.resent
        if attempt.error is not None:
            self._upstream_errors.add(1, model, vendor, attempt.outcome)
        if attempt.hedge:
            self._hedges.add(1, model, "won" if attempt.answers else "lost")


def _tally(registry: CollectorRegistry, row: metric.Row) -> Tally:
    family = GaugeMetricFamily if row.type == "gauge" else CounterMetricFamily
    return Tally(registry, row.name, row.text, row.labels, family=family)


def _seconds(registry: CollectorRegistry, row: metric.Row, bounds: tuple[float, ...]) -> Distribution:
    return Distribution(registry, row.name, row.text, row.labels, bounds)


def _exemplar(record: Record) -> dict[str, str]:
    """What leads from a bucket to the trace and the log line of a request that was in it."""
    labels = {"trace_id": record.trace_id, "request_id": record.context.request_id}
    fits = sum(len(name) + len(value) for name, value in labels.items()) <= _EXEMPLAR_CHARACTERS
    return labels if fits else {"trace_id": record.trace_id}
