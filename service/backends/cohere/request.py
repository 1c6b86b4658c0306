"""A request as the body of Cohere's Chat API."""

from collections.abc import Mapping
from types import MappingProxyType

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.cohere.messages import messages_of
from service.backends.cohere.refusal import unsupported
from service.backends.cohere.response_format import format_of
from service.backends.cohere.tools import tools_of
from service.backends.merge import merge
from service.codec import JsonObject, parse_object

_KNOBS: Mapping[str, str] = MappingProxyType(
    {
        "temperature": "temperature",
        "top_p": "p",
        "top_k": "k",
        "seed": "seed",
        "frequency_penalty": "frequency_penalty",
        "presence_penalty": "presence_penalty",
        "logprobs": "logprobs",
    }
)
"""Cohere's names of the fields that it gets as they are."""

KNOWN_MEMBERS = frozenset("citation_options documents priority safety_mode strict_tools thinking".split())
"""Members of a request that Cohere knows and the schema does not (cohere 7.3.1, ClientV2.chat)."""

BUDGETS: Mapping[str, int] = MappingProxyType({"minimal": 512, "low": 1024, "medium": 4096})
"""Most tokens of reasoning by how much is asked for; more than that is not limited."""


def body_of(request: CompletionRequest) -> JsonObject:
    """The body, but for the model and whether it is streamed."""
    body: JsonObject = {"messages": list(messages_of(request))}
    for name, own in _KNOBS.items():
        if request.HasField(name):
            body[own] = getattr(request, name)
    if request.HasField("top_k") and request.top_k < 0:
        # All tokens, which is 0 here.
        body["k"] = 0
    if request.HasField("max_completion_tokens"):
        body["max_tokens"] = request.max_completion_tokens
    elif request.HasField("max_tokens"):
        body["max_tokens"] = request.max_tokens
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    for members in (tools_of(request), format_of(request), _thinking(request), _extra(request)):
        merge(body, members)
    if request.inference_extra_params:
        merge(body, parse_object(request.inference_extra_params))
    return body


def _thinking(request: CompletionRequest) -> JsonObject:
    effort = request.reasoning_effort
    if not effort:
        return {}
    if effort == "none":
        return {"thinking": {"type": "disabled"}}
    budget: JsonObject = {"token_budget": BUDGETS[effort]} if effort in BUDGETS else {}
    return {"thinking": {"type": "enabled", **budget}}


def _extra(request: CompletionRequest) -> JsonObject:
    extra = parse_object(request.extra_fields) if request.extra_fields else {}
    for name in extra:
        if name not in KNOWN_MEMBERS:
            raise unsupported(name, "not a member that this service or Cohere knows")
    return extra
