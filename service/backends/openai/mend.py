"""What vendors of OpenAI's format answer in another way than OpenAI: small changes of each event, by row."""

from collections.abc import Callable

from service.codec import JsonObject, JsonValue

Mend = Callable[[JsonObject], bool]
"""Changes an event, in OpenAI's form of a chunk, in place; whether there is anything left to tell. Made for one answer,
so that it may hold what it saw; but an event that only adds text to an answer that has begun must leave it as it is. A
whole answer comes as one event."""

MendMaker = Callable[[], Mend]


def mended(event: JsonObject, mends: tuple[Mend, ...]) -> bool:
    """Changes an event by all mends, in order; whether there is anything left to tell."""
    return all(mend(event) for mend in mends)


def deltas_of(event: JsonObject) -> list[JsonObject]:
    """The deltas of an event, of all its choices."""
    choices = event.get("choices")
    return [
        delta
        for choice in (choices if isinstance(choices, list) else ())
        if isinstance(choice, dict) and isinstance(delta := choice.get("delta"), dict)
    ]


def split_content(message: JsonObject) -> None:
    """Takes content that is a list of parts apart, in place: text, reasoning, and what else there is.

    Mistral's reasoning models answer so (https://docs.mistral.ai/capabilities/reasoning/). What is neither text nor
    reasoning stays as the member `content_parts`.
    """
    content = message.get("content")
    if not isinstance(content, list):
        return
    message["content"] = _texts(content)
    thoughts = "".join(_texts(part["thinking"]) for part in content if isinstance(part, dict) and "thinking" in part)
    if thoughts:
        message["reasoning_content"] = thoughts
        if not message["content"]:
            message.pop("content")
    rest = [part for part in content if isinstance(part, dict) and part.get("type") not in {"text", "thinking"}]
    if rest:
        message["content_parts"] = list[JsonValue](rest)


def _texts(value: JsonValue) -> str:
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else []
    return "".join(text for part in parts if isinstance(part, dict) and isinstance(text := part.get("text"), str))
