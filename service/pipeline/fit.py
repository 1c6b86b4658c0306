"""Fits a request to the vendor that it goes to: what that vendor cannot honour is refused or left out, visibly."""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Literal

from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.backends.dialect import Target
from service.backends.fields import IN_MESSAGES, KNOBS, NAMES, Refused
from service.errors import ApiError, Kind
from service.pipeline.report import Policy, Report

NEUTRAL: Mapping[str, Callable[[CompletionRequest], bool]] = MappingProxyType(
    {
        "n": lambda r: r.n == 1,
        "best_of": lambda r: r.best_of == (r.n or 1),
        "logprobs": lambda r: not r.logprobs,
        "top_logprobs": lambda r: r.top_logprobs == 0,
        "top_k": lambda r: r.top_k in {-1, 0},
        # A vendor that has no such knob samples from the model's own distribution.
        "temperature": lambda r: r.temperature == 1,
        "top_p": lambda r: r.top_p == 1,
        "frequency_penalty": lambda r: r.frequency_penalty == 0,
        "presence_penalty": lambda r: r.presence_penalty == 0,
        "include_stop_str_in_output": lambda r: not r.include_stop_str_in_output,
        "parallel_tool_calls": lambda r: r.parallel_tool_calls or not r.tools,
        "store": lambda r: not r.store,
        "suffix": lambda r: not r.suffix,
        "response_format": lambda r: r.response_format.type == "text",
        "tool_choice": lambda r: r.tool_choice.mode == "auto" or (r.tool_choice.mode == "none" and not r.tools),
        "modalities": lambda r: list(r.modalities) == ["text"],
        "chat_template_kwargs": lambda r: r.chat_template_kwargs == "{}",
        "inference_extra_params": lambda r: r.inference_extra_params == "{}",
        "extra_fields": lambda r: r.extra_fields == "{}",
    }
)
"""Values that ask for what every vendor does anyway, so that nothing is lost without them."""


DESCRIPTION = "response_format.json_schema.description"
DETAIL = "content.image_url.detail"
_Member = Literal["name", "reasoning_content", "audio"]
_MEMBERS: Mapping[_Member, str] = MappingProxyType(
    {"name": "message.name", "reasoning_content": "message.reasoning_content", "audio": "message.audio"}
)
_IN_MESSAGES = frozenset((*IN_MESSAGES, DETAIL))
_ALL = frozenset(NAMES)


def fit(
    request: CompletionRequest,
    target: Target,
    policy: Policy | None,
    report: Report,
    uses: AbstractSet[str] = _ALL,
) -> None:
    """Takes out of a request, in place, what its vendor cannot honour, or refuses it (UNSUPPORTED, with the path).

    :param policy: what the caller wants; None: features are refused, tuning knobs left out with a warning.
    :param uses: as in Prepared. Default: there may be anything.
    """
    refused = target.refused
    lost = refused.keys() & uses
    if not lost:
        return
    for descriptor, _ in request.ListFields():
        name = descriptor.name
        handling = refused.get(name)
        if handling is None:
            continue
        neutral = NEUTRAL.get(name)
        if neutral is None or not neutral(request):
            _refuse(name, name, handling, target, policy, report)
        request.ClearField(name)
    if DESCRIPTION in lost and request.response_format.json_schema.description:
        _refuse(DESCRIPTION, DESCRIPTION, refused[DESCRIPTION], target, policy, report)
        request.response_format.json_schema.ClearField("description")
    if not _IN_MESSAGES.isdisjoint(lost):
        _fit_messages(request, target, policy, report)
        _fit_tools(request, target, policy, report)


def _refuse(name: str, path: str, handling: Refused, target: Target, policy: Policy | None, report: Report) -> None:
    policy = policy or (Policy.WARN if name in KNOBS else Policy.STRICT)
    match policy:
        case Policy.STRICT:
            raise ApiError(
                Kind.UNSUPPORTED,
                f"{path}: {target.vendor} cannot honour it: {handling.why}. "
                "The header x-parley-unsupported: warn serves the request without it",
                param=path,
            )
        case Policy.WARN:
            if path not in report.dropped:
                report.dropped.append(path)
        case Policy.DROP:
            pass


def _fit_messages(request: CompletionRequest, target: Target, policy: Policy | None, report: Report) -> None:
    refused = target.refused
    for index, message in enumerate(request.messages):
        for name, path, remove in _parts(message, f"messages[{index}]", refused):
            _refuse(name, path, refused[name], target, policy, report)
            remove()


def _fit_tools(request: CompletionRequest, target: Target, policy: Policy | None, report: Report) -> None:
    handling = target.refused.get("cache_control")
    if handling is not None:
        for index, tool in enumerate(request.tools):
            if tool.HasField("cache_control"):
                _refuse("cache_control", f"tools[{index}].cache_control", handling, target, policy, report)
                tool.ClearField("cache_control")


def _parts(
    message: Message, path: str, refused: Mapping[str, Refused]
) -> Iterable[tuple[str, str, Callable[[], None]]]:
    """What stands in a message of the refused names: the name, its path, and how to take it out."""
    for member, name in _MEMBERS.items():
        # A deprecated function's result carries the function's name, which is no knob.
        if name in refused and _has(message, member) and message.role != "function":
            yield name, f"{path}.{member}", lambda member=member: message.ClearField(member)
    no_marks = "cache_control" in refused
    if no_marks and message.HasField("cache_control"):
        yield "cache_control", f"{path}.cache_control", lambda: message.ClearField("cache_control")
    for index, part in reversed(list(enumerate(message.content))):
        if no_marks and part.HasField("cache_control"):
            where = f"{path}.content[{index}].cache_control"
            yield "cache_control", where, lambda at=index: _clear(message, at, "cache_control")
        kind = part.WhichOneof("part")
        if kind is None or kind == "text":
            continue
        where = f"{path}.content[{index}].{kind}"
        if f"content.{kind}" in refused:
            # What stands within goes with it.
            yield f"content.{kind}", where, lambda at=index: _drop(message, at)
        elif kind == "image_url" and DETAIL in refused and part.image_url.detail not in {"", "auto"}:
            yield DETAIL, f"{where}.detail", lambda at=index: message.content[at].image_url.ClearField("detail")


def _has(message: Message, member: _Member) -> bool:
    return bool(message.name) if member == "name" else message.HasField(member)


def _clear(message: Message, index: int, name: Literal["cache_control"]) -> None:
    # Found anew: where a later part was left out, the list holds copies.
    message.content[index].ClearField(name)


def _drop(message: Message, index: int) -> None:
    kept: list[ContentPart] = [part for at, part in enumerate(message.content) if at != index]
    del message.content[:]
    message.content.extend(kept)
