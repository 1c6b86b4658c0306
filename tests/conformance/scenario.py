"""The scenarios, and what each must become. A dialect answers all of them: there is no default and no way round."""

from dataclasses import dataclass, fields

from service.backends.dialect import Target
from service.errors import Kind

TEXT = "Hello, wörld ✓"
LONG = "one two"
REASONING = "Let me think."
PARIS = '{"city":"Paris"}'
ROME = '{"city":"Rome"}'


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the vendor: status 200 and a body."""

    body: bytes
    content_type: str
    stream: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer with an error status."""

    status: int
    body: bytes
    headers: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """The vendor has no such thing, as one of its own documents says."""

    reason: str
    """With the address of the document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """What one dialect's vendor answers in each scenario, in its own bytes, as its SDK or a recording has them.

    Unless said otherwise: one choice, role assistant, finish stop, usage 12 prompt + 7 completion = 19 tokens, streamed.
    """

    target: Target

    text: Answer
    """TEXT in at least three pieces, the ö within a piece of its own event."""
    text_unary: Answer
    """The same, unstreamed."""
    tools: Answer
    """Two parallel calls of get_weather, with PARIS and ROME (arguments in pieces where the vendor cuts them), no text;
    finish tool_calls; usage 30 + 20."""
    tools_unary: Answer
    """The same, unstreamed."""
    text_then_tool: Answer
    """TEXT, then one call of get_weather with PARIS, whose index is 0 whatever the vendor's numbering; finish
    tool_calls."""
    reasoning: Answer | Skip
    """REASONING apart from the answer, then TEXT."""
    finish_length: Answer
    """LONG, ended by the limit of tokens."""
    finish_filter: Answer | Skip
    """LONG, ended by a content filter."""
    usage_details: Answer | Skip
    """TEXT with 10 prompt tokens, of them 4 read from a cache, and 9 completion tokens, 5 of them of reasoning where the
    vendor tells (else without that detail); total 19."""
    error_mid_stream: Answer
    """LONG's first word "one", then the vendor's own way of saying that it failed."""
    truncated: Answer
    """The text scenario's bytes up to just before the vendor's end mark."""
    malformed: Answer
    """A first piece "one", then an event that is broken JSON, or a broken frame."""
    future_event: Answer
    """The text scenario with an event, or a field, of a kind that no version of today has in the middle."""
    future_finish: Answer
    """LONG with a finish reason that no version of today has: kept in native_finish_reason, and never told as stop."""
    bad_request: Refusal
    not_found: Refusal
    own_key: Refusal
    """The vendor refuses the service's key, and quotes a part of it: sk-planted."""
    rate_limited: Refusal
    """With a Retry-After of 7 seconds, in the vendor's way."""
    overloaded: Refusal
    """503, 529 or what the vendor uses: UNAVAILABLE or OVERLOADED."""
    server_error: Refusal
    context_length: Refusal | Skip
    page: Refusal
    """A proxy's HTML page with 502."""


ANSWERS = tuple(field.name for field in fields(Dialogue) if field.type in (Answer, Answer | Skip))
REFUSALS: dict[str, frozenset[Kind]] = {
    "bad_request": frozenset({Kind.REFUSED}),
    "not_found": frozenset({Kind.MODEL_NOT_FOUND}),
    "own_key": frozenset({Kind.UPSTREAM_AUTH}),
    "rate_limited": frozenset({Kind.RATE_LIMIT}),
    "overloaded": frozenset({Kind.OVERLOADED, Kind.UNAVAILABLE}),
    "server_error": frozenset({Kind.UPSTREAM_ERROR}),
    "context_length": frozenset({Kind.CONTEXT_LENGTH}),
    "page": frozenset({Kind.BAD_UPSTREAM}),
}
FAILURES: dict[str, frozenset[Kind]] = {
    "error_mid_stream": frozenset({Kind.UPSTREAM_ERROR, Kind.OVERLOADED, Kind.UNAVAILABLE}),
    "truncated": frozenset({Kind.STREAM_CUT}),
    "malformed": frozenset({Kind.BAD_UPSTREAM, Kind.STREAM_CUT}),
}
