"""The dialects of vendors that speak OpenAI's chat completions: rows, no classes."""

from collections.abc import Mapping
from types import MappingProxyType

from service.backends.compatible import fields, mends, rewrites
from service.backends.dialect import Dialect, Target
from service.backends.openai import OpenAiDialect
from service.backends.openai.rewrite import guided_json_as_response_format, image_data_as_url

_USUAL = (image_data_as_url, guided_json_as_response_format)


def _llmengine_path(_: Target) -> str:
    return "/v2/chat/completions"


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "compatible": OpenAiDialect(fields=fields.PLAIN, rewrites=_USUAL),
        "xai": OpenAiDialect(fields=fields.PLAIN, families=fields.XAI_FAMILIES, rewrites=_USUAL),
        "mistral": OpenAiDialect(
            fields=fields.MISTRAL,
            rewrites=(*_USUAL, rewrites.audio_as_text, rewrites.short_call_ids),
            mends=(mends.parts_of_content, mends.kinds_of_calls),
            # It refuses what it does not know, stream_options among it, and reports the usage of itself.
            asks_for_usage=False,
            # mistralai 3.7.0, ChatCompletionChoice
            finish_reasons=MappingProxyType({"model_length": "length", "error": ""}),
        ),
        "groq": OpenAiDialect(fields=fields.GROQ, rewrites=_USUAL, mends=(mends.usage_of_groq,)),
        "deepseek": OpenAiDialect(
            fields=fields.DEEPSEEK,
            families=fields.DEEPSEEK_FAMILIES,
            rewrites=_USUAL,
            mends=(mends.cache_hits,),
            # https://api-docs.deepseek.com/api/create-chat-completion
            finish_reasons=MappingProxyType({"insufficient_system_resource": ""}),
        ),
        "openrouter": OpenAiDialect(
            fields=fields.OPENROUTER,
            rewrites=_USUAL,
            # https://openrouter.ai/docs/api-reference/errors
            finish_reasons=MappingProxyType({"error": ""}),
        ),
        "perplexity": OpenAiDialect(fields=fields.PLAIN, rewrites=_USUAL, mends=(mends.found_pages,)),
        "cerebras": OpenAiDialect(fields=fields.CEREBRAS, rewrites=_USUAL),
        # https://docs.ollama.com/api/openai-compatibility
        "ollama": OpenAiDialect(fields=fields.OLLAMA, rewrites=(*_USUAL, rewrites.reasoning), needs_image_bytes=True),
        "llamacpp": OpenAiDialect(fields=fields.LLAMACPP, rewrites=_USUAL),
        "sglang": OpenAiDialect(fields=fields.SGLANG, rewrites=_USUAL, finish_reasons=MappingProxyType({"abort": ""})),
        "llmengine": OpenAiDialect(
            fields=fields.LLMENGINE,
            rewrites=(image_data_as_url,),
            path=_llmengine_path,
            # https://github.com/scaleapi/llm-engine/blob/main/model-engine/model_engine_server/api/v2/chat_completion.py
            end_mark=False,
        ),
    }
)
"""Dialects by the name that parley.yaml gives them."""
