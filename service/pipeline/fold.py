"""Folds the chunks of a stream into the whole answer, so that both ways of answering are one."""

import base64
import binascii
from dataclasses import dataclass, field

from parley.chat.v1.completion_pb2 import Choice, ChunkChoice, Completion, CompletionChunk, Delta
from parley.chat.v1.message_pb2 import MessageAudio
from parley.chat.v1.tool_pb2 import ToolCall

from service.codec import dumps, parse_object


@dataclass(slots=True)
class _Answer:
    """One choice as it grows."""

    choice: Choice
    content: list[str] = field(default_factory=list[str])
    refusal: list[str] = field(default_factory=list[str])
    reasoning: list[str] = field(default_factory=list[str])
    audio: list[str] = field(default_factory=list[str])
    calls: dict[int, ToolCall] = field(default_factory=dict[int, ToolCall])

    def add(self, piece: ChunkChoice) -> None:
        choice, delta = self.choice, piece.delta
        choice.finish_reason = piece.finish_reason or choice.finish_reason
        choice.native_finish_reason = piece.native_finish_reason or choice.native_finish_reason
        choice.extra_fields = merge_json(choice.extra_fields, piece.extra_fields)
        if piece.HasField("logprobs"):
            extra = merge_json(choice.logprobs.extra_fields, piece.logprobs.extra_fields)
            choice.logprobs.MergeFrom(piece.logprobs)
            choice.logprobs.extra_fields = extra
        for name, pieces in (
            ("content", self.content),
            ("refusal", self.refusal),
            ("reasoning_content", self.reasoning),
        ):
            if delta.HasField(name):
                pieces.append(getattr(delta, name))
        for call in delta.tool_calls:
            self._call(call)
        self._rest(delta)

    def _call(self, piece: ToolCall) -> None:
        call = self.calls.setdefault(piece.index, ToolCall())
        call.id = call.id or piece.id
        call.type = call.type or piece.type
        call.extra_fields = merge_json(call.extra_fields, piece.extra_fields)
        if piece.HasField("function"):
            call.function.name = call.function.name or piece.function.name
            if piece.function.HasField("arguments"):
                call.function.arguments += piece.function.arguments

    def _rest(self, delta: Delta) -> None:
        message = self.choice.message
        message.role = delta.role or message.role
        message.annotations.extend(delta.annotations)
        message.extra_fields = merge_json(message.extra_fields, delta.extra_fields)
        if delta.HasField("function_call"):
            message.function_call.name = message.function_call.name or delta.function_call.name
            if delta.function_call.HasField("arguments"):
                message.function_call.arguments += delta.function_call.arguments
        if delta.HasField("audio"):
            _grow_audio(message.audio, delta.audio)
            if delta.audio.data:
                self.audio.append(delta.audio.data)

    def whole(self) -> Choice:
        message = self.choice.message
        message.role = message.role or "assistant"
        if self.content:
            message.content.add(text="".join(self.content))
        if self.refusal:
            message.refusal = "".join(self.refusal)
        if self.reasoning:
            message.reasoning_content = "".join(self.reasoning)
        if self.audio:
            message.audio.data = join_base64(self.audio)
        message.tool_calls.extend(call for _, call in sorted(self.calls.items()))
        return self.choice


@dataclass(slots=True)
class Fold:
    """The answer so far; never reused."""

    completion: Completion = field(default_factory=lambda: Completion(object="chat.completion"))
    _answers: dict[int, _Answer] = field(default_factory=dict[int, _Answer])

    def add(self, chunk: CompletionChunk) -> None:
        """Takes in the next chunk."""
        whole = self.completion
        whole.id = whole.id or chunk.id
        whole.created = whole.created or chunk.created
        whole.model = whole.model or chunk.model
        whole.service_tier = chunk.service_tier or whole.service_tier
        whole.system_fingerprint = chunk.system_fingerprint or whole.system_fingerprint
        whole.extra_fields = merge_json(whole.extra_fields, chunk.extra_fields)
        if chunk.HasField("usage"):
            whole.usage.CopyFrom(chunk.usage)
        for piece in chunk.choices:
            answer = self._answers.get(piece.index)
            if answer is None:
                answer = self._answers[piece.index] = _Answer(Choice(index=piece.index))
            answer.add(piece)

    def result(self) -> Completion:
        """The whole answer, once."""
        self.completion.choices.extend(answer.whole() for _, answer in sorted(self._answers.items()))
        return self.completion


def _grow_audio(whole: MessageAudio, piece: MessageAudio) -> None:
    whole.id = whole.id or piece.id
    whole.transcript += piece.transcript
    if piece.HasField("expires_at"):
        whole.expires_at = piece.expires_at


def merge_json(first: str, second: str) -> str:
    """Two JSON objects as one; members of the second win. Empty texts are empty objects."""
    if not first or not second:
        return first or second
    return dumps({**parse_object(first.encode()), **parse_object(second.encode())}).decode()


def join_base64(pieces: list[str]) -> str:
    """One base64 text of several, each of which may have its own padding."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece, validate=True) for piece in pieces)).decode()
    except binascii.Error:
        # Cut without regard to base64's groups of four: the pieces are one text already.
        return "".join(pieces)
