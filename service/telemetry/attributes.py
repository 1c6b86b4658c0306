"""What spans say, in the words of OpenTelemetry's conventions for generative AI and RPC.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/, https://opentelemetry.io/docs/specs/semconv/rpc/
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import urlsplit

from service.backends.dialect import Target
from service.errors import bounds
from service.pipeline.record import AttemptRecord, Record
from service.telemetry.content import messages_of_answer, messages_of_request

Attributes = dict[str, str | int | float | bool | list[str]]

_OPERATION = "chat"

_PROVIDERS: Mapping[str, str] = MappingProxyType(
    {
        "azure": "azure.ai.openai",
        "bedrock": "aws.bedrock",
        "gemini": "gcp.gemini",
        "mistral": "mistral_ai",
        "vertex_ai": "gcp.vertex_ai",
        "xai": "x_ai",
    }
)
"""The conventions' names for vendors, where they differ from ours."""

_METHODS: Mapping[tuple[str, bool], tuple[str, str]] = MappingProxyType(
    {
        ("rest", False): ("parley.chat.v1.RestService", "ChatCompletions"),
        ("rest", True): ("parley.chat.v1.RestService", "ChatCompletions"),
        ("grpc", False): ("parley.chat.v1.ChatService", "CreateCompletion"),
        ("grpc", True): ("parley.chat.v1.ChatService", "StreamCompletion"),
    }
)
"""Service and method by face, and whether the answer is streamed."""

_KNOBS: Mapping[str, str] = MappingProxyType(
    {
        "max_tokens": "gen_ai.request.max_tokens",
        "max_completion_tokens": "gen_ai.request.max_tokens",
        "temperature": "gen_ai.request.temperature",
        "top_p": "gen_ai.request.top_p",
        "top_k": "gen_ai.request.top_k",
        "n": "gen_ai.request.choice.count",
        "seed": "gen_ai.request.seed",
        "frequency_penalty": "gen_ai.request.frequency_penalty",
        "presence_penalty": "gen_ai.request.presence_penalty",
    }
)
"""Fields of a request that are numbers, and what they are called."""


def server_name(record: Record) -> str:
    """Name of the span of a caller's request."""
    return "/".join(_METHODS[record.context.face, record.stream])


def client_name(attempt: AttemptRecord) -> str:
    """Name of the span of a request to a vendor."""
    return f"{_OPERATION} {attempt.target.model}"


def of_request(record: Record) -> Attributes:
    """What the span of a caller's request says."""
    service, method = _METHODS[record.context.face, record.stream]
    said: Attributes = {
        "rpc.system": "grpc",
        "rpc.service": service,
        "rpc.method": method,
        "parley.request_id": record.context.request_id,
        "parley.caller": record.context.caller.name,
        "parley.face": record.context.face,
        "parley.model": record.model,
        "parley.outcome": record.outcome,
        "parley.chunks": record.chunks,
        "parley.overhead_seconds": record.overhead,
    }
    if record.first_chunk is not None:
        said["parley.first_chunk_seconds"] = record.first_chunk
    if record.queued:
        said["parley.queued_seconds"] = record.queued
    if record.context.report.attempts:
        said["parley.attempts"] = list(record.context.report.attempts)
    if record.context.report.dropped:
        said["parley.dropped"] = bounds.grouped(record.context.report.dropped)
    if record.error is not None:
        said["error.type"] = record.outcome
    return said


def of_attempt(record: Record, attempt: AttemptRecord) -> Attributes:
    """What the span of a request to a vendor says; how much was generated only where it gave the answer."""
    target, request = attempt.target, attempt.request
    said: Attributes = {
        "gen_ai.operation.name": _OPERATION,
        "gen_ai.provider.name": _PROVIDERS.get(target.vendor, target.vendor),
        "gen_ai.request.model": target.model,
        "gen_ai.request.stream": record.stream,
        "parley.request_id": record.context.request_id,
        "parley.model": attempt.model,
        "parley.vendor": target.vendor,
        "parley.deployment": target.deployment,
        "parley.outcome": attempt.outcome,
        "parley.hedge": attempt.hedge,
        **_server(target),
    }
    for field, name in _KNOBS.items():
        if request.HasField(field):  # type: ignore[arg-type]  # each is a field of the request
            said[name] = getattr(request, field)
    if attempt.first_chunk is not None:
        said["gen_ai.response.time_to_first_chunk"] = attempt.first_chunk
    if attempt.answered_by:
        said["gen_ai.response.model"] = attempt.answered_by
    if attempt.answer_id:
        said["gen_ai.response.id"] = attempt.answer_id
    if attempt.answers:
        said |= _generated(record)
    if attempt.error is not None and (upstream := attempt.error.upstream) is not None and upstream.status:
        said["http.response.status_code"] = upstream.status
        said["parley.upstream_request_id"] = upstream.request_id
    return said


def of_content(record: Record, attempt: AttemptRecord) -> Attributes:
    """What was asked and answered; only where the configuration asks for it."""
    said: Attributes = {"gen_ai.input.messages": messages_of_request(attempt.request)}
    if record.answer is not None:
        said["gen_ai.output.messages"] = messages_of_answer(record.answer)
    return said


def _generated(record: Record) -> Attributes:
    said: Attributes = {}
    if record.finish_reason:
        said["gen_ai.response.finish_reasons"] = [record.finish_reason]
    if usage := record.usage:
        said["gen_ai.usage.input_tokens"] = usage.prompt_tokens
        said["gen_ai.usage.output_tokens"] = usage.completion_tokens
        if cached := usage.prompt_tokens_details.cached_tokens:
            said["gen_ai.usage.cache_read.input_tokens"] = cached
        if reasoning := usage.completion_tokens_details.reasoning_tokens:
            said["gen_ai.usage.reasoning.output_tokens"] = reasoning
    return said


def _server(target: Target) -> Attributes:
    if target.socket is not None:
        return {"server.address": target.socket}
    host, port = _host_and_port(target.base_url)
    return {"server.address": host, "server.port": port}


@lru_cache(maxsize=1024)
def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
