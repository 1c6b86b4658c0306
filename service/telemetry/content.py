"""Prompts and answers as OpenTelemetry writes them, for those who ask for them.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/ (gen_ai.input.messages, gen_ai.output.messages)
"""

import orjson
from parley.chat.v1.completion_pb2 import Completion, CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

Part = dict[str, str]


def messages_of_request(request: CompletionRequest) -> str:
    """The conversation as JSON. Of images, audio and files there is only that they were there."""
    return orjson.dumps([_message(message) for message in request.messages]).decode()


def messages_of_answer(answer: Completion) -> str:
    """The choices of an answer as JSON."""
    choices = [{**_message(choice.message), "finish_reason": choice.finish_reason} for choice in answer.choices]
    return orjson.dumps(choices).decode()


def _message(message: Message) -> dict[str, str | list[Part]]:
    parts = [_part(part) for part in message.content]
    if message.role == "tool":
        text = "".join(part.get("content", "") for part in parts)
        parts = [{"type": "tool_call_response", "id": message.tool_call_id, "response": text}]
    for call in message.tool_calls:
        function = call.function
        parts.append({"type": "tool_call", "id": call.id, "name": function.name, "arguments": function.arguments})
    return {"role": message.role, "parts": parts}


def _part(part: ContentPart) -> Part:
    kind = part.WhichOneof("part") or "unknown"
    return {"type": "text", "content": part.text} if kind == "text" else {"type": kind}
