"""Renders a caller's own chat template for vendors that cannot, so that the conversation goes there as one text."""

from dataclasses import replace
from typing import Any

from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import Message
from parley.chat.v1.tool_pb2 import Tool, ToolCall

from service.backends.dialect import Target
from service.codec import DecodeError, dumps, parse_object, parse_value, to_object
from service.errors import ApiError, Kind
from service.local.renderer import Renderer, TemplateProblem

_tool_to_object = to_object(Tool, nulls=False)


async def render_template(request: CompletionRequest, target: Target, renderer: Renderer) -> Target:
    """The target, with the conversation rendered where a template of the caller's is the service's business.

    Nothing is awaited where there is none. ApiError (INVALID_VALUE) where the template fails.
    """
    dialect = target.prompts
    if not request.chat_template or dialect is None:
        return target
    # The caller's own variables may replace what is only a default.
    variables: dict[str, Any] = {
        "add_generation_prompt": True,
        **dialect.special_tokens,
        **(parse_object(request.chat_template_kwargs) if request.chat_template_kwargs else {}),
        "messages": [_message(message) for message in request.messages],
        # Through text, as a tool holds its schema as text.
        "tools": [parse_object(dumps(_tool_to_object(tool))) for tool in request.tools] or None,
    }
    try:
        prompt = await renderer.render(request.chat_template, variables)
    except TemplateProblem as problem:
        raise ApiError(Kind.INVALID_VALUE, f"chat_template: {problem}", param="chat_template") from None
    return replace(target, dialect=dialect.with_prompt(prompt))


def _message(message: Message) -> dict[str, Any]:
    """A message as templates expect it: its content one text, the arguments of its calls an object."""
    texts = [part.text or part.refusal for part in message.content]
    if message.refusal:
        texts.append(message.refusal)
    shown: dict[str, Any] = {"role": message.role, "content": "\n".join(texts)}
    if message.tool_calls:
        shown["tool_calls"] = [_call(call) for call in message.tool_calls]
    if message.tool_call_id:
        shown["tool_call_id"] = message.tool_call_id
    if message.name:
        shown["name"] = message.name
    return shown


def _call(call: ToolCall) -> dict[str, Any]:
    text = call.function.arguments or "{}"
    try:
        arguments = parse_value(text)
    except DecodeError:
        arguments = text
    return {"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": arguments}}
