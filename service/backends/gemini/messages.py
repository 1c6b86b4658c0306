"""Messages as turns: what the system says stands apart, results are one turn after the calls that they answer."""

import orjson
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message
from parley.chat.v1.tool_pb2 import ToolCall

from service.backends.dialect import Target
from service.backends.gemini import media, signature
from service.codec import DecodeError, JsonObject, JsonValue, parse_object
from service.errors import ApiError, Kind

_SYSTEM = frozenset(("system", "developer"))

_Parts = list[JsonValue]


def system_of(request: CompletionRequest) -> _Parts:
    """The texts of all system and developer messages, in order."""
    parts: _Parts = []
    for index, message in enumerate(request.messages):
        if message.role in _SYSTEM:
            for place, part in enumerate(message.content):
                if part.WhichOneof("part") != "text":
                    path = f"messages[{index}].content[{place}]"
                    raise _unsupported(path, "a system message can only have text")
                if part.text:
                    parts.append({"text": part.text})
    return parts


def contents_of(request: CompletionRequest, target: Target) -> list[JsonValue]:
    """The turns. Neighbours of one author are one turn, but what a tool says is never mixed with what a user says."""
    names: dict[str, str] = {}
    turns: list[tuple[str, _Parts]] = []
    for index, message in enumerate(request.messages):
        path = f"messages[{index}]"
        match message.role:
            case "system" | "developer":
                continue
            case "assistant":
                author, parts = "model", _spoken(message, path, target)
                names.update((call.id, call.function.name) for call in message.tool_calls)
            case "tool":
                author, parts = "tool", _answered(message, path, target, names)
            case _:
                author, parts = "user", _said(message, path, target)
        if not parts:
            continue
        if turns and turns[-1][0] == author:
            turns[-1][1].extend(parts)
        else:
            turns.append((author, parts))
    # A result is a user's turn to Gemini.
    return [{"role": "model" if author == "model" else "user", "parts": parts} for author, parts in turns]


def _said(message: Message, path: str, target: Target) -> _Parts:
    parts = (_part(part, f"{path}.content[{place}]", target) for place, part in enumerate(message.content))
    return [part for part in parts if part is not None]


def _part(part: ContentPart, path: str, target: Target) -> JsonObject | None:
    match part.WhichOneof("part"):
        case "text":
            return {"text": part.text} if part.text else None
        case "refusal":
            return {"text": part.refusal} if part.refusal else None
        case "image_url":
            return media.image_url(part.image_url, path)
        case "image_data":
            return media.image_data(part.image_data, path)
        case "input_audio":
            return media.input_audio(part.input_audio, path)
        case "file":
            return media.file(part.file, target, path)
        case kind:
            raise _unsupported(path, f"a part of kind {kind or 'none'} has no form there")


def _spoken(message: Message, path: str, target: Target) -> _Parts:
    """An assistant's message: what the vendor did by itself, text, and calls."""
    google = signature.unpack(message.extra_fields)
    own = google.get("parts")
    parts: _Parts = list(own) if isinstance(own, list) else []
    texts = _said(message, path, target)
    if message.refusal:
        texts.append({"text": message.refusal})
    if signed := signature.of(google):
        last = texts.pop() if texts else {"text": ""}
        texts.append({**last, "thoughtSignature": signed} if isinstance(last, dict) else last)
    parts += texts
    for place, call in enumerate(message.tool_calls):
        # Of calls that were made together only the first is signed.
        foreign = signature.foreign() if place == 0 and signature.wanted(target.model) else ""
        parts.append(_call(call, f"{path}.tool_calls[{place}]", foreign))
    return parts


def _call(call: ToolCall, path: str, foreign: str) -> JsonObject:
    if call.type not in {"", "function"}:
        raise _unsupported(f"{path}.type", "only calls of functions have a form there")
    arguments = call.function.arguments.strip() or "{}"
    try:
        parse_object(arguments)
    except DecodeError as error:
        where = f"{path}.function.arguments"
        raise ApiError(
            Kind.INVALID_VALUE, f"{where}: expected the text of a JSON object: {error}", param=where
        ) from None
    made: JsonObject = {"id": call.id, "name": call.function.name, "args": orjson.Fragment(arguments)}
    signed = signature.of(signature.unpack(call.extra_fields)) or foreign
    return {"functionCall": made, "thoughtSignature": signed} if signed else {"functionCall": made}


def _answered(message: Message, path: str, target: Target, names: dict[str, str]) -> _Parts:
    """What a tool says. Its text stays text, because the vendor's own JSON would turn its integers into doubles."""
    parts = _said(message, path, target)
    texts = [part.text for part in message.content if part.WhichOneof("part") == "text"]
    response: JsonObject = {
        "id": message.tool_call_id,
        "name": names.get(message.tool_call_id, message.name),
        "response": {"output": "".join(texts)},
    }
    shown: _Parts = [part for part in parts if isinstance(part, dict) and "text" not in part]
    if shown:
        response["parts"] = shown
    return [{"functionResponse": response}]


def _unsupported(path: str, problem: str) -> ApiError:
    return ApiError(Kind.UNSUPPORTED, f"{path}: {problem}", param=path)
