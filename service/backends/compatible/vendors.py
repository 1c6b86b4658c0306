"""Where vendors of OpenAI's format are, and the environment variable in which their own tools keep the key."""

from collections.abc import Mapping
from types import MappingProxyType

from service.backends.known_vendor import KnownVendor

VENDORS: Mapping[str, KnownVendor] = MappingProxyType(
    {
        # https://docs.x.ai/docs/api-reference
        "xai": KnownVendor("xai", "https://api.x.ai/v1", api_key_env="XAI_API_KEY"),
        # https://docs.fireworks.ai/api-reference/post-chatcompletions
        "fireworks_ai": KnownVendor(
            "compatible", "https://api.fireworks.ai/inference/v1", api_key_env="FIREWORKS_API_KEY"
        ),
        # https://docs.mistral.ai/api/
        "mistral": KnownVendor("mistral", "https://api.mistral.ai/v1", api_key_env="MISTRAL_API_KEY"),
        # https://console.groq.com/docs/openai
        "groq": KnownVendor("groq", "https://api.groq.com/openai/v1", api_key_env="GROQ_API_KEY"),
        # https://docs.together.ai/docs/openai-api-compatibility
        "together_ai": KnownVendor("compatible", "https://api.together.xyz/v1", api_key_env="TOGETHER_API_KEY"),
        # https://api-docs.deepseek.com/
        "deepseek": KnownVendor("deepseek", "https://api.deepseek.com/v1", api_key_env="DEEPSEEK_API_KEY"),
        # https://openrouter.ai/docs/api-reference/overview
        "openrouter": KnownVendor("openrouter", "https://openrouter.ai/api/v1", api_key_env="OPENROUTER_API_KEY"),
        # https://docs.perplexity.ai/docs/sonar/openai-compatibility
        "perplexity": KnownVendor("perplexity", "https://api.perplexity.ai", api_key_env="PERPLEXITY_API_KEY"),
        # https://inference-docs.cerebras.ai/resources/openai
        "cerebras": KnownVendor("cerebras", "https://api.cerebras.ai/v1", api_key_env="CEREBRAS_API_KEY"),
        # https://docs.api.nvidia.com/nim/reference/llm-apis
        "nvidia_nim": KnownVendor("compatible", "https://integrate.api.nvidia.com/v1", api_key_env="NVIDIA_API_KEY"),
        # https://github.com/ollama/ollama/blob/main/docs/openai.md
        "ollama": KnownVendor("ollama", "http://127.0.0.1:11434/v1"),
        # https://lmstudio.ai/docs/app/api/endpoints/openai
        "lm_studio": KnownVendor("compatible", "http://127.0.0.1:1234/v1"),
        # https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
        "llamacpp": KnownVendor("llamacpp", "http://127.0.0.1:8080/v1"),
        # https://docs.sglang.ai/basic_usage/openai_api_completions.html
        "sglang": KnownVendor("sglang", "http://127.0.0.1:30000/v1"),
        # https://huggingface.co/docs/text-generation-inference/messages_api
        "tgi": KnownVendor("compatible"),
        # https://github.com/scaleapi/llm-engine/blob/main/clients/python/llmengine/api_engine.py
        "launch": KnownVendor("llmengine", auth="x-api-key"),
        "llmengine": KnownVendor("llmengine", auth="x-api-key"),
        "model_zoo": KnownVendor("llmengine", auth="x-api-key"),
    }
)
"""Vendors by the first part of a model's name."""
