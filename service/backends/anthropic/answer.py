"""One answer as its events tell it, in the schema's chunks: the same for a stream and for a whole answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from parley.chat.v1.completion_pb2 import ChunkChoice, CompletionChunk, Delta
from parley.chat.v1.tool_pb2 import FunctionCall, ToolCall

from service.backends.analogy import Like
from service.backends.anthropic.block import OWN, Block
from service.backends.anthropic.error import error_of
from service.backends.anthropic.usage import merged, usage_of
from service.backends.anthropic.wire import child, count, malformed, text
from service.codec import JsonObject, JsonValue, dumps

FINISH_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "tool_use": "tool_calls",
        "refusal": "content_filter",
    }
)
"""The schema's words by Anthropic's (https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons).

Others are passed on as they are, and so is pause_turn: such an answer goes on once its content_blocks are sent back."""


@dataclass(slots=True)
class Answer:
    """What has been said so far; never reused."""

    vendor: str
    keeps_stop: bool = False
    """Whether the stop sequence that ended the answer belongs to it."""
    done: bool = False
    """Whether it has ended."""
    _id: str = ""
    _begun: bool = False
    _usage: JsonObject = field(default_factory=JsonObject)
    _stop: JsonObject = field(default_factory=JsonObject)
    _open: dict[int, Block] = field(default_factory=dict[int, Block])
    _finished: list[Block] = field(default_factory=list[Block])
    _calls: int = 0
    _characters: int = 0

    def event(self, event: JsonObject) -> CompletionChunk | None:
        """What an event adds; None for nothing. ApiError where it tells of an error, or has no place here."""
        kind = event.get("type")
        if kind == "message_start":
            return self.start(child(event, "message", self.vendor))
        if kind == "error":
            raise error_of(self.vendor, 200, {}, event)
        if kind == "ping":
            return None
        if not self._begun and isinstance(kind, str) and kind.startswith(("content_block", "message")):
            raise malformed(self.vendor, f"{kind} before message_start")
        match kind:
            case "content_block_delta":
                return self._delta(self._block(event), child(event, "delta", self.vendor))
            case "content_block_start":
                return self.open(count(event, "index", self.vendor), child(event, "content_block", self.vendor))
            case "content_block_stop":
                return self.close(count(event, "index", self.vendor))
            case "message_delta":
                self.report(child(event, "delta", self.vendor), event.get("usage"))
                return None
            case "message_stop":
                return self.end()
            case str():
                # Anthropic may add kinds of events to a version (https://platform.claude.com/docs/en/api/versioning).
                return None
            case _:
                raise malformed(self.vendor, "an event without type")

    def like(self, event: JsonObject) -> Like:
        """What a delta means that comes after one of the same block and kind; nothing for other events."""
        if event.get("type") != "content_block_delta":
            return Like(None)
        block = self._block(event)
        delta = child(event, "delta", self.vendor)
        match delta.get("type"):
            case "text_delta":
                return Like(self._content(text(delta, "text", self.vendor)), partial(self._note, block, written=True))
            case "thinking_delta":
                return Like(self._reasoning(text(delta, "thinking", self.vendor)), partial(self._note, block))
            case "input_json_delta" if block.call is not None:
                arguments = text(delta, "partial_json", self.vendor)
                return Like(self._arguments(block.call, arguments), partial(self._note, block))
            case _:
                return Like(None)

    def start(self, message: JsonObject) -> CompletionChunk:
        """The answer begins."""
        self._begun = True
        self._id = text(message, "id", self.vendor)
        self.report(message, message.get("usage"))
        chunk = self._chunk(Delta(role="assistant"))
        if self._usage:
            # What the prompt cost is known even where the answer is not read to its end.
            chunk.usage.CopyFrom(usage_of(self._usage, self.vendor))
        return chunk

    def open(self, index: int, begun: JsonObject) -> CompletionChunk | None:
        """A block begins, with all that it has where the answer comes whole."""
        block = self._open[index] = Block(begun, starts=self._characters)
        match block.kind:
            case "tool_use":
                block.call = self._calls
                self._calls += 1
                call = ToolCall(index=block.call, id=text(begun, "id", self.vendor), type="function")
                call.function.CopyFrom(FunctionCall(name=text(begun, "name", self.vendor), arguments=""))
                if extra := block.extra():
                    call.extra_fields = dumps({"extra_content": {"anthropic": extra}}).decode()
                return self._chunk(Delta(tool_calls=[call]))
            case "text":
                for citation in _objects(begun.get("citations")):
                    block.citations.append(citation)
                return self._said(block, text(begun, "text", self.vendor))
            case "thinking":
                if signature := begun.get("signature"):
                    block.signature.append(str(signature))
                return self._thought(block, text(begun, "thinking", self.vendor))
            case _:
                return None

    def close(self, index: int) -> CompletionChunk | None:
        """A block ends."""
        block = self._open.pop(index, None)
        if block is None:
            raise malformed(self.vendor, f"the end of block {index}, which has not begun")
        self._finished.append(block)
        if block.call is not None and not block.pieces:
            # No input in pieces: it was there from the start, or there is none.
            given = block.begun.get("input")
            return self._argued(block, dumps(given).decode() if isinstance(given, dict) else "{}")
        if block.citations:
            return self._chunk(Delta(annotations=block.annotations(self._characters)))
        return None

    def report(self, delta: JsonObject, usage: JsonValue) -> None:
        """Why the answer ends, and what it cost so far; both may come more than once."""
        self._stop |= {
            name: value
            for name in ("stop_reason", "stop_sequence", "stop_details")
            if (value := delta.get(name)) is not None
        }
        if isinstance(usage, dict):
            self._usage = merged(self._usage, usage)

    def end(self) -> CompletionChunk:
        """The answer ends."""
        reason = text(self._stop, "stop_reason", self.vendor)
        self.done = True
        chunk = self._chunk(self._last_delta())
        (choice,) = chunk.choices
        choice.finish_reason = FINISH_REASONS.get(reason, reason)
        choice.native_finish_reason = reason
        told: JsonObject = {name: value for name, value in self._stop.items() if name != "stop_reason"}
        if told:
            choice.extra_fields = dumps(told).decode()
        if self._usage:
            chunk.usage.CopyFrom(usage_of(self._usage, self.vendor))
            tier = self._usage.get("service_tier")
            chunk.service_tier = tier if isinstance(tier, str) else ""
        return chunk

    def _last_delta(self) -> Delta:
        delta = Delta()
        sequence = self._stop.get("stop_sequence")
        if self.keeps_stop and isinstance(sequence, str):
            delta.content = sequence
        details = self._stop.get("stop_details")
        if isinstance(details, dict) and isinstance(why := details.get("explanation"), str):
            delta.refusal = why
        returned: JsonObject = {}
        if thoughts := [block.whole() for block in self._finished if block.kind in {"thinking", "redacted_thinking"}]:
            returned["thinking_blocks"] = list(thoughts)
        if any(block.kind not in OWN for block in self._finished):
            # Of tools that Anthropic runs itself: the schema has no place for them.
            returned["content_blocks"] = [
                block.whole() for block in self._finished if block.kind != "text" or block.pieces
            ]
        if returned:
            delta.extra_fields = dumps(returned).decode()
        return delta

    def _delta(self, block: Block, delta: JsonObject) -> CompletionChunk | None:
        match delta.get("type"):
            case "text_delta":
                return self._said(block, text(delta, "text", self.vendor))
            case "input_json_delta":
                return self._argued(block, text(delta, "partial_json", self.vendor))
            case "thinking_delta":
                return self._thought(block, text(delta, "thinking", self.vendor))
            case "signature_delta":
                block.signature.append(text(delta, "signature", self.vendor))
                return None
            case "citations_delta":
                block.citations.append(child(delta, "citation", self.vendor))
                return None
            case _:
                return None

    def _said(self, block: Block, words: str) -> CompletionChunk | None:
        if not words:
            return None
        self._note(block, (words,), written=True)
        return self._content(words)

    def _thought(self, block: Block, words: str) -> CompletionChunk | None:
        if not words:
            return None
        self._note(block, (words,))
        return self._reasoning(words)

    def _argued(self, block: Block, piece: str) -> CompletionChunk | None:
        if not piece:
            return None
        self._note(block, (piece,))
        return None if block.call is None else self._arguments(block.call, piece)

    def _note(self, block: Block, pieces: Sequence[str], *, written: bool = False) -> None:
        block.pieces.extend(pieces)
        if written:
            self._characters += sum(map(len, pieces))

    def _content(self, words: str) -> CompletionChunk:
        return self._chunk(Delta(content=words))

    def _reasoning(self, words: str) -> CompletionChunk:
        return self._chunk(Delta(reasoning_content=words))

    def _arguments(self, call: int, piece: str) -> CompletionChunk:
        return self._chunk(Delta(tool_calls=[ToolCall(index=call, function=FunctionCall(arguments=piece))]))

    def _block(self, event: JsonObject) -> Block:
        index = count(event, "index", self.vendor)
        block = self._open.get(index)
        if block is None:
            raise malformed(self.vendor, f"a piece of block {index}, which has not begun")
        return block

    def _chunk(self, delta: Delta) -> CompletionChunk:
        return CompletionChunk(id=self._id, choices=[ChunkChoice(index=0, delta=delta)])


def _objects(value: JsonValue) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
