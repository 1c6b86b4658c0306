"""How an answer is generated: `generationConfig`."""

import re

import orjson
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.codec import JsonObject
from service.errors import ApiError, Kind

_PLAIN = (
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("n", "candidateCount"),
    ("max_tokens", "maxOutputTokens"),
    # The newer name of the two has the last word.
    ("max_completion_tokens", "maxOutputTokens"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
    ("logprobs", "responseLogprobs"),
)
"""Fields that are sent as they are, and their names there."""

_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576}
"""Tokens of reasoning for models before Gemini 3, which know no levels
(https://ai.google.dev/gemini-api/docs/openai#thinking)."""

_LEVELS = {
    # These models always reason; this is the least.
    "none": "MINIMAL",
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "XHIGH",
}

_BUDGETED = re.compile(r"(.*/)?gemini-[12]\.")

_JSON = "application/json"


def generation_of(request: CompletionRequest, model: str) -> JsonObject:
    """What a request says of how its answer is generated; what it does not say is not there."""
    config: JsonObject = {there: getattr(request, here) for here, there in _PLAIN if request.HasField(here)}
    if request.logprobs and request.HasField("top_logprobs"):
        config["logprobs"] = request.top_logprobs
    if request.stop:
        config["stopSequences"] = list(request.stop)
    if request.HasField("seed"):
        config["seed"] = (request.seed + 2**31) % 2**32 - 2**31
    if request.modalities:
        config["responseModalities"] = [word.upper() for word in request.modalities]
    if request.HasField("audio"):
        config["speechConfig"] = _speech(request)
    if request.HasField("reasoning_effort"):
        config["thinkingConfig"] = _thinking(request.reasoning_effort, model)
    return config | _form(request)


def _form(request: CompletionRequest) -> JsonObject:
    """The form that the answer must have."""
    if request.guided_json:
        return {"responseMimeType": _JSON, "responseJsonSchema": orjson.Fragment(request.guided_json)}
    if request.guided_choice:
        schema: JsonObject = {"type": "STRING", "enum": list(request.guided_choice)}
        return {"responseMimeType": "text/x.enum", "responseSchema": schema}
    if request.guided_regex:
        return {"responseMimeType": _JSON, "responseSchema": {"type": "STRING", "pattern": request.guided_regex}}
    form = request.response_format
    match form.type:
        case "" | "text":
            return {}
        case "json_object":
            return {"responseMimeType": _JSON}
        case "json_schema" if form.json_schema.schema:
            return {"responseMimeType": _JSON, "responseJsonSchema": orjson.Fragment(form.json_schema.schema)}
        case "json_schema":
            return {"responseMimeType": _JSON}
        case other:
            path = "response_format.type"
            raise ApiError(Kind.UNSUPPORTED, f"{path}: {other!r} has no form there", param=path)


def _speech(request: CompletionRequest) -> JsonObject:
    if request.audio.format != "pcm16":
        path = "audio.format"
        raise ApiError(Kind.UNSUPPORTED, f"{path}: Gemini speaks pcm16 (24 kHz) only", param=path)
    return {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": request.audio.voice}}}


def _thinking(effort: str, model: str) -> JsonObject:
    amounts = _BUDGETS if _BUDGETED.match(model) else _LEVELS
    if effort not in amounts:
        path = "reasoning_effort"
        raise ApiError(Kind.INVALID_VALUE, f"{path}: expected one of {', '.join(amounts)}, got {effort!r}", param=path)
    config: JsonObject = {"thinkingBudget" if amounts is _BUDGETS else "thinkingLevel": amounts[effort]}
    if effort != "none":
        # Who asks for reasoning can see it, as reasoning_content.
        config["includeThoughts"] = True
    return config
