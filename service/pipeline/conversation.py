"""Checks the messages of a request: who may say what, and that every tool's result answers a call."""

from typing import NoReturn

from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.errors import ApiError, Kind

ROLES = frozenset(("system", "developer", "user", "assistant", "tool", "function"))


def check_conversation(request: CompletionRequest) -> None:
    """Checks the messages; ApiError (INVALID_VALUE) names the path of what is wrong and what would be right."""
    if not request.messages:
        _invalid("messages", "expected at least one message")
    calls: set[str] = set()
    called = False
    for index, message in enumerate(request.messages):
        path = f"messages[{index}]"
        role = message.role
        if role not in ROLES:
            known = ", ".join(sorted(ROLES))
            _invalid(f"{path}.role", f"expected one of {known}, got {role!r}" if role else "required, such as user")
        if role in {"user", "system", "developer"} and not message.content:
            _invalid(f"{path}.content", "required")
        if role == "tool":
            _check_result(message, path, calls)
        elif message.tool_call_id:
            _invalid(f"{path}.tool_call_id", "only a message with role tool answers a call")
        if message.tool_calls:
            _check_calls(message, path, calls)
        called = called or message.HasField("function_call")
        if role == "function":
            if not message.name:
                _invalid(f"{path}.name", "required: the name of the function")
            if not called:
                _invalid(path, "no assistant message before it makes a function_call")
        for place, part in enumerate(message.content):
            _check_part(part, f"{path}.content[{place}]")


def _check_result(message: Message, path: str, calls: set[str]) -> None:
    if not message.tool_call_id:
        _invalid(f"{path}.tool_call_id", "required: the id of the call that this answers")
    if message.tool_call_id not in calls:
        _invalid(f"{path}.tool_call_id", f"no assistant message before it makes the call {message.tool_call_id!r}")


def _check_calls(message: Message, path: str, calls: set[str]) -> None:
    if message.role != "assistant":
        _invalid(f"{path}.tool_calls", "only a message with role assistant calls tools")
    for place, call in enumerate(message.tool_calls):
        if not call.id:
            _invalid(f"{path}.tool_calls[{place}].id", "required")
        if call.type in {"", "function"} and not call.function.name:
            _invalid(f"{path}.tool_calls[{place}].function.name", "required")
        calls.add(call.id)


def _check_part(part: ContentPart, path: str) -> None:
    match part.WhichOneof("part"):
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
