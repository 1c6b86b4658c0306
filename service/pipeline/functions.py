"""OpenAI's deprecated functions, said as tools on the way in, and as functions again on the way out."""

from parley.chat.v1.completion_pb2 import CompletionChunk, CompletionRequest
from parley.chat.v1.message_pb2 import Message
from parley.chat.v1.tool_pb2 import Tool, ToolCall


def functions_to_tools(request: CompletionRequest) -> bool:
    """Rewrites functions, function_call and messages of the old form, in place; whether there was anything."""
    used = bool(request.functions) or request.HasField("function_call")
    for function in request.functions:
        request.tools.append(Tool(type="function", function=function))
    if request.HasField("function_call"):
        choice = request.function_call
        if choice.name:
            request.tool_choice.type = "function"
            request.tool_choice.function.name = choice.name
        else:
            request.tool_choice.mode = choice.mode
    request.ClearField("functions")
    request.ClearField("function_call")
    last = ""
    for index, message in enumerate(request.messages):
        if message.HasField("function_call"):
            used = True
            last = f"call_function_{index}"
            _call(message, last)
        elif message.role == "function":
            used = True
            message.role = "tool"
            message.tool_call_id = last
    return used


def _call(message: Message, id_: str) -> None:
    message.tool_calls.append(ToolCall(id=id_, type="function", function=message.function_call))
    message.ClearField("function_call")


def tools_to_functions(batch: list[CompletionChunk]) -> None:
    """Rewrites the calls of an answer to the old form, in place."""
    for chunk in batch:
        for choice in chunk.choices:
            calls = list(choice.delta.tool_calls)
            if calls and calls[0].index == 0:
                choice.delta.function_call.CopyFrom(calls[0].function)
                # The old form has one call; a vendor that makes more, though told not to, shows them in the new form.
                del choice.delta.tool_calls[0]
            if choice.finish_reason == "tool_calls":
                choice.finish_reason = "function_call"
