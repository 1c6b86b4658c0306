"""Another Parley: its messages are those of the contract, its statuses those of its faces."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from parley.chat.v1.completion_pb2 import Completion, CompletionChunk

from service.backends.dialect import Target
from service.backends.grpc_frames import as_metadata, message_frame, metadata_frame
from service.backends.vendors import DIALECTS
from service.config import Timeouts
from service.errors import ApiError, Kind, Upstream
from service.faces.failure import status
from tests.conformance.scenario import LONG, PARIS, REASONING, ROME, TEXT, Answer, Dialogue, Refusal

GRPC = "application/grpc"
OK = metadata_frame({"grpc-status": "0", "x-request-id": "r"})
BEGIN = metadata_frame({"x-parley-dropped": "user"})
USAGE = {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}
UNKNOWN_FIELD = b"\xa2\x06\x03new"
"""Field 100 of any message."""


def trailers(error: ApiError) -> dict[str, str]:
    """What a Parley ends a call with, as its gRPC face does."""
    packed = status(error, "r")
    pairs = [("grpc-status-details-bin", packed.SerializeToString())]
    return {"grpc-status": str(packed.code), "grpc-message": packed.message, **as_metadata(pairs)}


def chunk(delta: dict[str, Any] | None = None, finish: str = "", **members: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    event: dict[str, Any] = {"id": "chatcmpl-1", "created": 1700000000, "model": "m", "choices": choices, **members}
    return json_format.ParseDict(event, CompletionChunk()).SerializeToString()


def stream(*messages: bytes, end: bytes = OK) -> Answer:
    return Answer(BEGIN + b"".join(map(message_frame, messages)) + end, GRPC)


def whole(message: dict[str, Any], finish: str, usage: dict[str, Any]) -> Answer:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    answer = {"id": "chatcmpl-1", "created": 1700000000, "model": "m", "choices": [choice], "usage": usage}
    data = json_format.ParseDict(answer, Completion()).SerializeToString()
    return Answer(BEGIN + message_frame(data) + OK, GRPC, stream=False)


def call(index: int, *arguments: str) -> list[bytes]:
    start = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": "get_weather"}}
    rest = [{"index": index, "function": {"arguments": piece}} for piece in arguments]
    return [chunk({"tool_calls": [each]}) for each in (start, *rest)]


def message_call(index: int, arguments: str) -> dict[str, Any]:
    function = {"name": "get_weather", "arguments": arguments}
    return {"index": index, "id": f"call_{index}", "type": "function", "function": function}


def failure(kind: Kind, message: str, **more: Any) -> ApiError:
    upstream = None if kind is Kind.INVALID_KEY else Upstream("openai", kind.value.http, code="", request_id="req-1")
    return ApiError(kind, message, upstream=upstream, **more)


def refusal(kind: Kind, message: str, **more: Any) -> Refusal:
    return Refusal(kind.value.http, b"", dict(trailers(failure(kind, message, **more))))


def bare(code: int, message: str) -> Mapping[str, str]:
    return {"grpc-status": str(code), "grpc-message": message}


WORDS = (chunk({"role": "assistant", "content": "Hello, "}), chunk({"content": "wö"}), chunk({"content": "rld ✓"}))
ROLE, STOP, LAST = chunk({"role": "assistant"}), chunk({}, "stop"), chunk(usage=USAGE)
TOOLS = {"prompt_tokens": 30, "completion_tokens": 20, "total_tokens": 50}
BROKEN = metadata_frame(trailers(failure(Kind.UPSTREAM_ERROR, "openai: The server had an error")))

PARLEY = Dialogue(
    target=Target(
        vendor="eu",
        deployment="",
        model="openai/gpt-4o",
        dialect=DIALECTS["parley"],
        base_url="grpcs://parley.eu",
        timeouts=Timeouts(),
        auth="x-api-key",
        credential="sk-planted",
    ),
    text=stream(*WORDS, STOP, LAST),
    text_unary=whole({"content": [{"text": TEXT}]}, "stop", USAGE),
    tools=stream(
        ROLE, *call(0, '{"city":', '"Paris"}'), *call(1, '{"city":', '"Rome"}'), chunk({}, "tool_calls"),
        chunk(usage=TOOLS),
    ),
    tools_unary=whole({"tool_calls": [message_call(0, PARIS), message_call(1, ROME)]}, "tool_calls", TOOLS),
    text_then_tool=stream(*WORDS, *call(0, PARIS), chunk({}, "tool_calls"), LAST),
    reasoning=stream(ROLE, chunk({"reasoning_content": REASONING}), *WORDS, STOP, LAST),
    finish_length=stream(chunk({"content": LONG}), chunk({}, "length"), LAST),
    finish_filter=stream(chunk({"content": LONG}), chunk({}, "content_filter"), LAST),
    usage_details=stream(
        *WORDS,
        STOP,
        chunk(
            usage={
                "prompt_tokens": 10,
                "completion_tokens": 9,
                "total_tokens": 19,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 5},
            }
        ),
    ),
    error_mid_stream=stream(chunk({"content": "one"}), end=BROKEN),
    truncated=stream(*WORDS, STOP, LAST, end=b""),
    malformed=stream(chunk({"content": "one"}), b"\x0a\xff", STOP),
    future_event=stream(*WORDS[:2], WORDS[2] + UNKNOWN_FIELD, STOP, LAST),
    future_finish=stream(chunk({"content": LONG}), chunk({}, "out_of_ideas"), LAST),
    bad_request=refusal(Kind.REFUSED, "openai: bad"),
    not_found=refusal(Kind.MODEL_NOT_FOUND, "model: no model 'x' here", param="model"),
    own_key=refusal(Kind.INVALID_KEY, "this API key is not known: sk-planted"),
    rate_limited=refusal(Kind.RATE_LIMIT, "openai: slow", retry_after=7.0),
    overloaded=refusal(Kind.OVERLOADED, "openai: full"),
    server_error=refusal(Kind.UPSTREAM_ERROR, "openai: oops"),
    context_length=refusal(Kind.CONTEXT_LENGTH, "openai: too long"),
    # In the words of gRPC's own client.
    page=Refusal(502, b"", dict(bare(14, "Received http2 header with status: 502"))),
)  # fmt: skip
