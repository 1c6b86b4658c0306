"""Decodes answers of vendors that speak OpenAI's chat completions, streamed and whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.analogy import Analogy, Like
from service.backends.framed import EventDecoder, ObjectDecoder, malformed
from service.backends.memory import Memory
from service.backends.openai.error import error_of
from service.backends.openai.legacy import as_chunk, is_legacy
from service.backends.openai.mend import Mend, mended, split_content
from service.codec import JsonObject, decoder, parse_object
from service.errors import ApiError, Kind, Upstream

_decode_chunk = decoder(CompletionChunk)

_DONE = b"[DONE]"


@dataclass(slots=True)
class Reader:
    """What the events, or the one object, of an answer mean. Holds the state of one answer; never reused."""

    vendor: str
    hidden: frozenset[str] = frozenset()
    """Members that mark an event that nobody asked for."""
    finish_reasons: Mapping[str, str] = field(default_factory=dict[str, str])
    """As in OpenAiDialect."""
    mends: tuple[Mend, ...] = ()
    """Made for this answer."""
    end_mark: bool = True
    """As in OpenAiDialect."""
    memory: Memory | None = None
    """What answers before this one looked like."""
    done: bool = False
    """Whether `[DONE]` was seen."""
    _begun: bool = False
    _finished: dict[int, bool] = field(default_factory=dict[int, bool])

    def events(self, *, analogy: bool = True) -> EventDecoder:
        """A decoder of server-sent events that end with `data: [DONE]`."""
        if not analogy or self.hidden or self.mends:
            # What an event means depends on more than itself.
            self.memory = None
        by = Analogy(lambda data: Like(self._event(data)), self.memory, self._told) if analogy else None
        return EventDecoder(self.vendor, self._event, lambda: self.done, self._complete, analogy=by)

    def answer(self) -> ObjectDecoder:
        """A decoder of one whole JSON answer, into the one chunk that says all of it."""
        return ObjectDecoder(self.vendor, self._answer)

    def _complete(self) -> bool:
        return not self.end_mark and bool(self._finished) and all(self._finished.values())

    def _event(self, data: bytes) -> CompletionChunk | None:
        if data == _DONE:
            if not self._begun:
                raise malformed(self.vendor, "a stream without any event before its end")
            self.done = True
            return None
        self._begun = True
        event = parse_object(data)
        if event.get("error"):
            raise error_of(self.vendor, 0, {}, event)
        if self.hidden and not self.hidden.isdisjoint(event):
            return None
        if is_legacy(event):
            as_chunk(event)
        if self.mends and not mended(event, self.mends):
            return None
        chunk = self._told(_decode_chunk(event))
        if self.memory is not None:
            self.memory.learn(data, _decoded)
        return chunk

    def _told(self, chunk: CompletionChunk) -> CompletionChunk:
        """What a chunk means here, in place; takes note of what has ended with it."""
        self._begun = True
        if self.finish_reasons:
            translated(chunk, self.vendor, self.finish_reasons)
        if not self.end_mark:
            for choice in chunk.choices:
                self._finished[choice.index] = bool(choice.finish_reason) or self._finished.get(choice.index, False)
        return chunk

    def _answer(self, answer: JsonObject) -> list[CompletionChunk]:
        if answer.get("error"):
            raise error_of(self.vendor, 0, {}, answer)
        if not isinstance(answer.get("choices"), list):
            raise malformed(self.vendor, "choices: expected a list")
        event = _as_chunk(answer)
        if self.mends:
            mended(event, self.mends)
        return [translated(_decode_chunk(event), self.vendor, self.finish_reasons)]


def _decoded(data: bytes) -> CompletionChunk:
    """What an event means by itself, wherever it stands."""
    event = parse_object(data)
    if is_legacy(event):
        as_chunk(event)
    return _decode_chunk(event)


def _as_chunk(answer: JsonObject) -> JsonObject:
    """An answer in the form of a chunk: each `message` is a `delta`, and its tool calls have an index."""
    if is_legacy(answer):
        as_chunk(answer)
        return answer
    choices = answer.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        message = choice.pop("message", None)
        if isinstance(message, dict):
            split_content(message)
            calls = message.get("tool_calls")
            for index, call in enumerate(calls if isinstance(calls, list) else ()):
                if isinstance(call, dict):
                    call.setdefault("index", index)
        choice["delta"] = message
    return answer


def translated(chunk: CompletionChunk, vendor: str, finish_reasons: Mapping[str, str]) -> CompletionChunk:
    """The chunk, its finish reasons in OpenAI's words, in place. UPSTREAM_ERROR where the answer was broken off."""
    for choice in chunk.choices if finish_reasons else ():
        word = finish_reasons.get(choice.finish_reason)
        if word == "":
            problem = f"{vendor}: broke the answer off ({choice.finish_reason})"
            raise ApiError(Kind.UPSTREAM_ERROR, problem, upstream=Upstream(vendor, 200, code=choice.finish_reason))
        if word:
            choice.native_finish_reason, choice.finish_reason = choice.finish_reason, word
    return chunk
