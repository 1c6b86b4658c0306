"""Tells what a model generated from what comes before it: a role, an empty text or a ping is not a first token."""

from service.backends.run import Piece, Run


def is_generated(chunk: Piece) -> bool:
    """Whether a chunk holds a part of the answer, or its end."""
    return isinstance(chunk, Run) or any(
        choice.finish_reason
        or choice.delta.content
        or choice.delta.tool_calls
        or choice.delta.reasoning_content
        or choice.delta.refusal
        or choice.delta.HasField("audio")
        or choice.delta.HasField("function_call")
        for choice in chunk.choices
    )
