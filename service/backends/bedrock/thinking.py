"""Signed reasoning, which Claude wants back unchanged with the next turn: `thinking_blocks`, out and in.

The member stands beside `content` in deltas and messages, and has Anthropic's own form: a list of
`{"type": "thinking", "thinking": TEXT, "signature": TEXT}` and `{"type": "redacted_thinking", "data": BASE64}`.
"""

from dataclasses import dataclass, field

from service.backends.bedrock.wire import WireError, as_object, text_of
from service.codec import JsonObject, JsonValue, dumps

MEMBER = "thinking_blocks"

_MEMBERS = ("text", "signature", "redactedContent")
_SIGNED = frozenset(("signature", "redactedContent"))


@dataclass(slots=True)
class Thinking:
    """The reasoning of one answer; never reused."""

    _blocks: dict[int, JsonObject] = field(default_factory=dict[int, JsonObject])

    def add(self, index: int, delta: JsonObject) -> str:
        """Takes in a delta of a reasoning block; its text, which the caller reads."""
        block = self._blocks.setdefault(index, {})
        for name in _MEMBERS:
            if name in delta:
                block[name] = f"{block.get(name, '')}{text_of(delta, name)}"
        return text_of(delta, "text") if "text" in delta else ""

    def stop(self, index: int) -> str:
        """Ends a block: the JSON of a delta's further members, with all signed blocks so far, or nothing."""
        block = self._blocks.get(index)
        if block is None or _SIGNED.isdisjoint(block):
            return ""
        blocks = (each for _, each in sorted(self._blocks.items()))
        signed: list[JsonValue] = [_outward(each) for each in blocks if not _SIGNED.isdisjoint(each)]
        return dumps({MEMBER: signed}).decode()


def _outward(block: JsonObject) -> JsonObject:
    if "redactedContent" in block:
        return {"type": "redacted_thinking", "data": block["redactedContent"]}
    return {"type": "thinking", "thinking": block.get("text", ""), "signature": block.get("signature", "")}


def inward(value: JsonValue) -> list[JsonValue]:
    """Content blocks of what `stop` gave out. WireError where it is something else."""
    if not isinstance(value, list):
        raise WireError("expected a list")
    return [{"reasoningContent": _block(as_object(each))} for each in value]


def _block(block: JsonObject) -> JsonObject:
    match block.get("type"):
        case "thinking":
            text: JsonObject = {"text": text_of(block, "thinking")}
            if "signature" in block:
                text["signature"] = text_of(block, "signature")
            return {"reasoningText": text}
        case "redacted_thinking":
            return {"redactedContent": text_of(block, "data")}
        case _:
            raise WireError("type: expected thinking or redacted_thinking")
