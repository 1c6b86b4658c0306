"""Reads calls of tools out of the text that an answer consists of, piece by piece."""

import json
from dataclasses import dataclass

from parley.chat.v1.completion_pb2 import ChunkChoice, CompletionChunk
from parley.chat.v1.tool_pb2 import FunctionCall, ToolCall

from service.backends.local.tools import ENDING, MIDDLE, OPENING
from service.codec import DecodeError, parse_value


@dataclass(slots=True)
class CallReader:
    """State of one answer; never reused."""

    _held: str = ""
    """Text of which it is not clear yet what it belongs to."""
    _is_text: bool = False
    _calls: int = 0
    _arguments: list[str] | None = None
    """Those of the call that is being read."""

    def read(self, chunk: CompletionChunk) -> bool:
        """Turns text into calls, in place. Whether anything is left of the chunk."""
        left = not chunk.choices or chunk.HasField("usage")
        for choice in chunk.choices:
            self._choice(choice, chunk.id)
            delta = choice.delta
            said = delta.HasField("content") or delta.tool_calls or delta.role
            left = left or bool(said or choice.finish_reason or choice.HasField("logprobs"))
        return left

    def _choice(self, choice: ChunkChoice, answer: str) -> None:
        if choice.delta.HasField("content") and not self._is_text:
            self._held += choice.delta.content
            choice.delta.ClearField("content")
            self._advance(choice, answer)
        if choice.finish_reason:
            self._end(choice)

    def _advance(self, choice: ChunkChoice, answer: str) -> None:
        """Takes in as much of the held text as is clear."""
        while self._held:
            if self._arguments is not None:
                if not self._read_arguments(choice, self._arguments):
                    return
            elif not self._read_head(choice, answer):
                return

    def _read_head(self, choice: ChunkChoice, answer: str) -> bool:
        text = self._held.removeprefix("\n") if self._calls else self._held
        if not (text.startswith(OPENING) or OPENING.startswith(text)):
            return self._tell_text(choice)
        quoted, middle, rest = text.removeprefix(OPENING).partition(MIDDLE)
        if not text.startswith(OPENING) or not middle:
            return False
        name = _string(quoted)
        if name is None:
            return self._tell_text(choice)
        choice.delta.tool_calls.add(
            index=self._calls,
            id=f"call_{answer.removeprefix('chatcmpl-')}_{self._calls}",
            type="function",
            function=FunctionCall(name=name, arguments=""),
        )
        self._calls += 1
        self._arguments = []
        self._held = rest
        return True

    def _tell_text(self, choice: ChunkChoice) -> bool:
        """From here on everything is text."""
        self._is_text = True
        choice.delta.content, self._held = self._held, ""
        return False

    def _read_arguments(self, choice: ChunkChoice, arguments: list[str]) -> bool:
        said, ending, rest = self._held.partition(ENDING)
        if not ending:
            kept = next(size for size in range(len(ENDING) - 1, -1, -1) if said.endswith(ENDING[:size]))
            said, rest = said[: len(said) - kept], said[len(said) - kept :]
        self._held = rest
        if said:
            arguments.append(said)
            self._say(choice, said)
        if ending:
            self._arguments = None
        return bool(ending)

    def _say(self, choice: ChunkChoice, arguments: str) -> None:
        calls = choice.delta.tool_calls
        if calls and calls[-1].index == self._calls - 1:
            calls[-1].function.arguments += arguments
        else:
            calls.append(ToolCall(index=self._calls - 1, function=FunctionCall(arguments=arguments)))

    def _end(self, choice: ChunkChoice) -> None:
        """What the answer's end, which may have come too early, makes clear."""
        held, self._held = self._held, ""
        if self._arguments is not None:
            if held and not _complete("".join(self._arguments)):
                self._say(choice, held)
        elif not self._calls and not self._is_text:
            choice.delta.content = held
        if self._calls and choice.finish_reason == "stop":
            choice.finish_reason = "tool_calls"


def _string(quoted: str) -> str | None:
    """A JSON string; None for anything else, which a model that kept to its grammar would not have written."""
    try:
        value = json.loads(quoted)
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def _complete(text: str) -> bool:
    try:
        parse_value(text)
    except DecodeError:
        return False
    return True
