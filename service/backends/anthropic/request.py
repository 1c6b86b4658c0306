"""A request as the body of Anthropic's Messages API."""

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.anthropic.fields import SAMPLING
from service.backends.anthropic.messages import conversation_of
from service.backends.anthropic.models import ClaudeModel, model_of
from service.backends.anthropic.output import format_of
from service.backends.anthropic.thinking import reasoning
from service.backends.anthropic.tools import tools_of
from service.backends.merge import merge
from service.codec import JsonObject, parse_object
from service.errors import ApiError, Kind

KNOWN_MEMBERS = frozenset(
    (
        "cache_control compaction container context_management diagnostics fallbacks inference_geo mcp_servers "
        "metadata output_config service_tier speed thinking user_profile_id"
    ).split()
)
"""Members of a request that Anthropic knows and the schema does not (anthropic 2.12.0, MessageCreateParams)."""


def body_of(request: CompletionRequest, model_name: str) -> JsonObject:
    """The body, but for what depends on where it goes: model, version, stream."""
    model = model_of(model_name)
    conversation = conversation_of(request)
    max_tokens = _limit(request, model)
    form, instructions = format_of(request)
    conversation.system += instructions
    body: JsonObject = {"max_tokens": max_tokens, **conversation.members(), **_sampling(request, model_name)}
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    if request.user:
        body["metadata"] = {"user_id": request.user}
    for members in (tools_of(request), form, reasoning(request, model, max_tokens), _extra(request)):
        merge(body, members)
    if request.inference_extra_params:
        merge(body, parse_object(request.inference_extra_params))
    return body


def _limit(request: CompletionRequest, model: ClaudeModel) -> int:
    if request.HasField("max_completion_tokens"):
        return request.max_completion_tokens
    return request.max_tokens if request.HasField("max_tokens") else model.max_tokens


def _sampling(request: CompletionRequest, model_name: str) -> JsonObject:
    knobs: JsonObject = {name: getattr(request, name) for name in SAMPLING if request.HasField(name)}
    if request.HasField("top_k") and request.top_k < 1:
        # The whole vocabulary, which is the default.
        del knobs["top_k"]
    if not model_name.startswith("claude"):
        return knobs
    if request.temperature > 1:
        problem = f"temperature: expected 0 to 1, which is Claude's range, got {request.temperature:g}"
        raise ApiError(Kind.INVALID_VALUE, problem, param="temperature")
    if request.HasField("temperature") and request.HasField("top_p"):
        # Since Opus 4.1 only one of both is taken; a value that changes nothing is the one to leave out.
        for name in ("top_p", "temperature"):
            if knobs.get(name) == 1:
                del knobs[name]
                break
    return knobs


def _extra(request: CompletionRequest) -> JsonObject:
    extra = parse_object(request.extra_fields) if request.extra_fields else {}
    for name in extra:
        if name not in KNOWN_MEMBERS:
            problem = f"{name}: not a member that this service or Anthropic knows"
            raise ApiError(Kind.UNSUPPORTED, problem, param=name)
    return extra
