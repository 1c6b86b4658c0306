"""Turns the events of an answer into chunks; a whole answer is told as the events that it would have been."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from parley.chat.v1.completion_pb2 import (
    ChunkChoice,
    CompletionChunk,
    Delta,
    PromptTokensDetails,
    Usage,
)
from parley.chat.v1.tool_pb2 import FunctionCall, ToolCall

from service.backends.bedrock.citation import annotation
from service.backends.bedrock.thinking import Thinking
from service.backends.bedrock.wire import WireError, as_object, count_of, list_of, object_of, text_of
from service.codec import JsonObject, dumps
from service.errors import ApiError, Kind, Upstream

FINISH_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "tool_use": "tool_calls",
        "content_filtered": "content_filter",
        "guardrail_intervened": "content_filter",
    }
)
"""Finish reasons by stopReason (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html)."""

FAILURES = frozenset(("malformed_model_output", "malformed_tool_use"))
"""Stop reasons of answers that are none."""

Event = tuple[str, JsonObject]


@dataclass(slots=True)
class Answer:
    """State of one answer; never reused."""

    vendor: str
    finished: bool = False
    """Whether the model ended its message."""
    reported: bool = False
    """Whether the usage has come, which follows the message's end."""
    _calls: dict[int, int] = field(default_factory=dict[int, int])
    """Our number of a call by its block's."""
    _silent: set[int] = field(default_factory=set[int])
    """Blocks of calls whose arguments have not begun."""
    _foreign: set[int] = field(default_factory=set[int])
    """Blocks of tools that Bedrock itself ran, which are not the caller's business."""
    _thinking: Thinking = field(default_factory=Thinking)
    _cited: dict[int, list[JsonObject]] = field(default_factory=dict[int, list[JsonObject]])
    _starts: dict[int, int] = field(default_factory=dict[int, int])
    """Where in the content a block of text began."""
    _length: int = 0
    """Characters of the content so far."""

    def event(self, name: str, body: JsonObject) -> CompletionChunk | None:
        """What an event adds, if anything. WireError where it is malformed, ApiError where it tells of a failure."""
        match name:
            case "messageStart":
                return _chunk(Delta(role="assistant"))
            case "contentBlockStart":
                return self._start(count_of(body, "contentBlockIndex"), object_of(body, "start"))
            case "contentBlockDelta":
                return self._delta(count_of(body, "contentBlockIndex"), object_of(body, "delta"))
            case "contentBlockStop":
                return self._stop(count_of(body, "contentBlockIndex"))
            case "messageStop":
                return self._end(body)
            case "metadata":
                return self._report(body)
            case _:
                # Clients of event streams pass over kinds of events that are newer than they are:
                # https://smithy.io/2.0/spec/streaming.html#event-stream-client-behavior
                return None

    def _start(self, index: int, start: JsonObject) -> CompletionChunk | None:
        if "image" in start:
            raise _no_images(self.vendor)
        tool = start.get("toolUse")
        if "toolResult" in start or (isinstance(tool, dict) and tool.get("type") == "server_tool_use"):
            self._foreign.add(index)
            return None
        if tool is None:
            return None
        tool = as_object(tool)
        number = self._calls[index] = len(self._calls)
        self._silent.add(index)
        function = FunctionCall(name=text_of(tool, "name"), arguments="")
        return _call(ToolCall(index=number, id=text_of(tool, "toolUseId"), type="function", function=function))

    def _delta(self, index: int, delta: JsonObject) -> CompletionChunk | None:
        if index in self._foreign:
            return None
        if "text" in delta:
            text = text_of(delta, "text")
            self._starts.setdefault(index, self._length)
            self._length += len(text)
            return _chunk(Delta(content=text)) if text else None
        if "toolUse" in delta:
            arguments = text_of(object_of(delta, "toolUse"), "input")
            if index not in self._calls:
                raise WireError("arguments of a call that has not begun")
            if not arguments:
                return None
            self._silent.discard(index)
            return _call(ToolCall(index=self._calls[index], function=FunctionCall(arguments=arguments)))
        if "reasoningContent" in delta:
            text = self._thinking.add(index, object_of(delta, "reasoningContent"))
            return _chunk(Delta(reasoning_content=text)) if text else None
        if "citation" in delta:
            self._cited.setdefault(index, []).append(object_of(delta, "citation"))
        elif "image" in delta:
            raise _no_images(self.vendor)
        return None

    def _stop(self, index: int) -> CompletionChunk | None:
        if index in self._silent:
            # A call without arguments has no fragments, and callers parse what they get.
            self._silent.discard(index)
            return _call(ToolCall(index=self._calls[index], function=FunctionCall(arguments="{}")))
        if cited := self._cited.pop(index, None):
            start = self._starts.get(index, self._length)
            return _chunk(Delta(annotations=[annotation(each, start, self._length) for each in cited]))
        if members := self._thinking.stop(index):
            return _chunk(Delta(extra_fields=members))
        return None

    def _end(self, body: JsonObject) -> CompletionChunk:
        reason = text_of(body, "stopReason")
        if reason in FAILURES:
            raise ApiError(
                Kind.BAD_UPSTREAM,
                f"{self.vendor}: the model wrote what cannot be read ({reason})",
                upstream=Upstream(self.vendor, status=200, code=reason),
            )
        self.finished = True
        word = FINISH_REASONS.get(reason)
        # A word of the future is shown as it is, never as a stop.
        native = reason if word != reason else ""
        choice = ChunkChoice(index=0, delta=Delta(), finish_reason=word or reason, native_finish_reason=native)
        if fields := body.get("additionalModelResponseFields"):
            choice.extra_fields = dumps({"additional_model_response_fields": fields}).decode()
        return CompletionChunk(choices=[choice])

    def _report(self, body: JsonObject) -> CompletionChunk:
        self.reported = True
        usage = object_of(body, "usage")
        read, written = count_of(usage, "cacheReadInputTokens"), count_of(usage, "cacheWriteInputTokens")
        # inputTokens counts neither: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
        prompt, completion = count_of(usage, "inputTokens") + read + written, count_of(usage, "outputTokens")
        chunk = CompletionChunk(
            usage=Usage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)
        )
        if "cacheReadInputTokens" in usage or "cacheWriteInputTokens" in usage:
            details = PromptTokensDetails(cached_tokens=read, cache_write_tokens=written)
            chunk.usage.prompt_tokens_details.CopyFrom(details)
        tier = body.get("serviceTier")
        if isinstance(tier, dict) and isinstance(kind := tier.get("type"), str):
            chunk.service_tier = kind
        if trace := body.get("trace"):
            chunk.extra_fields = dumps({"trace": trace}).decode()
        return chunk


def events_of(answer: JsonObject) -> Iterator[Event]:
    """The events that a whole answer would have been."""
    message = object_of(object_of(answer, "output"), "message")
    yield "messageStart", {}
    for index, block in enumerate(list_of(message, "content")):
        for name, body in _block(as_object(block)):
            yield name, {**body, "contentBlockIndex": index}
    yield "messageStop", answer
    yield "metadata", answer


def _block(block: JsonObject) -> Iterator[Event]:
    if "toolUse" in block:
        tool = object_of(block, "toolUse")
        yield "contentBlockStart", {"start": {"toolUse": tool}}
        yield "contentBlockDelta", {"delta": {"toolUse": {"input": dumps(tool.get("input", {})).decode()}}}
    elif "reasoningContent" in block:
        reasoning = object_of(block, "reasoningContent")
        delta = object_of(reasoning, "reasoningText") if "reasoningText" in reasoning else reasoning
        yield "contentBlockDelta", {"delta": {"reasoningContent": delta}}
    elif "citationsContent" in block:
        content = object_of(block, "citationsContent")
        for text in list_of(content, "content"):
            yield "contentBlockDelta", {"delta": as_object(text)}
        for citation in list_of(content, "citations"):
            yield "contentBlockDelta", {"delta": {"citation": citation}}
    elif "toolResult" in block or "image" in block:
        yield "contentBlockStart", {"start": block}
    else:
        yield "contentBlockDelta", {"delta": block}
    yield "contentBlockStop", {}


def _chunk(delta: Delta) -> CompletionChunk:
    return CompletionChunk(choices=[ChunkChoice(index=0, delta=delta)])


def _call(call: ToolCall) -> CompletionChunk:
    return _chunk(Delta(tool_calls=[call]))


def _no_images(vendor: str) -> ApiError:
    problem = f"{vendor}: the model answered with an image, which chat completions have no place for"
    return ApiError(Kind.BAD_UPSTREAM, problem, upstream=Upstream(vendor, status=200))
