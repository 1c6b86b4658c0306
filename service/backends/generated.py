"""Tells what a model generated from what comes before it: a role, an empty text or a ping is not a first token."""

from service.backends.run import Piece, Run


def is_generated(chunk: Piece) -> bool:
    """Whether a chunk holds a part of the answer, or its end."""
    if isinstance(chunk, Run):
        return True
    for choice in chunk.choices:
        delta = choice.delta
        if (
            choice.finish_reason
            or delta.content
            or delta.tool_calls
            or delta.reasoning_content
            or delta.refusal
            or delta.HasField("audio")
            or delta.HasField("function_call")
        ):
            return True
    return False
