"""docs/observability.md: every metric, every field of a request's log line and every attribute of a span."""

from collections.abc import Iterator, Mapping

from service.telemetry.metric import LABELS, METRICS

_INTRODUCTION = """\
# Metrics, log and traces

`metrics: {}` serves Prometheus' format on 127.0.0.1:9464; `tracing: {endpoint: …}` sends OpenTelemetry spans; the log
is on stderr, a JSON object a line. No prompt, answer or key is in any of them, unless `tracing.content` asks for it.

## Metrics

A counter's name ends in `_total` where it is read, a histogram's in `_bucket`, `_count` and `_sum`. Each worker's have
the label `worker` besides.

| metric | type | unit | labels | meaning |
|---|---|---|---|---|"""

_LABELS = """
| label | holds |
|---|---|"""

_LOG = """
## The line of a request

One for each request, when it is over: `logger` is `parley.request`, `message` is `request`. Other lines have
`time`, `level`, `logger`, `process`, `message` and what they tell of.

| field | there | meaning |
|---|---|---|"""

_SPANS = """
## Spans

A server span for each request and, beneath it, a client span for each attempt, in the words of OpenTelemetry's
conventions for generative AI and RPC where they have one.

| attribute | of | meaning |
|---|---|---|"""

FIELDS: Mapping[str, tuple[str, str]] = {
    "request_id": ("always", "the caller's `x-request-id`, or one that was made; the vendor is sent it too"),
    "caller": (
        "always",
        "name of the caller's key; `anonymous` where there are no keys, `unknown` without a valid one",
    ),
    "face": ("always", "`rest` or `grpc`"),
    "model": ("always", "the model as the caller named it, cut to 256 characters"),
    "stream": ("always", "whether a stream was asked for"),
    "outcome": ("always", "`ok`, `cancelled` (the caller went away) or a code of errors.md"),
    "chunks": ("always", "chunks that went to the caller"),
    "seconds": ("always", "the whole request"),
    "overhead_seconds": ("always", "until the first chunk, but for the time spent waiting for a vendor or in line"),
    "trace_id": ("with a trace", "32 hex digits"),
    "first_chunk_seconds": ("once begun", "until the first chunk went to the caller"),
    "queued_seconds": ("after a wait", "in line before deployments"),
    "account_id": ("where sent", "the caller's `x-selected-account-id`"),
    "vendor": ("once chosen", "where it was, or would have been, answered"),
    "deployment": ("once chosen", "the deployment there; empty for the only one"),
    "attempts": ("more than one", "where it went, in order, and how that ended"),
    "replayed": ("if so", "true: an earlier answer of the same Idempotency-Key"),
    "dropped": ("if any", "fields of the request that were left out"),
    "finish_reason": ("once ended", "why the vendor ended the answer"),
    "prompt_tokens": ("once told", "as the vendor counts them"),
    "completion_tokens": ("once told", "as the vendor counts them; only of a whole answer"),
    "received_deltas": ("cut short", "pieces of text that came before the answer was cut short"),
    "received_bytes": ("cut short", "bytes of text that came"),
    "completion_tokens_estimated": ("cut short", "what that is in tokens, about"),
    "error": ("own errors", "the message, cut to 2,000 characters"),
    "upstream_status": ("a vendor's error", "its HTTP status"),
    "upstream_code": ("a vendor's error", "its own code; its words are not logged, because they may repeat the prompt"),
    "upstream_request_id": ("a vendor's error", "its name for the request, to ask its support with"),
}
"""Fields of the line: when they are there, and what they mean."""

ATTRIBUTES: Mapping[str, tuple[str, str]] = {
    "rpc.system": ("request", "`grpc`"),
    "rpc.service": ("request", "the service that was called"),
    "rpc.method": ("request", "its method"),
    "parley.request_id": ("both", "as in the log"),
    "parley.caller": ("request", "as in the log"),
    "parley.face": ("request", "as in the log"),
    "parley.model": ("both", "the model's name in parley.yaml, `vendor/*` for a wildcard"),
    "parley.outcome": ("both", "as in the log; of an attempt that lost to a hedge, `overtaken`"),
    "parley.chunks": ("request", "as in the log"),
    "parley.overhead_seconds": ("request", "as in the log"),
    "parley.first_chunk_seconds": ("request", "as in the log"),
    "parley.queued_seconds": ("request", "as in the log"),
    "parley.attempts": ("request", "as in the log"),
    "parley.dropped": ("request", "as in the log"),
    "error.type": ("request", "the outcome of one that failed"),
    "gen_ai.operation.name": ("attempt", "`chat`"),
    "gen_ai.provider.name": ("attempt", "the vendor, by the conventions' name"),
    "gen_ai.request.model": ("attempt", "the vendor's name for the model"),
    "gen_ai.request.stream": ("attempt", "whether a stream was asked for"),
    "gen_ai.request.max_tokens": ("attempt", "where the request says it"),
    "gen_ai.request.temperature": ("attempt", "where the request says it"),
    "gen_ai.request.top_p": ("attempt", "where the request says it"),
    "gen_ai.request.top_k": ("attempt", "where the request says it"),
    "gen_ai.request.choice.count": ("attempt", "where the request says it"),
    "gen_ai.request.seed": ("attempt", "where the request says it"),
    "gen_ai.request.frequency_penalty": ("attempt", "where the request says it"),
    "gen_ai.request.presence_penalty": ("attempt", "where the request says it"),
    "parley.vendor": ("attempt", "the vendor's name in parley.yaml"),
    "parley.deployment": ("attempt", "the deployment"),
    "parley.hedge": ("attempt", "whether it was sent beside one that took long"),
    "server.address": ("attempt", "the vendor's host, or the engine's socket"),
    "server.port": ("attempt", "its port"),
    "gen_ai.response.time_to_first_chunk": ("attempt", "seconds"),
    "gen_ai.response.model": ("attempt", "the model as the vendor names it in its answer"),
    "gen_ai.response.id": ("attempt", "the vendor's name for the answer"),
    "gen_ai.response.finish_reasons": ("attempt", "of the one that answers"),
    "gen_ai.usage.input_tokens": ("attempt", "of the one that answers"),
    "gen_ai.usage.output_tokens": ("attempt", "of the one that answers"),
    "gen_ai.usage.cache_read.input_tokens": ("attempt", "of the one that answers"),
    "gen_ai.usage.reasoning.output_tokens": ("attempt", "of the one that answers"),
    "http.response.status_code": ("attempt", "the vendor's status, of an error"),
    "parley.upstream_request_id": ("attempt", "the vendor's name for the request, of an error"),
    "gen_ai.input.messages": ("attempt", "only with `tracing.content`"),
    "gen_ai.output.messages": ("attempt", "only with `tracing.content`"),
}
"""Attributes of spans: of a request's or an attempt's, and what they mean."""


def page() -> str:
    """The page."""
    return "\n".join([*_lines(), ""])


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    for each in METRICS:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        yield f"| `{each.name}` | {each.type} | {each.unit} | {labels} | {each.text} |"
    yield _LABELS
    for name, text in LABELS.items():
        yield f"| `{name}` | {text} |"
    for head, rows in ((_LOG, FIELDS), (_SPANS, ATTRIBUTES)):
        yield head
        for name, (where, text) in rows.items():
            yield f"| `{name}` | {where} | {text} |"
