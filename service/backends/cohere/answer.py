"""One answer of Cohere's as it grows, event by event, in OpenAI's form.

Source: https://docs.cohere.com/docs/streaming.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from parley.chat.v1.completion_pb2 import ChunkChoice, CompletionChunk, Delta
from parley.chat.v1.tool_pb2 import FunctionCall, ToolCall

from service.backends.analogy import Like
from service.backends.cohere.citation import annotations_of
from service.backends.cohere.error import error_of
from service.backends.cohere.logprobs import logprobs_of
from service.backends.cohere.usage import usage_of
from service.backends.framed import malformed
from service.codec import JsonObject, JsonValue
from service.errors import ApiError, Kind, Upstream

FINISH_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "COMPLETE": "stop",
        "STOP_SEQUENCE": "stop",
        "MAX_TOKENS": "length",
        "TOOL_CALL": "tool_calls",
        "ERROR_TOXIC": "content_filter",
    }
)
"""OpenAI's words by Cohere's (https://docs.cohere.com/reference/chat, cohere 7.3.1 ChatFinishReason)."""

FAILURES: Mapping[str, Kind] = MappingProxyType(
    {"ERROR": Kind.UPSTREAM_ERROR, "TIMEOUT": Kind.UPSTREAM_TIMEOUT, "ERROR_LIMIT": Kind.CONTEXT_LENGTH}
)
"""Ends that are none: the answer was broken off."""


@dataclass(slots=True)
class Answer:
    """State of one answer; never reused."""

    vendor: str
    done: bool = False
    """Whether the answer is complete."""
    _id: str = ""
    _calls: dict[int, int] = field(default_factory=dict[int, int])
    """Our index of a call by the vendor's."""
    _starts: dict[int, int] = field(default_factory=dict[int, int])
    """Where in the text each of the vendor's content blocks begins."""
    _length: int = 0
    """Characters of text so far."""

    def event(self, event: JsonObject) -> CompletionChunk | None:
        """The chunk that an event becomes. ApiError where it is malformed, or tells of a failure."""
        match event.get("type"):
            case "message-start":
                return self._start(event)
            case "content-start" | "content-delta":
                return self._content(event)
            case "tool-plan-delta":
                plan = _text(_message(event).get("tool_plan"))
                return _chunk(self._id, Delta(reasoning_content=plan)) if plan else None
            case "tool-call-start":
                return self._call(event)
            case "tool-call-delta":
                return self._arguments(event)
            case "citation-start":
                return self._citation(event)
            case "message-end":
                return self._end(event)
            case "content-end" | "tool-call-end" | "citation-end" | "debug":
                return None
            case str():
                # Cohere adds kinds of events without a new version, and its own SDK passes over them.
                return None
            case _ if "message" in event or "error" in event:
                raise error_of(self.vendor, 500, {}, event)
            case _:
                raise self.malformed("an event without a type")

    def like(self, event: JsonObject) -> Like:
        """What a delta means that comes after one of the same kind; nothing for other events."""
        match event.get("type"):
            case "content-delta":
                before = self._length
                chunk = self._content(event)
                self._length = before
                written = chunk is not None and chunk.choices[0].delta.HasField("content")
                return Like(chunk, self._note if written else None)
            case "tool-plan-delta" | "tool-call-delta":
                return Like(self.event(event))
            case _:
                return Like(None)

    def _note(self, texts: Sequence[str]) -> None:
        self._length += sum(map(len, texts))

    def malformed(self, problem: str) -> ApiError:
        """The error for an answer that is not of Cohere's own format."""
        return malformed(self.vendor, problem)

    def _start(self, event: JsonObject) -> CompletionChunk:
        self._id = _text(event.get("id"))
        return _chunk(self._id, Delta(role="assistant"))

    def _content(self, event: JsonObject) -> CompletionChunk | None:
        content = _message(event).get("content")
        if not isinstance(content, dict):
            raise self.malformed("content: expected an object")
        delta = Delta()
        if thinking := _text(content.get("thinking")):
            delta.reasoning_content = thinking
        self._starts.setdefault(_index(event), self._length)
        if text := _text(content.get("text")):
            delta.content = text
            self._length += len(text)
        logprobs = logprobs_of(event.get("logprobs"))
        if not thinking and not text and logprobs is None:
            return None
        return CompletionChunk(id=self._id, choices=[ChunkChoice(index=0, delta=delta, logprobs=logprobs)])

    def _call(self, event: JsonObject) -> CompletionChunk:
        call = _message(event).get("tool_calls")
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(call, dict) or not isinstance(function, dict) or not _text(function.get("name")):
            raise self.malformed("tool_calls: expected an object with the function's name")
        at = self._calls[_index(event)] = len(self._calls)
        started = ToolCall(
            index=at,
            id=_text(call.get("id")) or f"call_{at}_{self._id}",
            type="function",
            function=FunctionCall(name=_text(function.get("name")), arguments=_text(function.get("arguments"))),
        )
        return _chunk(self._id, Delta(tool_calls=[started]))

    def _arguments(self, event: JsonObject) -> CompletionChunk | None:
        call = _message(event).get("tool_calls")
        function = call.get("function") if isinstance(call, dict) else None
        if _index(event) not in self._calls:
            raise self.malformed(f"a piece of tool call {_index(event)}, which has not begun")
        piece = _text(function.get("arguments")) if isinstance(function, dict) else ""
        if not piece:
            return None
        fragment = ToolCall(index=self._calls[_index(event)], function=FunctionCall(arguments=piece))
        return _chunk(self._id, Delta(tool_calls=[fragment]))

    def _citation(self, event: JsonObject) -> CompletionChunk:
        citation = _message(event).get("citations")
        if not isinstance(citation, dict):
            raise self.malformed("citations: expected an object")
        block = citation.get("content_index")
        offset = self._starts.get(block, 0) if isinstance(block, int) else 0
        return _chunk(self._id, Delta(annotations=annotations_of(citation, offset)))

    def _end(self, event: JsonObject) -> CompletionChunk:
        delta = event.get("delta")
        reason = _text(delta.get("finish_reason")) if isinstance(delta, dict) else ""
        if not isinstance(delta, dict) or not reason:
            raise self.malformed("finish_reason: required")
        if kind := FAILURES.get(reason):
            problem = _text(delta.get("error")) or "broke the answer off"
            upstream = Upstream(self.vendor, 200, code=reason)
            raise ApiError(kind, f"{self.vendor}: {problem}", upstream=upstream)
        self.done = True
        own = FINISH_REASONS.get(reason, reason)
        # Of Cohere's words, only STOP_SEQUENCE says more than OpenAI's; one that is not known is told as it is.
        choice = ChunkChoice(index=0, delta=Delta(), finish_reason=own, native_finish_reason=reason)
        return CompletionChunk(id=self._id, choices=[choice], usage=usage_of(delta.get("usage")))


def _chunk(id_: str, delta: Delta) -> CompletionChunk:
    return CompletionChunk(id=id_, choices=[ChunkChoice(index=0, delta=delta)])


def _message(event: JsonObject) -> JsonObject:
    delta = event.get("delta")
    message = delta.get("message") if isinstance(delta, dict) else None
    return message if isinstance(message, dict) else {}


def _index(event: JsonObject) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else 0


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""
