"""Messages in Cohere's form, one for each of the request's.

Source: https://docs.cohere.com/reference/chat.
"""

import orjson
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, ImageUrl, Message

from service.backends.cohere.refusal import unsupported
from service.codec import JsonObject, JsonValue, parse_object


def messages_of(request: CompletionRequest) -> list[JsonObject]:
    """All messages; those without anything in them, which Cohere refuses, are left out."""
    messages: list[JsonObject] = []
    for index, message in enumerate(request.messages):
        path = f"messages[{index}]"
        match message.role:
            case "system" | "developer":
                messages.append({"role": "system", "content": _texts(message, path)})
            case "assistant":
                if own := _assistant(message, path):
                    messages.append({"role": "assistant", **own})
            case "tool":
                content = _content([_result(part, path, at) for at, part in enumerate(message.content)])
                messages.append({"role": "tool", "tool_call_id": message.tool_call_id, "content": content})
            case _:
                content = _content([_said(part, path, at) for at, part in enumerate(message.content)])
                messages.append({"role": "user", "content": content})
    return messages


def _assistant(message: Message, path: str) -> JsonObject:
    parts: list[JsonValue] = []
    own: JsonObject = {}
    if message.reasoning_content:
        if message.tool_calls:
            own["tool_plan"] = message.reasoning_content
        else:
            parts.append({"type": "thinking", "thinking": message.reasoning_content})
    if text := _texts(message, path) + message.refusal:
        parts.append({"type": "text", "text": text})
    if parts:
        own["content"] = _content(parts)
    if message.tool_calls:
        own["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                # A call without arguments is a call with none.
                "function": {"name": call.function.name, "arguments": call.function.arguments or "{}"},
            }
            for call in message.tool_calls
        ]
    return own


def _texts(message: Message, path: str) -> str:
    texts: list[str] = []
    for at, part in enumerate(message.content):
        match part.WhichOneof("part"):
            case "text":
                texts.append(part.text)
            case "refusal":
                texts.append(part.refusal)
            case kind:
                raise unsupported(f"{path}.content[{at}].{kind}", f"Cohere takes text only from {message.role}")
    return "".join(texts)


def _said(part: ContentPart, path: str, at: int) -> JsonValue:
    """A part of what the user says."""
    match part.WhichOneof("part"):
        case "text":
            return {"type": "text", "text": part.text}
        case "image_url":
            return {"type": "image_url", "image_url": _image(part.image_url)}
        case "image_data":
            image = part.image_data
            url = f"data:{image.media_type or 'image/png'};base64,{image.data}"
            return {"type": "image_url", "image_url": {"url": url}}
        case kind:
            raise unsupported(f"{path}.content[{at}].{kind}", "Cohere takes text and images only from the user")


def _image(image: ImageUrl) -> JsonObject:
    url = image.url
    if not url.startswith(("http://", "https://", "data:")):
        url = f"data:{image.media_type or 'image/png'};base64,{url}"
    return {"url": url, "detail": image.detail} if image.detail else {"url": url}


def _result(part: ContentPart, path: str, at: int) -> JsonValue:
    """A part of a tool's result; a document part of Cohere's own kind as it is."""
    kind = part.WhichOneof("part")
    if kind == "text":
        return {"type": "text", "text": part.text}
    if kind == "other" and parse_object(part.other).get("type") == "document":
        return orjson.Fragment(part.other)
    raise unsupported(f"{path}.content[{at}].{kind}", "Cohere takes text and documents only from a tool")


def _content(parts: list[JsonValue]) -> JsonValue:
    """Parts as Cohere's content: one text stands for itself."""
    if not parts:
        return ""
    first = parts[0]
    if len(parts) == 1 and isinstance(first, dict) and first.get("type") == "text":
        return first["text"]
    return parts
