"""Checks the messages of a request: who may say what, and that every tool's result answers a call."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NoReturn

from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.errors import ApiError, Kind

ROLES = frozenset(("system", "developer", "user", "assistant", "tool", "function"))
_SPEAKERS = frozenset(("system", "developer", "user"))
"""Who says something in each message."""
_ANSWERS = frozenset(("tool", "function"))
"""Who says what a call came to."""
_IN_MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "name": "message.name",
        "audio": "message.audio",
        "reasoning_content": "message.reasoning_content",
        "cache_control": "cache_control",
    }
)
"""Members of messages that a vendor may not know, and what they are called in its table."""
_NAMES: Mapping[object, str] = MappingProxyType({field: field.name for field in Message.DESCRIPTOR.fields})
"""Read once: a descriptor makes a new text each time that it is asked for its name."""


def check_conversation(request: CompletionRequest, uses: set[str]) -> bool:
    """Checks the messages; ApiError (INVALID_VALUE) names the path of what is wrong and what would be right.

    Whether any of them speaks of functions, as was done before there were tools.

    :param uses: takes in what stands in them that a vendor may not know, by the names of service.backends.fields.
    """
    messages = request.messages
    if not messages:
        _invalid("messages", "expected at least one message")
    functions = False
    calls: set[str] = set()
    for index, message in enumerate(messages):
        role, content = message.role, message.content
        if role not in ROLES:
            known = ", ".join(sorted(ROLES))
            problem = f"expected one of {known}, got {role!r}" if role else "required, such as user"
            _invalid(f"messages[{index}].role", problem)
        if role in _SPEAKERS and not content:
            _invalid(f"messages[{index}].content", "required")
        # Most have nothing else, and to count what is set takes less than to ask for each.
        fields = message.ListFields()
        if role in _ANSWERS or len(fields) > bool(role) + bool(content):
            names = {_NAMES[field] for field, _ in fields}
            functions = _check_members(message, names, f"messages[{index}]", calls, functions=functions)
            if not _IN_MESSAGES.keys().isdisjoint(names):
                uses.update(_IN_MESSAGES[name] for name in names & _IN_MESSAGES.keys())
        for place, part in enumerate(content):
            kind = part.WhichOneof("part")
            if part.HasField("cache_control"):
                uses.add("cache_control")
            if kind != "text":
                _check_part(part, kind, f"messages[{index}].content[{place}]")
                uses.add(f"content.{kind}")
                if part.image_url.detail:
                    uses.add("content.image_url.detail")
    return functions


def _check_members(message: Message, fields: set[str], path: str, calls: set[str], *, functions: bool) -> bool:
    """Checks what a message has besides its role and content.

    :param fields: those that are set.
    :param calls: ids of the calls that were made so far; takes in those of this message.
    :param functions: whether a message before it speaks of functions; returned for those after it.
    """
    role = message.role
    if role == "tool":
        _check_result(message, path, calls)
    elif "tool_call_id" in fields:
        _invalid(f"{path}.tool_call_id", "only a message with role tool answers a call")
    if "tool_calls" in fields:
        _check_calls(message, path, calls)
    functions = functions or "function_call" in fields
    if role == "function":
        if "name" not in fields:
            _invalid(f"{path}.name", "required: the name of the function")
        # A function's result can only follow its call.
        if not functions:
            _invalid(path, "no assistant message before it makes a function_call")
    return functions


def _check_result(message: Message, path: str, calls: set[str]) -> None:
    answered = message.tool_call_id
    if not answered:
        _invalid(f"{path}.tool_call_id", "required: the id of the call that this answers")
    if answered not in calls:
        _invalid(f"{path}.tool_call_id", f"no assistant message before it makes the call {answered!r}")


def _check_calls(message: Message, path: str, calls: set[str]) -> None:
    if message.role != "assistant":
        _invalid(f"{path}.tool_calls", "only a message with role assistant calls tools")
    for place, call in enumerate(message.tool_calls):
        id_ = call.id
        if not id_:
            _invalid(f"{path}.tool_calls[{place}].id", "required")
        if call.type in {"", "function"} and not call.function.name:
            _invalid(f"{path}.tool_calls[{place}].function.name", "required")
        calls.add(id_)


def _check_part(part: ContentPart, kind: str | None, path: str) -> None:
    match kind:
        case None:
            _invalid(path, "expected a part, such as text")
        case "image_url" if not part.image_url.url:
            _invalid(f"{path}.image_url.url", "required")
        case "image_data" if not part.image_data.data:
            _invalid(f"{path}.image_data.data", "required")
        case "input_audio" if not part.input_audio.data:
            _invalid(f"{path}.input_audio.data", "required")
        case "input_audio" if not part.input_audio.format:
            _invalid(f"{path}.input_audio.format", "required, such as wav or mp3")
        case "file" if not (part.file.file_id or part.file.file_data):
            _invalid(f"{path}.file", "expected file_id or file_data")
        case _:
            pass


def _invalid(path: str, problem: str) -> NoReturn:
    raise ApiError(Kind.INVALID_VALUE, f"{path}: {problem}", param=path)
