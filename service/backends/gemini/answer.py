"""One answer as it comes, streamed or whole: both are made of the same objects."""

from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import CompletionChunk

from service.backends.gemini import finish
from service.backends.gemini.candidate import Candidate, index_of
from service.backends.gemini.error import error_of
from service.backends.gemini.unquote import Unquoter
from service.backends.gemini.usage import usage_of
from service.backends.gemini.wire import object_of, objects_of, text_of
from service.codec import JsonObject
from service.errors import ApiError


@dataclass(slots=True)
class Answer:
    """State of one answer; never reused."""

    vendor: str
    quoted: bool
    """Whether the text comes as a JSON string, and is wanted without its quotes."""
    _candidates: dict[int, Candidate] = field(default_factory=dict[int, Candidate])

    @property
    def complete(self) -> bool:
        """Whether every candidate has come to its end. There is no other end mark."""
        return bool(self._candidates) and all(candidate.finished for candidate in self._candidates.values())

    @property
    def failure(self) -> ApiError | None:
        """The error that a candidate ended with."""
        return next((each.failure for each in self._candidates.values() if each.failure is not None), None)

    def take(self, event: JsonObject) -> CompletionChunk:
        """What a GenerateContentResponse says. ApiError where it is an error, DecodeError where it is malformed."""
        if event.get("error"):
            raise error_of(self.vendor, 0, {}, event)
        chunk = CompletionChunk(id=text_of(event, "responseId"), system_fingerprint=text_of(event, "modelVersion"))
        for each in objects_of(event, "candidates"):
            index = index_of(each)
            candidate = self._candidates.get(index)
            if candidate is None:
                candidate = self._candidates[index] = Candidate(index, Unquoter() if self.quoted else None)
            chunk.choices.append(candidate.take(each, self.vendor, chunk.id))
        feedback = object_of(event, "promptFeedback")
        if (word := text_of(feedback, "blockReason")) and not chunk.choices:
            raise finish.blocked(self.vendor, word, text_of(feedback, "blockReasonMessage"))
        if metadata := object_of(event, "usageMetadata"):
            chunk.usage.CopyFrom(usage_of(metadata))
        return chunk
