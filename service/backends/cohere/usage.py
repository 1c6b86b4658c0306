"""Cohere's count of tokens."""

from parley.chat.v1.completion_pb2 import PromptTokensDetails, Usage

from service.codec import JsonObject, JsonValue, dumps


def usage_of(usage: JsonValue) -> Usage | None:
    """The tokens that were read and written; those that are billed, which are fewer, stay as `billed_units`."""
    tokens = usage.get("tokens") if isinstance(usage, dict) else None
    if not isinstance(usage, dict) or not isinstance(tokens, dict):
        return None
    prompt, completion = _number(tokens, "input_tokens"), _number(tokens, "output_tokens")
    billed = usage.get("billed_units")
    counted = Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        extra_fields=dumps({"billed_units": billed}).decode() if billed else "",
    )
    if "cached_tokens" in usage:
        counted.prompt_tokens_details.CopyFrom(PromptTokensDetails(cached_tokens=_number(usage, "cached_tokens")))
    return counted


def _number(counts: JsonObject, name: str) -> int:
    """Cohere writes its counts as floating-point numbers."""
    value = counts.get(name)
    return int(value) if isinstance(value, int | float) and value >= 0 else 0
