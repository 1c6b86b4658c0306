"""What becomes of each field at the Gemini API and at Vertex AI."""

from service.backends.fields import BY_THE_SERVICE, Emulated, Families, Family, Fields, Refused, Sent, refused, sent

_NO_SUCH = "generateContent has none like it"

GEMINI: Fields = {
    **BY_THE_SERVICE,
    **sent("temperature", "store"),
    "max_tokens": Sent("generationConfig.maxOutputTokens"),
    "max_completion_tokens": Sent("generationConfig.maxOutputTokens"),
    "top_p": Sent("generationConfig.topP"),
    "top_k": Sent("generationConfig.topK"),
    "n": Sent("generationConfig.candidateCount"),
    "best_of": Emulated("candidateCount = best_of with log probabilities; the best by their mean are returned"),
    "stop": Sent("generationConfig.stopSequences"),
    "frequency_penalty": Sent("generationConfig.frequencyPenalty"),
    "presence_penalty": Sent("generationConfig.presencePenalty"),
    "logprobs": Sent("generationConfig.responseLogprobs"),
    "top_logprobs": Sent("generationConfig.logprobs"),
    "seed": Emulated("generationConfig.seed; of a seed beyond 32 bits, the lower 32"),
    "response_format": Sent("generationConfig.responseMimeType and responseJsonSchema"),
    **refused(_NO_SUCH, "content.image_url.detail", "response_format.json_schema.description"),
    "tools": Sent("tools.functionDeclarations"),
    "tool_choice": Sent("toolConfig.functionCallingConfig"),
    "guided_json": Emulated("generationConfig.responseJsonSchema"),
    "guided_choice": Emulated("generationConfig.responseSchema with an enum"),
    "guided_regex": Emulated("generationConfig.responseSchema with a pattern; the JSON string that comes is unquoted"),
    "modalities": Sent("generationConfig.responseModalities"),
    "audio": Sent("generationConfig.speechConfig; the format is pcm16"),
    "reasoning_effort": Sent("generationConfig.thinkingConfig"),
    "content.image_url": Emulated("fetched by the service and sent inline"),
    "content.image_data": Sent("inlineData"),
    "content.input_audio": Sent("inlineData"),
    "content.file": Sent("inlineData, or fileData by file_id"),
    **refused(_NO_SUCH, "logit_bias", "include_stop_str_in_output", "parallel_tool_calls", "prediction", "suffix"),
    **refused(_NO_SUCH, "user", "metadata", "guided_grammar", "message.name", "message.audio", "content.other"),
    **refused("the model's own template is used", "chat_template", "chat_template_kwargs"),
    **refused("there is one engine", "guided_decoding_backend", "guided_whitespace_pattern"),
    **refused(
        "Gemini takes thoughts back by their signatures only, in extra_content.google.thought_signature",
        "message.reasoning_content",
    ),
    **refused("Gemini caches prompts by itself", "cache_control"),
    **refused("what this schema does not know goes into inference_extra_params", "extra_fields"),
}
"""The Gemini API (https://ai.google.dev/api/generate-content)."""

VERTEX: Fields = {
    **GEMINI,
    **refused("Vertex AI keeps no answers", "store"),
}
"""Vertex AI (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference)."""

FAMILIES: Families = (
    Family(
        r"gemini-(1\.|2\.0)",
        {"reasoning_effort": Refused("models before Gemini 2.5 do not reason")},
        "https://ai.google.dev/gemini-api/docs/thinking",
    ),
)
"""Models that treat some fields in another way."""
