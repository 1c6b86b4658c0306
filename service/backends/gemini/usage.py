"""What an answer cost (https://ai.google.dev/api/generate-content#UsageMetadata)."""

from parley.chat.v1.completion_pb2 import Usage

from service.backends.gemini.wire import MOST, count_of, objects_of, text_of
from service.codec import JsonObject

_PROMPT = {"AUDIO": "audio_tokens", "TEXT": "text_tokens", "IMAGE": "image_tokens"}
_COMPLETION = {"AUDIO": "audio_tokens", "TEXT": "text_tokens"}


def usage_of(metadata: JsonObject) -> Usage:
    """The report in OpenAI's terms: reasoning counts as completion, what the vendor's own tools read as prompt."""
    prompt = count_of(metadata, "promptTokenCount") + count_of(metadata, "toolUsePromptTokenCount")
    thoughts = count_of(metadata, "thoughtsTokenCount")
    completion = count_of(metadata, "candidatesTokenCount") + thoughts
    usage = Usage(
        prompt_tokens=min(prompt, MOST),
        completion_tokens=min(completion, MOST),
        total_tokens=min(prompt + completion, MOST),
    )
    if cached := count_of(metadata, "cachedContentTokenCount"):
        usage.prompt_tokens_details.cached_tokens = cached
    if thoughts:
        usage.completion_tokens_details.reasoning_tokens = thoughts
    for modality, tokens in _by_modality(metadata, "promptTokensDetails", _PROMPT):
        setattr(usage.prompt_tokens_details, modality, tokens)
    for modality, tokens in _by_modality(metadata, "candidatesTokensDetails", _COMPLETION):
        setattr(usage.completion_tokens_details, modality, tokens)
    return usage


def _by_modality(metadata: JsonObject, name: str, known: dict[str, str]) -> list[tuple[str, int]]:
    """Tokens by modality; documents and videos, which have no name in OpenAI's terms, only count in the total."""
    return [
        (known[modality], count_of(entry, "tokenCount"))
        for entry in objects_of(metadata, name)
        if (modality := text_of(entry, "modality")) in known
    ]
