"""The providers of LiteLLM's model names, and the vendors that they are here.

Source: https://docs.litellm.ai/docs/providers
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Provider:
    """What a provider is here."""

    vendor: str = ""
    """The vendor's name here; empty: a vendor is made for each address."""
    dialect: str = "compatible"
    """Of a vendor that is made."""
    base_url: str = ""
    """Of a vendor that is made, where the file names none."""
    api_key_env: str = ""
    """Of a vendor that is made: the variable that LiteLLM reads the key from."""
    auth: str = ""
    """Of a vendor that is made; empty: a bearer."""
    suffix: str = ""
    """What a base URL here ends in and LiteLLM's `api_base` need not."""


_COMPATIBLE = Provider()

PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        **{
            name: Provider(name)
            for name in (
                "openai azure bedrock xai groq mistral deepseek openrouter perplexity together_ai fireworks_ai "
                "cerebras nvidia_nim lm_studio vertex_ai"
            ).split()
        },
        "anthropic": Provider("anthropic", suffix="/v1"),
        "gemini": Provider("gemini", suffix="/v1beta"),
        "cohere": Provider("cohere", suffix="/v2"),
        "cohere_chat": Provider("cohere", suffix="/v2"),
        "ollama": Provider("ollama", suffix="/v1"),
        "ollama_chat": Provider("ollama", suffix="/v1"),
        "hosted_vllm": Provider("vllm"),
        "vllm": Provider("vllm"),
        "llamafile": Provider("llamacpp"),
        "huggingface": Provider("tgi", suffix="/v1"),
        "bedrock_converse": Provider("bedrock"),
        "azure_ai": Provider(auth="api-key", suffix="/openai/v1", api_key_env="AZURE_AI_API_KEY"),
        "openai_like": _COMPATIBLE,
        "custom_openai": _COMPATIBLE,
        "xinference": _COMPATIBLE,
        "databricks": Provider(api_key_env="DATABRICKS_API_KEY"),
        "litellm_proxy": Provider(api_key_env="LITELLM_PROXY_API_KEY"),
        "deepinfra": Provider(base_url="https://api.deepinfra.com/v1/openai", api_key_env="DEEPINFRA_API_KEY"),
        "sambanova": Provider(base_url="https://api.sambanova.ai/v1", api_key_env="SAMBANOVA_API_KEY"),
        "moonshot": Provider(base_url="https://api.moonshot.ai/v1", api_key_env="MOONSHOT_API_KEY"),
        "dashscope": Provider(
            base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1", api_key_env="DASHSCOPE_API_KEY"
        ),
        "hyperbolic": Provider(base_url="https://api.hyperbolic.xyz/v1", api_key_env="HYPERBOLIC_API_KEY"),
        "nebius": Provider(base_url="https://api.studio.nebius.ai/v1", api_key_env="NEBIUS_API_KEY"),
        "novita": Provider(base_url="https://api.novita.ai/v3/openai", api_key_env="NOVITA_API_KEY"),
    }
)
"""By the first part of LiteLLM's name of a model."""

BARE: tuple[tuple[str, str], ...] = (
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("ft:gpt-", "openai"),
    ("claude-", "anthropic"),
    ("command", "cohere"),
    ("gemini-", "vertex_ai"),
)
"""How names without a provider begin, and whose models LiteLLM takes them for."""

NOT_CHAT = frozenset(
    "embedding image_generation image_edit audio_transcription audio_speech moderation rerank completion realtime "
    "batch video_generation ocr search responses vector_store".split()
)
"""Values of `model_info.mode` that are other APIs than chat completions."""

NOT_CHAT_NAMES = ("text-embedding-", "embed-", "dall-e", "whisper", "tts-", "text-moderation", "rerank")
"""How the names of models begin that have no chat, where `mode` does not say so."""


def provider_of(name: str, given: str = "") -> tuple[str, str]:
    """The provider and the vendor's name of a model, by LiteLLM's name for it; an empty provider where it is unknown.

    :param given: `custom_llm_provider`, where the file says it.
    """
    first, slash, rest = name.partition("/")
    if given:
        return given, rest if slash and first == given else name
    if slash and first in PROVIDERS:
        # LiteLLM's own mark of the API that it uses there.
        return first, rest.removeprefix("converse/") if first == "bedrock" else rest
    if not slash:
        return next((provider for beginning, provider in BARE if name.startswith(beginning)), ""), name
    return "", name
