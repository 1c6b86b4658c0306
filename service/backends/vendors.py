"""The vendors that Parley knows, as rows: a vendor without quirks of its own is nothing but a row."""

from collections.abc import Mapping
from types import MappingProxyType

from service.backends import azure, compatible
from service.backends.anthropic import AnthropicDialect
from service.backends.bedrock import BedrockDialect
from service.backends.cohere import CohereDialect
from service.backends.dialect import Dialect
from service.backends.gemini import VERTEX, GeminiDialect, vertex_path
from service.backends.known_vendor import KnownVendor
from service.backends.local import LocalDialect
from service.backends.openai import OpenAiDialect
from service.backends.openai.families import FAMILIES as OPENAI_FAMILIES
from service.backends.parley import ParleyDialect
from service.backends.vllm import FINISH_REASONS, REWRITES, VLLM
from service.backends.xai_grpc import XaiDialect

LOCAL = "local"
"""The vendor of the embedded model."""


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "openai": OpenAiDialect(families=OPENAI_FAMILIES),
        "azure": OpenAiDialect(families=OPENAI_FAMILIES, path=azure.chat_path, mends=(azure.prompt_verdict,)),
        **compatible.DIALECTS,
        "cohere": CohereDialect(),
        "vllm": OpenAiDialect(fields=VLLM, rewrites=REWRITES, finish_reasons=FINISH_REASONS),
        "local": LocalDialect(),
        "anthropic": AnthropicDialect(),
        "anthropic_vertex": AnthropicDialect(vertex=True),
        "bedrock": BedrockDialect(),
        "gemini": GeminiDialect(),
        "vertex": GeminiDialect(fields=VERTEX, path=vertex_path),
        "parley": ParleyDialect(),
        "xai_grpc": XaiDialect(),
    }
)
"""Dialects by the name that parley.yaml gives them."""

OVER_GRPC = frozenset(("parley", "xai_grpc"))
"""Dialects that are spoken over gRPC; all others over HTTP."""

_VERTEX = "/v1/projects/{project}/locations/{region}"

VENDORS: Mapping[str, KnownVendor] = MappingProxyType(
    {
        "openai": KnownVendor("openai", "https://api.openai.com/v1", api_key_env="OPENAI_API_KEY"),
        # The last version with a date that is no preview
        # (https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle).
        "azure": KnownVendor("azure", auth="api-key", version="2024-10-21", api_key_env="AZURE_OPENAI_API_KEY"),
        **compatible.VENDORS,
        "cohere": KnownVendor(
            "cohere", "https://api.cohere.com/v2", api_key_env="CO_API_KEY", api_key_env_too="COHERE_API_KEY"
        ),
        "vllm": KnownVendor("vllm"),
        "gemini": KnownVendor(
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta",
            auth="x-goog-api-key",
            api_key_env="GEMINI_API_KEY",
            api_key_env_too="GOOGLE_API_KEY",
        ),
        "vertex_ai": KnownVendor(
            "vertex",
            "https://{region}-aiplatform.googleapis.com" + _VERTEX,
            dialects=(("claude-", "anthropic_vertex"),),
            # https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations
            base_urls={
                "global": "https://aiplatform.googleapis.com" + _VERTEX,
                "eu": "https://aiplatform.eu.rep.googleapis.com" + _VERTEX,
                "us": "https://aiplatform.us.rep.googleapis.com" + _VERTEX,
            },
            auth="google",
        ),
        "bedrock": KnownVendor(
            "bedrock",
            "https://bedrock-runtime.{region}.amazonaws.com",
            auth="sigv4",
            # For `auth: bearer`.
            api_key_env="AWS_BEARER_TOKEN_BEDROCK",
        ),
        # https://docs.x.ai/docs/grpc-reference
        "xai_grpc": KnownVendor("xai_grpc", "grpcs://api.x.ai", api_key_env="XAI_API_KEY"),
        LOCAL: KnownVendor("local", "http://local/v1", auth="none"),
        # A bearer as Anthropic's own clients send it since October 2026; it takes x-api-key too.
        "anthropic": KnownVendor("anthropic", "https://api.anthropic.com/v1", api_key_env="ANTHROPIC_API_KEY"),
    }
)
"""Vendors by the first part of a model's name."""

UNNAMED: Mapping[str, KnownVendor] = MappingProxyType({"parley": KnownVendor("parley", auth="x-api-key")})
"""By dialect, for vendors that parley.yaml names itself."""
