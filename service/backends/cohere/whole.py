"""A whole answer of Cohere's in the form of the events that a stream of it would have had."""

from collections.abc import Iterable

from service.codec import DecodeError, JsonObject, JsonValue


def events_of(answer: JsonObject) -> list[JsonObject]:
    """The events. DecodeError where it is no answer."""
    message = answer.get("message")
    if not isinstance(message, dict):
        # An error object has a text there; anything else has no place for an answer.
        return [answer] if isinstance(message, str) or "error" in answer else _no_message()
    events: list[JsonObject] = [{"type": "message-start", "id": answer.get("id"), "delta": {"message": {}}}]
    if plan := message.get("tool_plan"):
        events.append(_event("tool-plan-delta", 0, {"tool_plan": plan}))
    parts = _items(message.get("content"), "message.content")
    events += [_event("content-start", index, {"content": part}) for index, part in enumerate(parts)]
    if logprobs := answer.get("logprobs"):
        events += [
            {**_event("content-delta", 0, {"content": {}}), "logprobs": item} for item in _items(logprobs, "logprobs")
        ]
    for kind, name in (("tool-call-start", "tool_calls"), ("citation-start", "citations")):
        items = _items(message.get(name), f"message.{name}")
        events += [_event(kind, index, {name: item}) for index, item in enumerate(items)]
    end: JsonObject = {"finish_reason": answer.get("finish_reason"), "usage": answer.get("usage")}
    return [*events, {"type": "message-end", "delta": end}]


def _event(kind: str, index: int, message: JsonObject) -> JsonObject:
    return {"type": kind, "index": index, "delta": {"message": message}}


def _items(value: JsonValue, path: str) -> Iterable[JsonValue]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise DecodeError(path, "expected a list")
    return value


def _no_message() -> list[JsonObject]:
    raise DecodeError("message", "required")
