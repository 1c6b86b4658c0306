"""What vendors of OpenAI's format answer in another way than OpenAI."""

from dataclasses import dataclass

from service.backends.openai.mend import Mend, deltas_of, split_content
from service.codec import JsonObject, JsonValue


def parts_of_content() -> Mend:
    """Mistral's content, which may be a list of parts, reasoning among them."""

    def mend(event: JsonObject) -> bool:
        for delta in deltas_of(event):
            split_content(delta)
        return True

    return mend


def kinds_of_calls() -> Mend:
    """Mistral's tool calls, which do not say that they are of functions."""

    def mend(event: JsonObject) -> bool:
        for delta in deltas_of(event):
            calls = delta.get("tool_calls")
            for call in calls if isinstance(calls, list) else ():
                if isinstance(call, dict) and call.get("id"):
                    call.setdefault("type", "function")
        return True

    return mend


def usage_of_groq() -> Mend:
    """Groq's usage, which stands in `x_groq` where a stream reports it of itself (https://console.groq.com/docs/api-reference)."""

    def mend(event: JsonObject) -> bool:
        own = event.get("x_groq")
        if isinstance(own, dict) and isinstance(own.get("usage"), dict) and not event.get("usage"):
            event["usage"] = own.pop("usage")
        return True

    return mend


def cache_hits() -> Mend:
    """DeepSeek's count of cached tokens, in OpenAI's place (https://api-docs.deepseek.com/guides/kv_cache)."""

    def mend(event: JsonObject) -> bool:
        usage = event.get("usage")
        if isinstance(usage, dict) and isinstance(hits := usage.get("prompt_cache_hit_tokens"), int):
            details = usage.setdefault("prompt_tokens_details", {})
            if isinstance(details, dict):
                details.setdefault("cached_tokens", hits)
        return True

    return mend


def found_pages() -> Mend:
    """Perplexity's search results, which each event repeats, as annotations, once.

    Source: https://docs.perplexity.ai/docs/sonar/openai-compatibility.
    """
    return _FoundPages()


@dataclass(slots=True)
class _FoundPages:
    """State of one answer."""

    told: int = 0

    def __call__(self, event: JsonObject) -> bool:
        results = event.get("search_results")
        deltas = deltas_of(event)
        if isinstance(results, list) and deltas and len(results) > self.told:
            annotations = [_citation(result) for result in results[self.told :] if isinstance(result, dict)]
            present = deltas[0].get("annotations")
            deltas[0]["annotations"] = [*(present if isinstance(present, list) else ()), *annotations]
            self.told = len(results)
        return True


def _citation(result: JsonObject) -> JsonValue:
    citation = {name: value for name in ("title", "url") if isinstance(value := result.get(name), str)}
    rest = {name: value for name, value in result.items() if name not in citation}
    return {"type": "url_citation", "url_citation": {**rest, **citation}}
