"""Messages in xAI's form, one for each of the request's."""

import base64
import binascii

from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, File, ImageUrl, Message
from parley.chat.v1.tool_pb2 import ToolCall

from service.backends.xai_grpc import wire_pb2 as wire
from service.backends.xai_grpc.refusal import invalid, unsupported
from service.codec import DecodeError, parse_object

SEALED = "encrypted_content"
"""The member of a message, among its further ones, that holds the reasoning in xAI's sealed form."""

_ROLES = {"user": 1, "assistant": 2, "system": 3, "tool": 5, "developer": 6}
_DETAILS = {"": 1, "auto": 1, "low": 2, "high": 3}


def messages_of(request: CompletionRequest) -> list[wire.Message]:
    """All messages, in their order."""
    return [_message(message, f"messages[{at}]") for at, message in enumerate(request.messages)]


def _message(message: Message, path: str) -> wire.Message:
    said = wire.Message(
        role=_ROLES[message.role],
        name=message.name,
        content=[_part(part, f"{path}.content[{at}]") for at, part in enumerate(message.content)],
        tool_calls=[_call(call) for call in message.tool_calls],
        encrypted_content=_sealed(message),
    )
    if message.refusal:
        said.content.add(text=message.refusal)
    if message.role == "assistant" and not said.content:
        said.content.add(text="")
    if message.HasField("reasoning_content"):
        said.reasoning_content = message.reasoning_content
    if message.tool_call_id:
        said.tool_call_id = message.tool_call_id
    return said


def _part(part: ContentPart, path: str) -> wire.Content:
    match part.WhichOneof("part"):
        case "text":
            return wire.Content(text=part.text)
        case "refusal":
            return wire.Content(text=part.refusal)
        case "image_url":
            return wire.Content(image_url=_image(part.image_url, path))
        case "image_data":
            image = part.image_data
            url = f"data:{image.media_type or 'image/png'};base64,{image.data}"
            return wire.Content(image_url=wire.Image(image_url=url, detail=1))
        case "file":
            return wire.Content(file=_file(part.file, f"{path}.file"))
        case kind:
            raise unsupported(f"{path}.{kind}", "xAI takes text, images and files only")


def _image(image: ImageUrl, path: str) -> wire.Image:
    url = image.url
    if not url.startswith(("http://", "https://", "data:")):
        url = f"data:{image.media_type or 'image/png'};base64,{url}"
    detail = _DETAILS.get(image.detail)
    if detail is None:
        raise invalid(f"{path}.image_url.detail", f"expected auto, low or high, got {image.detail!r}")
    return wire.Image(image_url=url, detail=detail)


def _file(document: File, path: str) -> wire.File:
    if document.file_id:
        return wire.File(file_id=document.file_id)
    text = document.file_data
    if text.startswith(("http://", "https://")):
        return wire.File(url=text, filename=document.filename)
    head, comma, data = text.partition(",") if text.startswith("data:") else ("", "", text)
    if head and (not comma or not head.endswith(";base64")):
        raise invalid(f"{path}.file_data", "expected a data: URL in base64, such as data:application/pdf;base64,…")
    try:
        content = base64.b64decode(data, validate=True)
    except binascii.Error:
        raise invalid(f"{path}.file_data", "not base64") from None
    kind = head.removeprefix("data:").partition(";")[0]
    return wire.File(data=content, filename=document.filename, mime_type=kind)


def _call(call: ToolCall) -> wire.ToolCall:
    function = wire.FunctionCall(name=call.function.name, arguments=call.function.arguments or "{}")
    return wire.ToolCall(id=call.id, type=1, function=function)


def _sealed(message: Message) -> str:
    if SEALED not in message.extra_fields:
        return ""
    try:
        value = parse_object(message.extra_fields.encode()).get(SEALED)
    except DecodeError:
        return ""
    return value if isinstance(value, str) else ""
