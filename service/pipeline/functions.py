"""OpenAI's deprecated functions, said as tools on the way in, and as functions again on the way out."""

from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import Message
from parley.chat.v1.tool_pb2 import Tool, ToolCall

from service.backends.run import Piece, expanded


def functions_to_tools(request: CompletionRequest) -> None:
    """Rewrites functions, function_call and messages of the old form, in place."""
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
            last = f"call_function_{index}"
            _call(message, last)
        elif message.role == "function":
            message.role = "tool"
            message.tool_call_id = last


def _call(message: Message, id_: str) -> None:
    message.tool_calls.append(ToolCall(id=id_, type="function", function=message.function_call))
    message.ClearField("function_call")


def tools_to_functions(batch: list[Piece]) -> list[Piece]:
    """Rewrites the calls of an answer to the old form."""
    chunks = expanded(batch)
    for chunk in chunks:
        for choice in chunk.choices:
            calls = list(choice.delta.tool_calls)
            if calls and calls[0].index == 0:
                choice.delta.function_call.CopyFrom(calls[0].function)
                # The old form has one call; a vendor that makes more, though told not to, shows them in the new form.
                del choice.delta.tool_calls[0]
            if choice.finish_reason == "tool_calls":
                choice.finish_reason = "function_call"
    return [*chunks]
