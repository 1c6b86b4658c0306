"""A conversation as Converse wants it: system texts apart, and turns of user and assistant that alternate."""

import hashlib
import re
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message
from parley.chat.v1.tool_pb2 import CacheControl, ToolCall

from service.backends.bedrock import media, thinking
from service.backends.bedrock.refusal import invalid, refuse_members, unsupported
from service.backends.bedrock.wire import WireError
from service.codec import DecodeError, JsonObject, JsonValue, parse_object

_CALL_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_FAILED = "is_error"
"""Anthropic's member of a tool's result that says that the tool failed."""
_IN_RESULTS = ("text", "image", "document")
"""Blocks that a tool's result may hold, of those that a part can become."""


@dataclass(slots=True)
class Conversation:
    """Grows message by message; never reused."""

    system: list[JsonValue] = field(default_factory=list[JsonValue])
    turns: list[JsonValue] = field(default_factory=list[JsonValue])
    called: list[str] = field(default_factory=list[str])
    """Names of the functions that its messages call."""
    _names: set[str] = field(default_factory=set[str])

    @classmethod
    def of(cls, request: CompletionRequest) -> "Conversation":
        """The conversation of a request. ApiError for what Converse has no form for, with its path."""
        conversation = cls()
        for index, message in enumerate(request.messages):
            conversation._add(message, f"messages[{index}]")
        if not conversation.turns:
            raise invalid("messages", "expected at least one message of a user that is not blank")
        return conversation

    def _add(self, message: Message, path: str) -> None:
        match message.role:
            case "system" | "developer":
                blocks = self._blocks(message, path)
                for block in blocks:
                    if not isinstance(block, dict) or block.keys().isdisjoint(("text", "cachePoint")):
                        raise unsupported(f"{path}.content", "Converse takes only text from the system")
                self.system += blocks
            case "assistant":
                self._turn("assistant", [*self._reasoning(message, path), *self._said(message, path)])
            case "tool":
                self._turn("user", self._result(message, path))
            case _:
                refuse_members(path, message.extra_fields)
                self._turn("user", self._blocks(message, path))

    def _turn(self, role: str, blocks: list[JsonValue]) -> None:
        """Adds to the turn of the same role, as several in a row are refused, and empty ones are, too."""
        if not blocks:
            return
        last = self.turns[-1] if self.turns else None
        if isinstance(last, dict) and last["role"] == role and isinstance(content := last["content"], list):
            content += blocks
        else:
            self.turns.append({"role": role, "content": blocks})

    def _said(self, message: Message, path: str) -> list[JsonValue]:
        blocks = self._blocks(message, path)
        if message.refusal.strip():
            blocks.append({"text": message.refusal})
        for index, call in enumerate(message.tool_calls):
            blocks.append(self._call(call, f"{path}.tool_calls[{index}]"))
        return blocks

    def _reasoning(self, message: Message, path: str) -> list[JsonValue]:
        # Other members of an assistant's message are what some vendor answered with: they ask for nothing.
        blocks = parse_object(message.extra_fields).get(thinking.MEMBER) if message.extra_fields else None
        try:
            return thinking.inward(blocks) if blocks is not None else []
        except WireError as error:
            raise invalid(f"{path}.{thinking.MEMBER}", str(error)) from None

    def _call(self, call: ToolCall, path: str) -> JsonObject:
        if call.type not in {"", "function"}:
            raise unsupported(f"{path}.type", f"Converse has only functions, no {call.type}")
        try:
            arguments = parse_object(call.function.arguments or "{}")
        except DecodeError as error:
            raise invalid(f"{path}.function.arguments", f"Converse takes one JSON object: {error}") from None
        self.called.append(call.function.name)
        return {"toolUse": {"toolUseId": _call_id(call.id), "name": call.function.name, "input": arguments}}

    def _result(self, message: Message, path: str) -> list[JsonValue]:
        refuse_members(path, message.extra_fields, known=(_FAILED,))
        content: list[JsonValue] = []
        marks: list[JsonValue] = []
        for block in self._blocks(message, path):
            if isinstance(block, dict) and "cachePoint" in block:
                # A result holds no marks; they follow it.
                marks.append(block)
            elif isinstance(block, dict) and block.keys().isdisjoint(_IN_RESULTS):
                raise unsupported(f"{path}.content", f"Converse takes only {', '.join(_IN_RESULTS)} in a tool's result")
            else:
                content.append(block)
        result: JsonObject = {"toolUseId": _call_id(message.tool_call_id), "content": content}
        if message.extra_fields and parse_object(message.extra_fields).get(_FAILED) is True:
            result["status"] = "error"
        return [{"toolResult": result}, *marks[:1]]

    def _blocks(self, message: Message, path: str) -> list[JsonValue]:
        blocks: list[JsonValue] = []
        marked = False
        for index, part in enumerate(message.content):
            where = f"{path}.content[{index}]"
            refuse_members(where, part.extra_fields)
            marked = False
            if block := self._block(part, where):
                blocks.append(block)
                if part.HasField("cache_control"):
                    blocks.append(cache_point(part.cache_control))
                    marked = True
        if blocks and message.HasField("cache_control") and not marked:
            blocks.append(cache_point(message.cache_control))
        return blocks

    def _block(self, part: ContentPart, path: str) -> JsonObject | None:
        """The block of a part; None for a blank text, which Converse refuses."""
        match part.WhichOneof("part"):
            case "text":
                return {"text": part.text} if part.text.strip() else None
            case "refusal":
                return {"text": part.refusal} if part.refusal.strip() else None
            case "image_url" | "image_data":
                return media.image(part, path)
            case "input_audio":
                return media.sound(part, path)
            case "file":
                return media.document(part.file, path, self._names)
            case _:
                raise unsupported(path, "Converse has no such content")


def cache_point(control: CacheControl) -> JsonObject:
    """The mark that follows what is to be cached."""
    return {"cachePoint": {"type": "default", "ttl": control.ttl} if control.ttl else {"type": "default"}}


def _call_id(id_: str) -> str:
    """An id as it is; another vendor's, in a form that Converse refuses, as one that is always the same for it."""
    if _CALL_ID.fullmatch(id_):
        return id_
    return f"call_{hashlib.sha256(id_.encode()).hexdigest()[:32]}"
