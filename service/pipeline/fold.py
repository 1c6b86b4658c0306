"""Folds the chunks of a stream into the whole answer, so that both ways of answering are one."""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from parley.chat.v1.completion_pb2 import Choice, ChunkChoice, Completion, CompletionChunk, Delta
from parley.chat.v1.message_pb2 import MessageAudio
from parley.chat.v1.tool_pb2 import FunctionCall, ToolCall

from service.backends.run import Piece, Run
from service.codec import dumps, parse_object


class _Answer:
    """One choice as it grows."""

    __slots__ = ("audio", "calls", "choice", "content", "reasoning", "refusal")

    def __init__(self, index: int) -> None:
        self.choice = Choice(index=index)
        self.content: list[str] = []
        self.refusal: list[str] = []
        self.reasoning: list[str] = []
        self.audio: list[str] = []
        self.calls: dict[int, ToolCall] = {}

    def add(self, piece: ChunkChoice) -> None:
        choice = self.choice
        if word := piece.finish_reason:
            choice.finish_reason = word
        if word := piece.native_finish_reason:
            choice.native_finish_reason = word
        if extra := piece.extra_fields:
            choice.extra_fields = merge_json(choice.extra_fields, extra)
        if piece.HasField("logprobs"):
            extra = merge_json(choice.logprobs.extra_fields, piece.logprobs.extra_fields)
            choice.logprobs.MergeFrom(piece.logprobs)
            choice.logprobs.extra_fields = extra
        # Of the many fields of a delta, most have one or two.
        for field_, value in piece.delta.ListFields():
            _GROW[field_](self, value)

    def call(self, piece: ToolCall) -> None:
        call = self.calls.setdefault(piece.index, ToolCall())
        call.id = call.id or piece.id
        call.type = call.type or piece.type
        call.extra_fields = merge_json(call.extra_fields, piece.extra_fields)
        if piece.HasField("function"):
            call.function.name = call.function.name or piece.function.name
            if piece.function.HasField("arguments"):
                call.function.arguments += piece.function.arguments

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
        if self.calls:
            message.tool_calls.extend(call for _, call in sorted(self.calls.items()))
        return self.choice


def _role(answer: _Answer, role: str) -> None:
    answer.choice.message.role = role


def _calls(answer: _Answer, calls: Iterable[ToolCall]) -> None:
    for call in calls:
        answer.call(call)


def _function_call(answer: _Answer, piece: FunctionCall) -> None:
    call = answer.choice.message.function_call
    call.name = call.name or piece.name
    if piece.HasField("arguments"):
        call.arguments += piece.arguments


def _audio(answer: _Answer, piece: MessageAudio) -> None:
    whole = answer.choice.message.audio
    whole.id = whole.id or piece.id
    whole.transcript += piece.transcript
    if piece.HasField("expires_at"):
        whole.expires_at = piece.expires_at
    if piece.data:
        answer.audio.append(piece.data)


def _extra(answer: _Answer, extra: str) -> None:
    message = answer.choice.message
    message.extra_fields = merge_json(message.extra_fields, extra)


_BY_NAME: Mapping[str, Callable[[_Answer, Any], None]] = MappingProxyType(
    {
        "role": _role,
        "content": lambda answer, text: answer.content.append(text),
        "refusal": lambda answer, text: answer.refusal.append(text),
        "reasoning_content": lambda answer, text: answer.reasoning.append(text),
        "tool_calls": _calls,
        "function_call": _function_call,
        "audio": _audio,
        "annotations": lambda answer, annotations: answer.choice.message.annotations.extend(annotations),
        "extra_fields": _extra,
    }
)
"""How an answer takes in each field of a delta."""

_GROW = {Delta.DESCRIPTOR.fields_by_name[name]: grow for name, grow in _BY_NAME.items()}
"""The same by the field itself, which makes a new text each time that it is asked for its name."""


class Fold:
    """The answer so far; never reused."""

    __slots__ = ("_answers", "completion")

    def __init__(self) -> None:
        self.completion = Completion(object="chat.completion")
        self._answers: dict[int, _Answer] = {}

    def batch(self, pieces: Iterable[Piece]) -> None:
        """Takes in the next chunks."""
        for piece in pieces:
            if isinstance(piece, Run):
                for chunk in piece.merged().chunks():
                    self.add(chunk)
            else:
                self.add(piece)

    def add(self, chunk: CompletionChunk) -> None:
        """Takes in the next chunk."""
        whole = self.completion
        if not whole.id:
            whole.id = chunk.id
            whole.created = chunk.created
            whole.model = chunk.model
        if tier := chunk.service_tier:
            whole.service_tier = tier
        if fingerprint := chunk.system_fingerprint:
            whole.system_fingerprint = fingerprint
        if extra := chunk.extra_fields:
            whole.extra_fields = merge_json(whole.extra_fields, extra)
        if chunk.HasField("usage"):
            whole.usage.CopyFrom(chunk.usage)
        for piece in chunk.choices:
            answer = self._answers.get(piece.index)
            if answer is None:
                answer = self._answers[piece.index] = _Answer(piece.index)
            answer.add(piece)

    def result(self) -> Completion:
        """The whole answer, once."""
        answers = self._answers
        self.completion.choices.extend([answers[index].whole() for index in sorted(answers)])
        return self.completion


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
