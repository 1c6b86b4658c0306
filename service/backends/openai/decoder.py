"""Decodes answers of vendors that speak OpenAI's chat completions, streamed and whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.openai.error import error_of
from service.backends.openai.legacy import as_chunk, is_legacy
from service.backends.openai.mend import Mend, mended, split_content
from service.backends.sse import EventParser, EventTooLargeError
from service.codec import DecodeError, JsonObject, decoder, parse_object
from service.errors import ApiError, Kind, Upstream

_decode_chunk = decoder(CompletionChunk)

_DONE = b"[DONE]"


@dataclass(slots=True)
class StreamDecoder:
    """Decodes server-sent events that end with `data: [DONE]`."""

    vendor: str
    hidden: frozenset[str] = frozenset()
    """Members that mark an event that nobody asked for."""
    finish_reasons: Mapping[str, str] = field(default_factory=dict[str, str])
    """As in OpenAiDialect."""
    mends: tuple[Mend, ...] = ()
    """Made for this answer."""
    end_mark: bool = True
    """As in OpenAiDialect."""
    done: bool = False
    _finished: dict[int, bool] = field(default_factory=dict[int, bool])
    _events: EventParser = field(default_factory=EventParser)
    _failure: ApiError | None = None

    def feed(self, data: bytes) -> list[CompletionChunk]:
        """The chunks that these bytes complete."""
        if self._failure is not None:
            raise self._failure
        chunks: list[CompletionChunk] = []
        try:
            for event in self._events.feed(data):
                if event.data == _DONE:
                    self.done = True
                    break
                if chunk := self._chunk(event.data):
                    chunks.append(chunk)
        except EventTooLargeError as error:
            self._failure = malformed(self.vendor, str(error))
        except ApiError as error:
            self._failure = error
        if self._failure is not None and not chunks:
            raise self._failure
        return chunks

    def close(self) -> list[CompletionChunk]:
        """Whatever stands in an unfinished last event; STREAM_CUT where the end mark never came."""
        if self._failure is not None:
            raise self._failure
        if self.done:
            return []
        cut = ApiError(
            Kind.STREAM_CUT,
            f"{self.vendor}: the stream ended before the answer was complete",
            upstream=Upstream(self.vendor, status=200),
        )
        try:
            # The blank line after the last event is often missing where the connection ends.
            chunks = self.feed(b"\n\n")
        except ApiError as error:
            raise (cut if error.kind is Kind.BAD_UPSTREAM else error) from None
        if not self.end_mark and self._finished and all(self._finished.values()):
            self.done = True
        if self._failure is None and not self.done:
            self._failure = cut
        if self._failure is not None and not chunks:
            raise self._failure
        return chunks

    def _chunk(self, data: bytes) -> CompletionChunk | None:
        try:
            event = parse_object(data)
            if event.get("error"):
                raise error_of(self.vendor, 0, {}, event)
            if self.hidden and not self.hidden.isdisjoint(event):
                return None
            if is_legacy(event):
                as_chunk(event)
            if self.mends and not mended(event, self.mends):
                return None
            chunk = translated(_decode_chunk(event), self.vendor, self.finish_reasons)
        except DecodeError as error:
            raise malformed(self.vendor, str(error)) from None
        if not self.end_mark:
            for choice in chunk.choices:
                self._finished[choice.index] = bool(choice.finish_reason) or self._finished.get(choice.index, False)
        return chunk


@dataclass(slots=True)
class AnswerDecoder:
    """Decodes one whole JSON answer, into the one chunk that says all of it."""

    vendor: str
    finish_reasons: Mapping[str, str] = field(default_factory=dict[str, str])
    """As in OpenAiDialect."""
    mends: tuple[Mend, ...] = ()
    """Made for this answer."""
    limit: int = 64 * 1024 * 1024
    done: bool = False
    _pieces: list[bytes] = field(default_factory=list[bytes])
    _size: int = 0

    def feed(self, data: bytes) -> list[CompletionChunk]:
        """Nothing yet: the answer is read at its end."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size > self.limit:
            raise malformed(self.vendor, f"an answer is larger than {self.limit} bytes")
        return []

    def close(self) -> list[CompletionChunk]:
        """The answer, once."""
        if self.done:
            return []
        self.done = True
        try:
            answer = parse_object(b"".join(self._pieces))
            if answer.get("error"):
                raise error_of(self.vendor, 0, {}, answer)
            if not isinstance(answer.get("choices"), list):
                raise malformed(self.vendor, "choices: expected a list")
            event = _as_chunk(answer)
            mended(event, self.mends)
            return [translated(_decode_chunk(event), self.vendor, self.finish_reasons)]
        except DecodeError as error:
            raise malformed(self.vendor, str(error)) from None


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


def malformed(vendor: str, problem: str) -> ApiError:
    """The error for an answer that is not of the vendor's own format."""
    return ApiError(Kind.BAD_UPSTREAM, f"{vendor}: malformed answer: {problem}", upstream=Upstream(vendor, status=200))
