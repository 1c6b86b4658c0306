"""Messages as the embedded model's template can show them: roles and texts, and nothing else.

The template prints a role and a content and passes over the rest, so that calls would vanish; they are written into
the text, in the form that open models are most often trained on.
"""

from typing import cast

from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import Message

from service.backends.dialect import Target
from service.backends.local.tools import call_text
from service.codec import JsonObject, JsonValue

_SAID_IN_TEXT = ("refusal", "tool_calls", "tool_call_id", "annotations")


def text_only(body: JsonObject, request: CompletionRequest, target: Target) -> None:
    """Makes each message one text. Results of calls are told by the user, as the model knows no role for them."""
    written: list[JsonObject] = []
    messages = cast("list[JsonObject]", body["messages"])
    results = False
    for message, given in zip(messages, request.messages, strict=True):
        content = text_of(given)
        for name in _SAID_IN_TEXT:
            message.pop(name, None)
        if given.role == "tool":
            content = f"<tool_response>\n{content}\n</tool_response>"
            if results:
                written[-1]["content"] = f"{written[-1]['content']}\n{content}"
                continue
            message["role"] = "user"
        results = given.role == "tool"
        message["content"] = content
        written.append(message)
    body["messages"] = cast("JsonValue", written)


def text_of(message: Message) -> str:
    """All that a message says, its calls included."""
    texts = [text for part in message.content if (text := part.text or part.refusal)]
    if message.refusal:
        texts.append(message.refusal)
    texts += [call_text(call.function.name, call.function.arguments or "{}") for call in message.tool_calls]
    return "\n".join(texts)
