"""How much a model reasons: one word of a request, and two very different ways to tell Claude."""

from collections.abc import Mapping
from types import MappingProxyType

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.anthropic.models import ClaudeModel, Reasoning
from service.codec import JsonObject
from service.errors import ApiError, Kind

EFFORTS: Mapping[str, str] = MappingProxyType(
    {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh"}
)
"""Anthropic's word for each effort (https://platform.claude.com/docs/en/build-with-claude/effort)."""

BUDGETS: Mapping[str, int] = MappingProxyType(
    {"minimal": 1_024, "low": 2_048, "medium": 8_192, "high": 16_384, "xhigh": 32_768}
)
"""Tokens of thinking for each effort, at models that have no word for it. Anthropic wants at least 1024, and suggests
16k and more for hard tasks (https://platform.claude.com/docs/en/build-with-claude/extended-thinking)."""

_LEAST_BUDGET = 1_024


def reasoning(request: CompletionRequest, model: ClaudeModel, max_tokens: int) -> JsonObject:
    """The members that say how much the model reasons; none where the request does not.

    ApiError: UNSUPPORTED where the model cannot be kept from it, INVALID_VALUE where the answer's limit leaves no room.
    """
    if not request.HasField("reasoning_effort"):
        return {}
    effort = request.reasoning_effort
    if effort == "none":
        if model.not_thinking is None:
            raise _refusal(Kind.UNSUPPORTED, "this model always reasons; low is the least")
        return {"thinking": dict(model.not_thinking)} if model.not_thinking else {}
    if effort not in EFFORTS:
        raise _refusal(Kind.INVALID_VALUE, f"expected none, {', '.join(EFFORTS)}")
    if model.reasoning is Reasoning.EFFORT:
        word = EFFORTS[effort]
        members: JsonObject = {"output_config": {"effort": "high" if word == "xhigh" and not model.xhigh else word}}
        return {"thinking": dict(model.thinking), **members} if model.thinking else members
    # The budget is a part of the answer's limit.
    budget = min(BUDGETS[effort], max_tokens - 1)
    if budget < _LEAST_BUDGET:
        raise _refusal(Kind.INVALID_VALUE, f"needs a max_tokens above {_LEAST_BUDGET}, as reasoning counts within it")
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _refusal(kind: Kind, problem: str) -> ApiError:
    return ApiError(kind, f"reasoning_effort: {problem}", param="reasoning_effort")
