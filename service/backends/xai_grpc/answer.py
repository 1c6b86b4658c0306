"""What the messages of xAI's answers mean. Holds the state of one answer; never reused."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import ChunkChoice, CompletionChunk, Logprobs, TokenLogprob, TopLogprob, Usage
from parley.chat.v1.message_pb2 import Annotation, UrlCitation
from parley.chat.v1.tool_pb2 import FunctionCall, ToolCall

from service.backends.xai_grpc import wire_pb2 as wire
from service.backends.xai_grpc.messages import SEALED
from service.codec import dumps

_ASSISTANT = frozenset((0, 2))
"""Roles of what the model says; others are of what xAI's own tools answered it."""

_CALLERS = frozenset((0, 1))
"""Kinds of calls that are the caller's to make."""

_FINISH = {1: "length", 2: "length", 3: "stop", 4: "tool_calls", 5: "length"}
_NATIVE = {1: "REASON_MAX_LEN", 2: "REASON_MAX_CONTEXT", 5: "REASON_TIME_LIMIT"}
_TIERS = {1: "default", 2: "priority"}


@dataclass(slots=True)
class Answer:
    """Reads chunks, or the one whole answer."""

    _finished: dict[int, bool] = field(default_factory=dict[int, bool])
    _calls: dict[int, int] = field(default_factory=dict[int, int])
    """Calls made by each output."""
    _cited: set[str] = field(default_factory=set[str])

    @property
    def complete(self) -> bool:
        """Whether every output has said why it ended."""
        return bool(self._finished) and all(self._finished.values())

    def chunk(self, data: bytes) -> CompletionChunk:
        """One piece of a stream."""
        chunk = wire.Chunk.FromString(data)
        pieces = [
            self._piece(output.index, output.delta, output.logprobs, output.finish_reason)
            for output in chunk.outputs
            if output.delta.role in _ASSISTANT
        ]
        return self._stamped(chunk, pieces)

    def whole(self, data: bytes) -> CompletionChunk:
        """A whole answer, as the one chunk that says all of it."""
        answer = wire.Answer.FromString(data)
        pieces = [
            self._piece(output.index, output.message, output.logprobs, output.finish_reason)
            for output in answer.outputs
            if output.message.role in _ASSISTANT
        ]
        return self._stamped(answer, pieces)

    def _stamped(self, answer: wire.Chunk | wire.Answer, pieces: list[ChunkChoice]) -> CompletionChunk:
        if pages := [page for page in answer.citations if page not in self._cited]:
            if not pieces:
                pieces.append(ChunkChoice(index=0))
            pieces[0].delta.annotations.extend(self._annotation(wire.Page(url=page)) for page in pages)
        chunk = CompletionChunk(
            id=answer.id,
            created=max(0, answer.created.seconds),
            model=answer.model,
            system_fingerprint=answer.system_fingerprint,
            service_tier=_TIERS.get(answer.service_tier, ""),
            choices=pieces,
        )
        if answer.HasField("usage"):
            chunk.usage.CopyFrom(_usage(answer.usage))
        return chunk

    def _piece(self, index: int, delta: wire.Delta, logprobs: wire.Logprobs, finish: int) -> ChunkChoice:
        piece = ChunkChoice(index=index)
        said = piece.delta
        if delta.content:
            said.content = delta.content
        if delta.reasoning_content:
            said.reasoning_content = delta.reasoning_content
        if delta.encrypted_content:
            said.extra_fields = dumps({SEALED: delta.encrypted_content}).decode()
        said.tool_calls.extend(self._own_calls(index, delta.tool_calls))
        for citation in delta.citations:
            page = citation.web_citation if citation.web_citation.url else citation.x_citation
            if page.url:
                said.annotations.append(self._annotation(page, citation))
        if logprobs.content:
            piece.logprobs.CopyFrom(_logprobs(logprobs))
        if finish:
            piece.finish_reason = _FINISH.get(finish) or f"reason_{finish}"
            piece.native_finish_reason = _NATIVE.get(finish, "")
        self._finished[index] = bool(finish) or self._finished.get(index, False)
        return piece

    def _own_calls(self, index: int, calls: Iterable[wire.ToolCall]) -> Iterable[ToolCall]:
        """Each comes whole, in one piece: xAI's own client puts pieces of text together, and not those of calls."""
        for call in calls:
            if call.type in _CALLERS:
                number = self._calls.get(index, 0)
                self._calls[index] = number + 1
                function = FunctionCall(name=call.function.name, arguments=call.function.arguments)
                yield ToolCall(index=number, id=call.id or f"call_{index}_{number}", type="function", function=function)

    def _annotation(self, page: wire.Page, place: wire.Citation | None = None) -> Annotation:
        self._cited.add(page.url)
        citation = UrlCitation(url=page.url)
        if place is not None and 0 <= place.start_index <= place.end_index:
            citation.start_index, citation.end_index = place.start_index, place.end_index
        return Annotation(type="url_citation", url_citation=citation)


def _usage(usage: wire.Usage) -> Usage:
    """The usage. xAI counts reasoning apart from what it calls completion, and in the total.

    Source: https://docs.x.ai/docs/key-information/consumption-and-rate-limits.
    """
    prompt = max(0, usage.prompt_tokens)
    completion = max(usage.completion_tokens, usage.total_tokens - prompt, 0)
    told = Usage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)
    told.prompt_tokens_details.cached_tokens = max(0, usage.cached_prompt_text_tokens)
    if usage.prompt_image_tokens > 0:
        told.prompt_tokens_details.image_tokens = usage.prompt_image_tokens
    told.completion_tokens_details.reasoning_tokens = max(0, usage.reasoning_tokens)
    if usage.HasField("cost_in_usd_ticks"):
        told.extra_fields = dumps({"cost_in_usd_ticks": usage.cost_in_usd_ticks}).decode()
    return told


def _logprobs(logprobs: wire.Logprobs) -> Logprobs:
    return Logprobs(
        content=[
            TokenLogprob(
                token=token.token,
                logprob=token.logprob,
                bytes=token.bytes,
                top_logprobs=[
                    TopLogprob(token=top.token, logprob=top.logprob, bytes=top.bytes) for top in token.top_logprobs
                ],
            )
            for token in logprobs.content
        ]
    )
