"""What an answer cost, out of reports that come in parts."""

from parley.chat.v1.completion_pb2 import CompletionTokensDetails, PromptTokensDetails, Usage

from service.backends.anthropic.wire import count
from service.codec import JsonObject, dumps

_TOLD = frozenset(
    (
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "output_tokens_details",
        "service_tier",
    )
)


def merged(report: JsonObject, later: JsonObject) -> JsonObject:
    """Two reports as one. Both are cumulative; a later one may leave members out, or have them as null."""
    return {**report, **{name: value for name, value in later.items() if value is not None}}


def usage_of(report: JsonObject, vendor: str) -> Usage:
    """A report in the schema's terms, in which cached tokens are part of the prompt's.

    Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching.
    """
    read, written = (count(report, f"cache_{name}_input_tokens", vendor) for name in ("read", "creation"))
    prompt = count(report, "input_tokens", vendor) + read + written
    completion = count(report, "output_tokens", vendor)
    usage = Usage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)
    details = PromptTokensDetails()
    if report.get("cache_read_input_tokens") is not None:
        details.cached_tokens = read
    if report.get("cache_creation_input_tokens") is not None:
        details.cache_write_tokens = written
    if details.ListFields():
        usage.prompt_tokens_details.CopyFrom(details)
    thought = report.get("output_tokens_details")
    if isinstance(thought, dict):
        usage.completion_tokens_details.CopyFrom(
            CompletionTokensDetails(reasoning_tokens=count(thought, "thinking_tokens", vendor))
        )
    rest: JsonObject = {name: value for name, value in report.items() if name not in _TOLD and value is not None}
    if rest:
        usage.extra_fields = dumps(rest).decode()
    return usage
