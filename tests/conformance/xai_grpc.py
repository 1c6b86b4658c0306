"""xAI's chat API over gRPC (https://docs.x.ai/docs/grpc-reference); tests/backends/test_xai_grpc.py has its own client
read all of these bytes."""

from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status

from service.backends.dialect import Target
from service.backends.grpc_frames import as_metadata, message_frame, metadata_frame
from service.backends.vendors import DIALECTS
from service.backends.xai_grpc import wire_pb2 as wire
from service.config import Timeouts
from tests.conformance.scenario import LONG, PARIS, ROME, TEXT, Answer, Dialogue, Refusal, Skip

GRPC = "application/grpc"
OK = metadata_frame({"grpc-status": "0"})
BEGIN = metadata_frame({"x-request-id": "req-1"})
MAX_LEN, STOP, TOOL_CALLS = 1, 3, 4
STAMP: dict[str, Any] = {
    "id": "chat-1",
    "created": Timestamp(seconds=1700000000),
    "model": "grok-4",
    "system_fingerprint": "fp_1",
}
USAGE = wire.Usage(prompt_tokens=12, completion_tokens=7, total_tokens=19)
TOOLS = wire.Usage(prompt_tokens=30, completion_tokens=20, total_tokens=50)
UNKNOWN_FIELD = b"\xa2\x06\x03new"
"""Field 100 of any message."""


def chunk(finish: int = 0, usage: wire.Usage = USAGE, **delta: Any) -> bytes:
    output = wire.OutputChunk(delta=wire.Delta(role=2, **delta), finish_reason=finish)
    return wire.Chunk(outputs=[output], usage=usage, **STAMP).SerializeToString()


def stream(*messages: bytes, end: bytes = OK) -> Answer:
    return Answer(BEGIN + b"".join(map(message_frame, messages)) + end, GRPC)


def whole(finish: int, usage: wire.Usage, **message: Any) -> Answer:
    output = wire.Output(message=wire.Delta(role=2, **message), finish_reason=finish)
    answer = wire.Answer(outputs=[output], usage=usage, **STAMP)
    return Answer(BEGIN + message_frame(answer.SerializeToString()) + OK, GRPC, stream=False)


def call(number: int, arguments: str) -> wire.ToolCall:
    return wire.ToolCall(
        id=f"call_{number}", type=1, function=wire.FunctionCall(name="get_weather", arguments=arguments)
    )


def status(code: int, message: str, retry_after: int = 0) -> dict[str, str]:
    packed = Status(code=code, message=message)
    if retry_after:
        packed.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=retry_after)))
    pairs = [("grpc-status-details-bin", packed.SerializeToString())]
    return {"grpc-status": str(code), "grpc-message": message, **as_metadata(pairs)}


def refusal(http: int, code: int, message: str, retry_after: int = 0) -> Refusal:
    return Refusal(http, b"", status(code, message, retry_after))


WORDS = (chunk(content="Hello, "), chunk(content="wö"), chunk(content="rld ✓"))
END = chunk(STOP)

XAI_GRPC = Dialogue(
    target=Target(
        vendor="xai_grpc",
        deployment="",
        model="grok-4",
        dialect=DIALECTS["xai_grpc"],
        base_url="grpcs://api.x.ai",
        timeouts=Timeouts(),
        credential="sk-planted",
    ),
    text=stream(*WORDS, END),
    text_unary=whole(STOP, USAGE, content=TEXT),
    tools=stream(
        chunk(usage=TOOLS, tool_calls=[call(1, PARIS)]),
        chunk(usage=TOOLS, tool_calls=[call(2, ROME)]),
        chunk(TOOL_CALLS, TOOLS),
    ),
    tools_unary=whole(TOOL_CALLS, TOOLS, tool_calls=[call(1, PARIS), call(2, ROME)]),
    text_then_tool=stream(*WORDS, chunk(tool_calls=[call(1, PARIS)]), chunk(TOOL_CALLS)),
    reasoning=stream(chunk(reasoning_content="Let me "), chunk(reasoning_content="think."), *WORDS, END),
    finish_length=stream(chunk(content=LONG), chunk(MAX_LEN)),
    finish_filter=Skip("its FinishReason knows no filter: https://docs.x.ai/docs/grpc-reference"),
    usage_details=stream(
        *WORDS,
        chunk(
            STOP,
            wire.Usage(
                prompt_tokens=10, cached_prompt_text_tokens=4, completion_tokens=4, reasoning_tokens=5, total_tokens=19
            ),
        ),
    ),
    error_mid_stream=stream(chunk(content="one"), end=metadata_frame(status(14, "The model is at capacity"))),
    truncated=stream(*WORDS, END, end=b""),
    malformed=stream(chunk(content="one"), b"\x0a\xff", END),
    future_event=stream(*WORDS[:2], wire.Chunk(id="chat-1").SerializeToString() + UNKNOWN_FIELD, WORDS[2], END),
    future_finish=stream(chunk(content=LONG), chunk(99)),
    bad_request=refusal(400, 3, "bad"),
    not_found=refusal(404, 5, "The model grok-0 does not exist"),
    own_key=refusal(400, 3, "Incorrect API key provided: sk-planted"),
    rate_limited=refusal(429, 8, "Too many requests", 7),
    overloaded=refusal(503, 14, "The model is at capacity"),
    server_error=refusal(500, 13, "oops"),
    context_length=refusal(
        400, 3, "This model's maximum prompt length is 131072 but the request contains 537812 tokens."
    ),
    # In the words of gRPC's own client.
    page=Refusal(502, b"", {"grpc-status": "14", "grpc-message": "Received http2 header with status: 502"}),
)
