"""What becomes of each field at vendors that speak OpenAI's chat completions, where it is not as at OpenAI."""

from service.backends.fields import Emulated, Families, Family, Fields, Sent, fan_out_of_n, refused, sent
from service.backends.openai.fields import COMPATIBLE

PLAIN: Fields = {
    **COMPATIBLE,
    **refused("chat completions have no gaps to fill", "suffix"),
    **refused("OpenAI's format, which this vendor speaks, has no marks of a cache", "cache_control"),
}
"""A vendor of whom nothing else is known; it says so itself where it does not know a field."""

_NO_LOGPROBS = "Groq answers 400 to it"

GROQ: Fields = {
    **PLAIN,
    **fan_out_of_n(),
    **refused(_NO_LOGPROBS, "logprobs", "top_logprobs", "logit_bias", "message.name"),
    **refused("the best answer is chosen by log probabilities, which Groq does not give", "best_of"),
}
"""Groq (https://console.groq.com/docs/openai)."""

CEREBRAS: Fields = {
    **PLAIN,
    **refused("Cerebras answers 400 to it", "frequency_penalty", "presence_penalty", "logit_bias"),
}
"""Cerebras (https://inference-docs.cerebras.ai/resources/openai)."""

MISTRAL: Fields = {
    **PLAIN,
    "max_completion_tokens": Sent("max_tokens"),
    "seed": Sent("random_seed"),
    **refused("Mistral's API has no such field", "logit_bias", "user", "store", "message.name"),
    **refused("Mistral's chat completions write text only", "modalities", "audio", "message.audio"),
    **refused("Mistral takes documents in a form of its own", "content.file"),
    **refused("Mistral takes reasoning back in a form of its own", "message.reasoning_content"),
}
"""Mistral (https://docs.mistral.ai/api/, and the types of its own SDK)."""

DEEPSEEK: Fields = {**PLAIN, "max_completion_tokens": Sent("max_tokens")}
"""DeepSeek (https://api-docs.deepseek.com/api/create-chat-completion)."""

DEEPSEEK_FAMILIES: Families = (
    Family(
        r"deepseek-reasoner",
        refused(
            "the model accepts it and does nothing with it", "temperature", "frequency_penalty", "presence_penalty"
        ),
        "https://api-docs.deepseek.com/guides/thinking_mode",
    ),
)

OPENROUTER: Fields = {
    **PLAIN,
    # https://openrouter.ai/docs/features/prompt-caching
    **sent("cache_control"),
}
"""OpenRouter (https://openrouter.ai/docs/api-reference/parameters), which passes on what the model's host knows."""

XAI_FAMILIES: Families = (
    Family(
        r"grok-(3-mini|4(?!.*non-reasoning)|code)",
        refused("Grok's models that reason do not support it", "frequency_penalty", "presence_penalty", "stop"),
        "https://docs.x.ai/docs/guides/reasoning",
    ),
)

_IGNORED_BY_OLLAMA = "Ollama ignores it without a word"

OLLAMA: Fields = {
    **PLAIN,
    **fan_out_of_n(),
    "max_completion_tokens": Sent("max_tokens"),
    **refused(_IGNORED_BY_OLLAMA, "tool_choice", "parallel_tool_calls", "logit_bias", "top_k", "user", "metadata"),
    **refused(_IGNORED_BY_OLLAMA, "store", "prediction", "modalities", "audio", "message.audio", "message.name"),
    **refused("Ollama reads text and images only", "content.input_audio", "content.file"),
}
"""Ollama (https://github.com/ollama/ollama/blob/main/openai/openai.go)."""

LLAMACPP: Fields = {
    **PLAIN,
    **fan_out_of_n(),
    **sent("chat_template_kwargs"),
    "guided_grammar": Sent("grammar"),
}
"""llama.cpp's server (https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md)."""

SGLANG: Fields = {
    **PLAIN,
    **sent("chat_template_kwargs"),
    "include_stop_str_in_output": Sent("no_stop_trim"),
    "guided_regex": Sent("regex"),
    "guided_grammar": Sent("ebnf"),
    **refused("SGLang writes text only", "modalities", "audio", "message.audio"),
    **refused("SGLang ignores it without a word", "metadata", "store", "prediction"),
}
"""SGLang (https://github.com/sgl-project/sglang/blob/main/python/sglang/srt/entrypoints/openai/protocol.py)."""

LLMENGINE: Fields = {
    **PLAIN,
    **sent(*"guided_json guided_regex guided_choice guided_grammar guided_decoding_backend".split()),
    **sent(*"guided_whitespace_pattern chat_template chat_template_kwargs include_stop_str_in_output".split()),
    "best_of": Emulated("n = best_of with log probabilities; the best by their mean are returned"),
}
"""Scale's LLM Engine
(https://github.com/scaleapi/llm-engine/blob/main/model-engine/model_engine_server/common/dtos/llms/vllm.py)."""
