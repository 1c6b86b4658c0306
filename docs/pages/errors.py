"""docs/errors.md: every code, whoever tells it."""

from collections.abc import Iterator
from dataclasses import dataclass

from docs.pages.edge import edge_errors
from service.errors import CODES, INSTEAD, UPSTREAM_CODES, Code, Kind

_INTRODUCTION = """\
# Errors

Every `code` that an error can have, made of the service's own table and of envoy.yaml. Over REST the body is
`{"error": {"message", "type", "param", "code"}}` with the HTTP status; `param` is the path of the field at fault.
Over gRPC the status has google.rpc.ErrorInfo (domain `parley`, reason = the code in upper case, metadata: request_id,
retryable, http_status, attempts, and of the vendor: vendor, upstream_status, upstream_code, upstream_request_id),
BadRequest with the path, and RetryInfo where it is known when trying again may help.

**`Retry-After`** (gRPC: RetryInfo) is there where the vendor said it, at `queue_full` and the edge's `unavailable` (one
second), and where too many large requests are in hand (`unavailable`, two seconds). Other errors have none:
where the table says that they may succeed later, back off as you see fit.

**The vendor's own code** is never in `code`: the same failure has the same code, whichever vendor it came from.
Over gRPC it is `upstream_code` in ErrorInfo; the log line has it for both faces. What another Parley told as a vendor
is passed on with its code.

## When a status becomes an event

The HTTP status is that of the error for as long as nothing was sent. Once the first bytes of a stream are out, the
status has been 200: they are the first chunk, or the comment that a stream gets which has been silent for `keep_alive`
(15 s by default). So a stream that fails before both has the status of the error, and a later failure is an event: the
last one, `data: {"error": {...}}` (`event: error` before it on `/v4/beta`), after which no `data: [DONE]` follows. Over
gRPC it is always the status of the call, also after chunks.

## Codes

Who finds it: *service* is Parley, *edge* its Envoy, *vendor* the one that was asked. Edge errors reach gRPC callers as
a plain status without details.

"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    code: Code
    http: int
    grpc: str
    type: str
    retryable: bool


def rows() -> tuple[Row, ...]:
    """Every line, by status and code."""
    return tuple(sorted(set(_rows()), key=lambda row: (row.http, row.code)))


def _rows() -> Iterator[Row]:
    told: list[tuple[Code, Kind]] = [(kind.value.code, kind) for kind in Kind]
    told += INSTEAD.items()
    seen: set[tuple[str, int]] = set()
    for code, kind in told:
        row = kind.value
        seen.add((code, row.http))
        yield Row(code, row.http, row.grpc.name, row.type, row.retryable)
    for error in edge_errors():
        if (error.code, error.http) not in seen:
            yield Row(_known(error.code), error.http, error.grpc, error.type, error.http in {408, 503})


def _known(word: str) -> Code:
    """A word of envoy.yaml, which has to be one of the codes."""
    return next(code for code in CODES if code == word)


def page() -> str:
    """The page's text."""
    lines = [
        "| code | HTTP | gRPC | type | may succeed later | who finds it | what it means | what to do |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows():
        said = CODES[row.code]
        again = "yes" if row.retryable else ""
        lines.append(
            f"| `{row.code}` | {row.http} | {row.grpc} | `{row.type}` | {again} | {', '.join(said.by)} "
            f"| {said.meaning} | {said.advice} |"
        )
    lines += ["", "Values of `upstream_code` that this service says itself, where no vendor was asked:", ""]
    lines += [f"- `{code}`: {meaning}" for code, meaning in UPSTREAM_CODES.items()]
    return _INTRODUCTION + "\n".join([*lines, ""])
