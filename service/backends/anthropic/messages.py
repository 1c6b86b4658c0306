"""A conversation as Anthropic has it: the instructions apart, and turns that alternate."""

import re
from dataclasses import dataclass, field

import orjson
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import Message
from parley.chat.v1.tool_pb2 import ToolCall

from service.backends.anthropic.content import block_of, cache_mark
from service.codec import DecodeError, JsonObject, JsonValue, parse_object
from service.errors import ApiError, Kind

_INSTRUCTIONS = ("system", "developer")


@dataclass(slots=True)
class Conversation:
    """What a request's messages become."""

    system: list[JsonObject] = field(default_factory=list[JsonObject])
    """Blocks of text, of all instructions in their order."""
    turns: list[tuple[str, list[JsonObject]]] = field(default_factory=list[tuple[str, list[JsonObject]]])
    """Role and blocks; two in a row never have one role."""

    def members(self) -> JsonObject:
        """The request's members `system` and `messages`."""
        messages: list[JsonValue] = [{"role": role, "content": _shortest(blocks)} for role, blocks in self.turns]
        return {"system": _shortest(self.system), "messages": messages} if self.system else {"messages": messages}

    def add(self, role: str, blocks: list[JsonObject]) -> None:
        """Adds to the last turn, or begins one. Nothing for no blocks, which Anthropic refuses."""
        if not blocks:
            return
        if self.turns and self.turns[-1][0] == role:
            self.turns[-1][1].extend(blocks)
        else:
            self.turns.append((role, blocks))


def conversation_of(request: CompletionRequest) -> Conversation:
    """A request's messages. ApiError, with the path, for what Anthropic has no form for."""
    conversation = Conversation()
    for index, message in enumerate(request.messages):
        path = f"messages[{index}]"
        match message.role:
            case "system" | "developer":
                conversation.system += _instructions(message, path)
            case "assistant":
                conversation.add("assistant", _assistant(message, path))
            case "tool":
                # Results of calls that were made together have to stand in one turn.
                conversation.add("user", [_result(message, path)])
            case _:
                conversation.add("user", _blocks(message, path))
    if not conversation.turns:
        problem = "expected at least one message with content that is no instruction"
        raise ApiError(Kind.INVALID_VALUE, f"messages: {problem}", param="messages")
    return conversation


def call_id(given: str) -> str:
    """The identifier of a call, without characters that other vendors' have and Anthropic refuses."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", given)


def _blocks(message: Message, path: str) -> list[JsonObject]:
    parts = enumerate(message.content)
    blocks = [block for at, part in parts if (block := block_of(part, f"{path}.content[{at}]"))]
    return _marked(blocks, message)


def _marked(blocks: list[JsonObject], message: Message) -> list[JsonObject]:
    """The blocks, the last with the mark of the message."""
    if blocks and message.HasField("cache_control"):
        blocks[-1].setdefault("cache_control", cache_mark(message.cache_control))
    return blocks


def _instructions(message: Message, path: str) -> list[JsonObject]:
    for at, part in enumerate(message.content):
        if part.WhichOneof("part") not in {"text", "other", None}:
            where = f"{path}.content[{at}]"
            raise ApiError(Kind.UNSUPPORTED, f"{where}: Anthropic takes instructions as text only", param=where)
    return _blocks(message, path)


def _assistant(message: Message, path: str) -> list[JsonObject]:
    extra = parse_object(message.extra_fields) if message.extra_fields else {}
    if whole := _given(extra, "content_blocks", path):
        # They hold all that the other members say, in its order.
        return whole
    blocks = _given(extra, "thinking_blocks", path)
    blocks += _blocks(message, path)
    if message.refusal:
        blocks.append({"type": "text", "text": message.refusal})
    blocks += [_call(call, f"{path}.tool_calls[{at}]") for at, call in enumerate(message.tool_calls)]
    return blocks


def _given(extra: JsonObject, name: str, path: str) -> list[JsonObject]:
    """Blocks that came with an earlier answer, to be returned as they were."""
    blocks = extra.get(name)
    if blocks is None:
        return []
    found = [block for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []
    if not isinstance(blocks, list) or len(found) != len(blocks):
        where = f"{path}.{name}"
        raise ApiError(Kind.INVALID_VALUE, f"{where}: expected the list that an earlier answer had", param=where)
    return found


def _call(call: ToolCall, path: str) -> JsonObject:
    arguments = call.function.arguments.strip() or "{}"
    try:
        parse_object(arguments)
    except DecodeError as error:
        where = f"{path}.function.arguments"
        raise ApiError(Kind.INVALID_VALUE, f"{where}: {error}", param=where) from None
    block: JsonObject = {
        "type": "tool_use",
        "id": call_id(call.id),
        "name": call.function.name,
        "input": orjson.Fragment(arguments),
    }
    extra = parse_object(call.extra_fields).get("extra_content") if call.extra_fields else None
    own = extra.get("anthropic") if isinstance(extra, dict) else None
    return {**own, **block} if isinstance(own, dict) else block


def _result(message: Message, path: str) -> JsonObject:
    parts = enumerate(message.content)
    blocks = [block for at, part in parts if (block := block_of(part, f"{path}.content[{at}]"))]
    result: JsonObject = {"type": "tool_result", "tool_use_id": call_id(message.tool_call_id)}
    # A mark counts for the whole result.
    marks = [mark for block in blocks if (mark := block.pop("cache_control", None))]
    if blocks:
        result["content"] = _shortest(blocks)
    if message.extra_fields and isinstance(failed := parse_object(message.extra_fields).get("is_error"), bool):
        result["is_error"] = failed
    if marks:
        result["cache_control"] = marks[-1]
    (result,) = _marked([result], message)
    return result


def _shortest(blocks: list[JsonObject]) -> JsonValue:
    """Blocks as a request has them: one plain text is written as such."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        return blocks[0]["text"]
    return list(blocks)
