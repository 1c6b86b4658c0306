"""Why an answer ended, in OpenAI's words (https://ai.google.dev/api/generate-content#FinishReason)."""

from service.errors import ApiError, Kind, Upstream

REASONS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    # The limit of one request; the answer could go on in another.
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "ESCALATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
"""OpenAI's words by Gemini's. What is neither here nor among the failures keeps Gemini's own word, as OTHER does."""

FAILURES = {
    "MALFORMED_FUNCTION_CALL": (Kind.UPSTREAM_ERROR, "the model called a function in a way that cannot be read"),
    "UNEXPECTED_TOOL_CALL": (Kind.UPSTREAM_ERROR, "the model called a function that it does not have"),
    "TOO_MANY_TOOL_CALLS": (Kind.UPSTREAM_ERROR, "the model called the vendor's own tools too often"),
    "MALFORMED_RESPONSE": (Kind.UPSTREAM_ERROR, "the model's answer cannot be read"),
    "NO_IMAGE": (Kind.UPSTREAM_ERROR, "the model made no image"),
    "MISSING_THOUGHT_SIGNATURE": (
        Kind.REFUSED,
        "a call in the messages lacks the extra_content.google.thought_signature that it came with",
    ),
    "PUP_LIMITED_DISABLED": (Kind.UPSTREAM_AUTH, "the account that this service uses is limited"),
}
"""Ends that are no answers."""


def reason_of(word: str, *, called: bool) -> str:
    """OpenAI's word. Gemini stops where OpenAI has a reason of its own for calls."""
    reason = REASONS.get(word, word)
    return "tool_calls" if called and reason == "stop" else reason


def failure_of(vendor: str, word: str, message: str) -> ApiError | None:
    """The error that a finish reason stands for; None where it is an end like others.

    :param message: the vendor's own words; empty where it has none.
    """
    if word not in FAILURES:
        return None
    kind, problem = FAILURES[word]
    text = f"{vendor}: {problem} ({word})" + (f": {message}" if message else "")
    return ApiError(kind, text, upstream=Upstream(vendor, status=200, code=word))


def blocked(vendor: str, word: str, message: str) -> ApiError:
    """The error for a prompt that the vendor blocks."""
    text = f"{vendor}: the prompt was blocked ({word})" + (f": {message}" if message else "")
    return ApiError(Kind.CONTENT_FILTER, text, upstream=Upstream(vendor, status=200, code=word))
