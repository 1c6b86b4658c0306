"""One candidate as it comes: its parts become the pieces of a choice."""

import base64
import binascii
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import ChunkChoice
from parley.chat.v1.tool_pb2 import FunctionCall, ToolCall

from service.backends.gemini import finish, signature
from service.backends.gemini.citation import annotations_of
from service.backends.gemini.logprobs import logprobs_of
from service.backends.gemini.unquote import Unquoter
from service.backends.gemini.wire import count_of, object_of, objects_of, text_of
from service.codec import DecodeError, JsonObject, JsonValue, dumps
from service.errors import ApiError

_KEPT = {
    "groundingMetadata": "grounding_metadata",
    "urlContextMetadata": "url_context_metadata",
    "continuationToken": "continuation_token",
}
"""Members of a candidate that have no form of OpenAI's, and their names in `extra_content.google`.

Ignored are safetyRatings, avgLogprobs and tokenCount, which only rate what was generated, and whatever is new, as
https://google.aip.dev/180 expects of clients.
"""

_STREAMED_ARGUMENTS = ("partialArgs", "willContinue")


@dataclass(slots=True)
class Candidate:
    """State of one candidate; never reused."""

    index: int
    unquoter: Unquoter | None
    """Where the answer is a JSON string that is wanted as plain text."""
    finished: bool = False
    failure: ApiError | None = None
    """What a finish reason says that is no end of an answer."""
    _calls: int = 0
    _texts: list[str] = field(default_factory=list[str])
    _images: list[JsonObject] = field(default_factory=list[JsonObject])
    _parts: list[JsonValue] = field(default_factory=list[JsonValue])
    _google: JsonObject = field(default_factory=JsonObject)
    _sources: JsonObject = field(default_factory=JsonObject)
    """The last that was said of sources."""

    def take(self, event: JsonObject, vendor: str, response_id: str) -> ChunkChoice:
        """The next piece. DecodeError where it is malformed."""
        choice = ChunkChoice(index=self.index)
        sounds: list[str] = []
        for part in objects_of(object_of(event, "content"), "parts"):
            self._part(part, choice, sounds, response_id)
        if sounds:
            choice.delta.audio.data = _joined(sounds)
        if result := object_of(event, "logprobsResult"):
            choice.logprobs.CopyFrom(logprobs_of(result))
        for name, kept in _KEPT.items():
            if event.get(name):
                self._google[kept] = event[name]
        for name in ("groundingMetadata", "citationMetadata"):
            if event.get(name):
                self._sources[name] = object_of(event, name)
        if word := text_of(event, "finishReason"):
            self.finished = True
            choice.native_finish_reason = word
            choice.finish_reason = finish.reason_of(word, called=self._calls > 0)
            self.failure = finish.failure_of(vendor, word, text_of(event, "finishMessage"))
            if self.failure is not None:
                # An error follows, which is the only end that this answer has.
                choice.ClearField("finish_reason")
                choice.ClearField("native_finish_reason")
        if self.finished:
            self._rest(choice)
        return choice

    def _part(self, part: JsonObject, choice: ChunkChoice, sounds: list[str], response_id: str) -> None:
        delta = choice.delta
        signed = text_of(part, "thoughtSignature")
        thought = part.get("thought") is True
        media = object_of(part, "inlineData")
        kind = text_of(media, "mimeType").partition("/")[0]
        if "functionCall" in part:
            delta.tool_calls.append(self._call(object_of(part, "functionCall"), signed, response_id))
            return
        if "text" in part and thought:
            delta.reasoning_content += text_of(part, "text")
        elif "text" in part:
            text = text_of(part, "text")
            self._texts.append(text)
            if self.unquoter is not None:
                text = self.unquoter.feed(text)
            if text:
                delta.content += text
        elif kind == "audio" and not thought:
            sounds.append(text_of(media, "data"))
        elif kind == "image" and not thought:
            url = f"data:{text_of(media, 'mimeType')};base64,{text_of(media, 'data')}"
            self._images.append({"type": "image_url", "image_url": {"url": url}})
        elif part.keys() - {"thought", "thoughtSignature"}:
            # The vendor's own tools, and kinds of the future.
            self._parts.append(part)
            return
        if signed:
            self._google["thought_signature"] = signed

    def _call(self, made: JsonObject, signed: str, response_id: str) -> ToolCall:
        if any(made.get(name) for name in _STREAMED_ARGUMENTS):
            raise DecodeError("functionCall", "arguments in pieces, which this service does not ask for")
        index = self._calls
        self._calls += 1
        return ToolCall(
            index=index,
            id=text_of(made, "id") or f"call_{self.index}_{index}_{response_id}",
            type="function",
            function=FunctionCall(name=text_of(made, "name"), arguments=dumps(object_of(made, "args")).decode()),
            extra_fields=signature.pack({"thought_signature": signed} if signed else {}),
        )

    def _rest(self, choice: ChunkChoice) -> None:
        """What is only told at the end. Later ends tell all of it again, but for the sources."""
        delta = choice.delta
        if self.unquoter is not None and (text := self.unquoter.end()):
            delta.content += text
        if self._parts:
            self._google["parts"] = self._parts
        delta.extra_fields = signature.pack(self._google, images=self._images)
        if self._sources:
            grounding, citations = (object_of(self._sources, f"{name}Metadata") for name in ("grounding", "citation"))
            delta.annotations.extend(annotations_of("".join(self._texts), grounding, citations))
            self._sources = {}


def index_of(event: JsonObject) -> int:
    """Which candidate it is; protobuf leaves the 0 of the first out."""
    return count_of(event, "index")


def _joined(pieces: list[str]) -> str:
    """One base64 text of several, each of which has its own padding."""
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode()
    except binascii.Error:
        raise DecodeError("inlineData.data", "not base64") from None
