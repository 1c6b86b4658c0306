"""Fits a request to the vendor that it goes to: what that vendor cannot honour is refused or left out, visibly."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.backends.dialect import Target
from service.backends.fields import IN_MESSAGES, KNOBS, Refused
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


def fit(request: CompletionRequest, target: Target, policy: Policy | None, report: Report) -> None:
    """Takes out of a request, in place, what its vendor cannot honour, or refuses it (UNSUPPORTED, with the path).

    :param policy: what the caller wants; None: features are refused, tuning knobs left out with a warning.
    """
    fields = target.fields
    for descriptor, _ in request.ListFields():
        name = descriptor.name
        handling = fields.get(name)
        if not isinstance(handling, Refused):
            continue
        neutral = NEUTRAL.get(name)
        if neutral is None or not neutral(request):
            _refuse(name, name, handling, target, policy, report)
        request.ClearField(name)
    if any(isinstance(fields[name], Refused) for name in IN_MESSAGES):
        _fit_messages(request, target, policy, report)


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
    fields = target.fields
    for index, message in enumerate(request.messages):
        for name, path, remove in _parts(message, f"messages[{index}]"):
            handling = fields[name]
            if isinstance(handling, Refused):
                _refuse(name, path, handling, target, policy, report)
                remove()
    handling = fields["cache_control"]
    if isinstance(handling, Refused):
        for index, tool in enumerate(request.tools):
            if tool.HasField("cache_control"):
                _refuse("cache_control", f"tools[{index}].cache_control", handling, target, policy, report)
                tool.ClearField("cache_control")


def _parts(message: Message, path: str) -> Iterable[tuple[str, str, Callable[[], None]]]:
    """What stands in a message that a vendor may not know: its name, its path, and how to take it out."""
    for name in ("name", "reasoning_content", "audio"):
        # A deprecated function's result carries the function's name, which is no knob.
        if (message.name if name == "name" else message.HasField(name)) and message.role != "function":
            yield f"message.{name}", f"{path}.{name}", lambda name=name: message.ClearField(name)
    if message.HasField("cache_control"):
        yield "cache_control", f"{path}.cache_control", lambda: message.ClearField("cache_control")
    for index, part in reversed(list(enumerate(message.content))):
        where = f"{path}.content[{index}]"
        if part.HasField("cache_control"):
            yield "cache_control", f"{where}.cache_control", lambda part=part: part.ClearField("cache_control")
        kind = part.WhichOneof("part")
        if kind is not None and f"content.{kind}" in IN_MESSAGES:
            yield f"content.{kind}", f"{where}.{kind}", lambda index=index: _drop(message, index)


def _drop(message: Message, index: int) -> None:
    kept: list[ContentPart] = [part for at, part in enumerate(message.content) if at != index]
    del message.content[:]
    message.content.extend(kept)
