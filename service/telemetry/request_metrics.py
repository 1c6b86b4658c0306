"""What Prometheus is told of requests, observed once for each when it is over."""

import functools

from parley.chat.v1.completion_pb2 import CompletionRequest, Usage
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from service.pipeline.record import AttemptRecord, Record
from service.telemetry.distribution import Distribution
from service.telemetry.tally import Tally

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


class RequestMetrics:
    """An observer that counts and measures. Belongs to one event loop.

    No label holds what a caller sent: models are named as the configuration names them.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        tally, seconds = functools.partial(Tally, registry), functools.partial(_seconds, registry)
        self._requests = tally(
            "parley_requests",
            "Requests that are over, by how they ended: ok, cancelled or the error's code.",
            ("face", "model", "vendor", "outcome"),
        )
        self._in_flight = tally(
            "parley_requests_in_flight",
            "Requests under way, streams among them.",
            ("face",),
            family=GaugeMetricFamily,
        )
        self._streams = tally(
            "parley_streams_in_flight", "Streamed answers under way.", ("face",), family=GaugeMetricFamily
        )
        self._duration = seconds("request_duration", "Whole requests.", ("face", "model"), _SECONDS)
        self._first_token = seconds(
            "time_to_first_token",
            "From a request to the first chunk of its answer; of one that is not streamed, to the answer.",
            ("model", "vendor"),
            _FIRST_TOKEN,
        )
        self._per_chunk = seconds(
            "time_per_output_chunk",
            "Between the chunks of a stream after the first: the mean of each stream.",
            ("model", "vendor"),
            _PER_CHUNK,
        )
        self._overhead = seconds(
            "overhead",
            "Until the first chunk, but for the time spent waiting for a vendor, in line or between attempts.",
            ("face",),
            _OVERHEAD,
        )
        self._queued = seconds("queue_wait", "In line before a deployment, where there was one.", ("model",), _SECONDS)
        self._tokens = tally("parley_tokens", "Tokens, as vendors count them.", ("model", "vendor", "kind"))
        self._attempts = tally("parley_attempts", "Requests to vendors.", ("model", "vendor"))
        self._upstream_errors = tally(
            "parley_upstream_errors",
            "Requests to vendors that failed, by the error's code.",
            ("model", "vendor", "kind"),
        )
        self._retries = tally("parley_retries", "Attempts after one that failed, at the same model.", ("model",))
        self._fallbacks = tally("parley_fallbacks", "Requests that went on to another model.", ("model", "to"))
        self._hedges = tally(
            "parley_hedges", "Attempts beside one that was slow: won where they answered first.", ("model", "outcome")
        )
        self._dropped = tally(
            "parley_dropped_fields",
            "Fields of requests that vendors could not honour and that were left out.",
            ("model", "field"),
        )
        self._keep_alives = tally("parley_keep_alive_comments", "Comments sent to keep silent streams alive.")
        for face in FACES:
            # They are there from the start, so that what scales by them sees 0 and not nothing.
            self._in_flight.add(0, face)
            self._streams.add(0, face)

    def began(self, record: Record) -> None:
        """Counts it as under way."""
        face = record.context.face
        self._in_flight.add(1, face)
        if record.stream:
            self._streams.add(1, face)

    def ended(self, record: Record) -> None:
        """Observes all that is known of it."""
        face, model = record.context.face, record.model
        vendor = NO_VENDOR if record.place is None else record.place.target.vendor
        self._in_flight.add(-1, face)
        if record.stream:
            self._streams.add(-1, face)
        self._requests.add(1, face, model, vendor, record.outcome)
        self._duration.observe(record.seconds, face, model, exemplar=_exemplar(record))
        self._overhead.observe(record.overhead, face)
        if record.first_chunk is not None:
            self._first_token.observe(record.first_chunk, model, vendor)
            if record.last_chunk is not None and record.chunks > 1 and record.stream:
                mean = (record.last_chunk - record.first_chunk) / (record.chunks - 1)
                self._per_chunk.observe(mean, model, vendor)
        if record.queued:
            self._queued.observe(record.queued, model)
        if record.usage is not None:
            self._count_tokens(model, vendor, record.usage)
        if record.tokens_estimated:
            self._tokens.add(record.tokens_estimated, model, vendor, "completion_estimated")
        for attempt in record.attempts:
            self._count_attempt(attempt)
        if record.retries:
            self._retries.add(record.retries, model)
        for other in record.fallbacks:
            self._fallbacks.add(1, model, other)
        for name in record.context.report.dropped:
            field = name.partition(".")[0].partition("[")[0]
            self._dropped.add(1, model, field if field in _FIELDS else OTHER_FIELD)
        if comments := record.context.report.keep_alives:
            self._keep_alives.add(comments)

    def _count_tokens(self, model: str, vendor: str, usage: Usage) -> None:
        for kind, number in (
            ("prompt", usage.prompt_tokens),
            ("completion", usage.completion_tokens),
            ("cached", usage.prompt_tokens_details.cached_tokens),
            ("reasoning", usage.completion_tokens_details.reasoning_tokens),
        ):
            if number:
                self._tokens.add(number, model, vendor, kind)

    def _count_attempt(self, attempt: AttemptRecord) -> None:
        model, vendor = attempt.model, attempt.target.vendor
        self._attempts.add(1, model, vendor)
        if attempt.error is not None:
            self._upstream_errors.add(1, model, vendor, attempt.outcome)
        if attempt.hedge:
            self._hedges.add(1, model, "won" if attempt.answers else "lost")


def _seconds(
    registry: CollectorRegistry, name: str, text: str, labels: tuple[str, ...], bounds: tuple[float, ...]
) -> Distribution:
    return Distribution(registry, f"parley_{name}_seconds", text, labels, bounds)


def _exemplar(record: Record) -> dict[str, str] | None:
    """What leads from a bucket to the trace and the log line of a request that was in it."""
    if not record.sampled:
        return None
    labels = {"trace_id": record.trace_id, "request_id": record.context.request_id}
    fits = sum(len(name) + len(value) for name, value in labels.items()) <= _EXEMPLAR_CHARACTERS
    return labels if fits else {"trace_id": record.trace_id}
