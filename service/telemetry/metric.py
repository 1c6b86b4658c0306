"""Every metric as a row, which what observes it and docs/observability.md are both made of."""

from dataclasses import dataclass
from typing import Literal

Type = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Row:
    """One metric."""

    name: str
    """Without the ending that Prometheus sees (`_total`, `_bucket`, …)."""
    type: Type
    unit: str
    text: str
    """Its help text, and its meaning in the documentation."""
    labels: tuple[str, ...] = ()
    """In the order in which they are given, without `worker`, which is added when workers are shown together."""


_MODEL = ("model", "vendor")
_PLACE = (*_MODEL, "deployment")

REQUESTS = Row(
    "parley_requests",
    "counter",
    "requests",
    "Requests that are over, by how they ended: ok, cancelled or the error's code.",
    ("face", *_MODEL, "caller", "outcome"),
)
REQUESTS_IN_FLIGHT = Row(
    "parley_requests_in_flight", "gauge", "requests", "Requests under way, streams among them.", ("face",)
)
STREAMS_IN_FLIGHT = Row("parley_streams_in_flight", "gauge", "streams", "Streamed answers under way.", ("face",))
REQUEST_DURATION = Row("parley_request_duration_seconds", "histogram", "seconds", "Whole requests.", ("face", "model"))
FIRST_TOKEN = Row(
    "parley_time_to_first_token_seconds",
    "histogram",
    "seconds",
    "From a request to the first chunk of its answer; of one that is not streamed, to the answer.",
    _MODEL,
)
PER_CHUNK = Row(
    "parley_time_per_output_chunk_seconds",
    "histogram",
    "seconds",
    "Between the chunks of a stream after the first: the mean of each stream.",
    _MODEL,
)
OVERHEAD = Row(
    "parley_overhead_seconds",
    "histogram",
    "seconds",
    "Until the first chunk, but for the time spent waiting for a vendor, in line or between attempts.",
    ("face",),
)
QUEUE_WAIT = Row(
    "parley_queue_wait_seconds",
    "histogram",
    "seconds",
    "In line before a deployment, where there was one.",
    ("model",),
)
TOKENS = Row("parley_tokens", "counter", "tokens", "Tokens, as vendors count them.", (*_MODEL, "caller", "kind"))
ATTEMPTS = Row("parley_attempts", "counter", "requests", "Requests to vendors.", _MODEL)
UPSTREAM_ERRORS = Row(
    "parley_upstream_errors",
    "counter",
    "requests",
    "Requests to vendors that failed, by the error's code.",
    (*_MODEL, "kind"),
)
RETRIES = Row("parley_retries", "counter", "attempts", "Attempts after one that failed, at the same model.", ("model",))
FALLBACKS = Row("parley_fallbacks", "counter", "requests", "Requests that went on to another model.", ("model", "to"))
HEDGES = Row(
    "parley_hedges",
    "counter",
    "attempts",
    "Attempts beside one that was slow: won where they answered first.",
    ("model", "outcome"),
)
DROPPED_FIELDS = Row(
    "parley_dropped_fields",
    "counter",
    "fields",
    "Fields of requests that vendors could not honour and that were left out.",
    ("model", "caller", "field"),
)
KEEP_ALIVES = Row("parley_keep_alive_comments", "counter", "comments", "Comments sent to keep silent streams alive.")
QUEUE_LENGTH = Row("parley_queue_length", "gauge", "requests", "Requests in line before a deployment.", _PLACE)
IN_FLIGHT = Row("parley_deployment_in_flight", "gauge", "requests", "Requests that it is working on.", _PLACE)
RESTING = Row(
    "parley_deployment_resting", "gauge", "0 or 1", "1 while it is left alone because it kept failing.", _PLACE
)
LOOP_LAG = Row("parley_event_loop_lag_seconds", "histogram", "seconds", "How late a timer of the event loop fires.")
CONFIG_GENERATION = Row("parley_config_generation", "gauge", "number", "Number of the configuration that is served by.")
CONFIG_LOADED = Row(
    "parley_config_loaded_timestamp_seconds", "gauge", "Unix seconds", "When it was loaded, in Unix seconds."
)
CONFIG_RELOADS = Row(
    "parley_config_reloads",
    "counter",
    "reloads",
    "Configurations after the first, by what became of them.",
    ("result",),
)
CONFIG_FAILED = Row(
    "parley_config_last_reload_failed",
    "gauge",
    "0 or 1",
    "1 while the newest file is not the one that is served by.",
)
BUILD = Row("parley_build_info", "gauge", "1", "1, for the version that runs.", ("version",))
PROCESS_EXITS = Row(
    "parley_process_exits", "counter", "ends", "Ends of processes that nobody had asked for.", ("process",)
)
WORKER_UP = Row("parley_worker_up", "gauge", "0 or 1", "1 where a worker answered this scrape.", ("worker",))

METRICS: tuple[Row, ...] = (
    REQUESTS,
    REQUESTS_IN_FLIGHT,
    STREAMS_IN_FLIGHT,
    REQUEST_DURATION,
    FIRST_TOKEN,
    PER_CHUNK,
    OVERHEAD,
    QUEUE_WAIT,
    TOKENS,
    ATTEMPTS,
    UPSTREAM_ERRORS,
    RETRIES,
    FALLBACKS,
    HEDGES,
    DROPPED_FIELDS,
    KEEP_ALIVES,
    QUEUE_LENGTH,
    IN_FLIGHT,
    RESTING,
    LOOP_LAG,
    CONFIG_GENERATION,
    CONFIG_LOADED,
    CONFIG_RELOADS,
    CONFIG_FAILED,
    BUILD,
    PROCESS_EXITS,
    WORKER_UP,
)

LABELS: dict[str, str] = {
    "face": "`rest` or `grpc`",
    "model": "the model's name in parley.yaml, `vendor/*` for a wildcard; `unknown` where it is not configured",
    "vendor": "its vendor in parley.yaml; `none` where the request was refused before one was chosen",
    "deployment": "the deployment's name",
    "caller": "the name of the caller's key in parley.yaml; `anonymous` where there are no keys, `unknown` for a "
    "request without a valid key. As many as there are keys, and never what a caller sends",
    "outcome": "`ok`, `cancelled` or a code of errors.md; of hedges `won` or `lost`",
    "kind": "of tokens: `prompt`, `completion`, `cached`, `reasoning`, `completion_estimated` (of answers that were "
    "cut short); of errors: a code of errors.md or `internal_error`",
    "to": "the fallback's name",
    "field": "the request's field, `other` for one outside the contract",
    "result": "`ok` or `failed`",
    "version": "Parley's version",
    "process": "the process' name",
    "worker": "the worker's number; absent from what the supervisor tells of itself",
}
"""What each label holds."""
