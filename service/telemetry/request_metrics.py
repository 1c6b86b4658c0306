"""What Prometheus is told of requests, observed once for each when it is over."""

from parley.chat.v1.completion_pb2 import CompletionRequest, Usage
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.pipeline.record import AttemptRecord, Record
from service.telemetry.children import Children

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
        self._requests = Children(
            Counter(
                "parley_requests",
                "Requests that are over, by how they ended: ok, cancelled or the error's code.",
                ("face", "model", "vendor", "outcome"),
                registry=registry,
            )
        )
        self._in_flight = Children(
            Gauge("parley_requests_in_flight", "Requests under way, streams among them.", ("face",), registry=registry)
        )
        self._streams = Children(
            Gauge("parley_streams_in_flight", "Streamed answers under way.", ("face",), registry=registry)
        )
        self._duration = Children(
            _histogram(registry, "request_duration", "Whole requests.", ("face", "model"), _SECONDS)
        )
        self._first_token = Children(
            _histogram(
                registry,
                "time_to_first_token",
                "From a request to the first chunk of its answer; of one that is not streamed, to the answer.",
                ("model", "vendor"),
                _FIRST_TOKEN,
            )
        )
        self._per_chunk = Children(
            _histogram(
                registry,
                "time_per_output_chunk",
                "Between the chunks of a stream after the first: the mean of each stream.",
                ("model", "vendor"),
                _PER_CHUNK,
            )
        )
        self._overhead = Children(
            _histogram(
                registry,
                "overhead",
                "Until the first chunk, but for the time spent waiting for a vendor, in line or between attempts.",
                ("face",),
                _OVERHEAD,
            )
        )
        self._queued = Children(
            _histogram(
                registry, "queue_wait", "In line before a deployment, where there was one.", ("model",), _SECONDS
            )
        )
        self._tokens = Children(
            Counter("parley_tokens", "Tokens, as vendors count them.", ("model", "vendor", "kind"), registry=registry)
        )
        self._attempts = Children(
            Counter("parley_attempts", "Requests to vendors.", ("model", "vendor"), registry=registry)
        )
        self._upstream_errors = Children(
            Counter(
                "parley_upstream_errors",
                "Requests to vendors that failed, by the error's code.",
                ("model", "vendor", "kind"),
                registry=registry,
            )
        )
        self._retries = Children(
            Counter(
                "parley_retries", "Attempts after one that failed, at the same model.", ("model",), registry=registry
            )
        )
        self._fallbacks = Children(
            Counter("parley_fallbacks", "Requests that went on to another model.", ("model", "to"), registry=registry)
        )
        self._hedges = Children(
            Counter(
                "parley_hedges",
                "Attempts beside one that was slow: won where they answered first.",
                ("model", "outcome"),
                registry=registry,
            )
        )
        self._dropped = Children(
            Counter(
                "parley_dropped_fields",
                "Fields of requests that vendors could not honour and that were left out.",
                ("model", "field"),
                registry=registry,
            )
        )
        self._keep_alives = Counter(
            "parley_keep_alive_comments", "Comments sent to keep silent streams alive.", registry=registry
        )
        for face in FACES:
            # They are there from the start, so that what scales by them sees 0 and not nothing.
            self._in_flight(face)
            self._streams(face)

    def began(self, record: Record) -> None:
        """Counts it as under way."""
        face = record.context.face
        self._in_flight(face).inc()
        if record.stream:
            self._streams(face).inc()

    def ended(self, record: Record) -> None:
        """Observes all that is known of it."""
        face, model = record.context.face, record.model
        vendor = NO_VENDOR if record.place is None else record.place.target.vendor
        self._in_flight(face).dec()
        if record.stream:
            self._streams(face).dec()
        self._requests(face, model, vendor, record.outcome).inc()
        self._duration(face, model).observe(record.seconds, _exemplar(record))
        self._overhead(face).observe(record.overhead)
        if record.first_chunk is not None:
            self._first_token(model, vendor).observe(record.first_chunk)
            if record.last_chunk is not None and record.chunks > 1 and record.stream:
                mean = (record.last_chunk - record.first_chunk) / (record.chunks - 1)
                self._per_chunk(model, vendor).observe(mean)
        if record.queued:
            self._queued(model).observe(record.queued)
        if record.usage is not None:
            self._count_tokens(model, vendor, record.usage)
        if record.tokens_estimated:
            self._tokens(model, vendor, "completion_estimated").inc(record.tokens_estimated)
        for attempt in record.attempts:
            self._count_attempt(attempt)
        if record.retries:
            self._retries(model).inc(record.retries)
        for other in record.fallbacks:
            self._fallbacks(model, other).inc()
        for name in record.context.report.dropped:
            field = name.partition(".")[0].partition("[")[0]
            self._dropped(model, field if field in _FIELDS else OTHER_FIELD).inc()
        if comments := record.context.report.keep_alives:
            self._keep_alives.inc(comments)

    def _count_tokens(self, model: str, vendor: str, usage: Usage) -> None:
        for kind, number in (
            ("prompt", usage.prompt_tokens),
            ("completion", usage.completion_tokens),
            ("cached", usage.prompt_tokens_details.cached_tokens),
            ("reasoning", usage.completion_tokens_details.reasoning_tokens),
        ):
            if number:
                self._tokens(model, vendor, kind).inc(number)

    def _count_attempt(self, attempt: AttemptRecord) -> None:
        model, vendor = attempt.model, attempt.target.vendor
        self._attempts(model, vendor).inc()
        if attempt.error is not None:
            self._upstream_errors(model, vendor, attempt.outcome).inc()
        if attempt.hedge:
            self._hedges(model, "won" if attempt.answers else "lost").inc()


def _histogram(
    registry: CollectorRegistry, name: str, text: str, labels: tuple[str, ...], buckets: tuple[float, ...]
) -> Histogram:
    return Histogram(f"parley_{name}_seconds", text, labels, registry=registry, buckets=buckets)


def _exemplar(record: Record) -> dict[str, str] | None:
    """What leads from a bucket to the trace and the log line of a request that was in it."""
    if not record.sampled:
        return None
    labels = {"trace_id": record.trace_id, "request_id": record.context.request_id}
    fits = sum(len(name) + len(value) for name, value in labels.items()) <= _EXEMPLAR_CHARACTERS
    return labels if fits else {"trace_id": record.trace_id}
