"""The vendors that Parley knows, as rows: a vendor without quirks of its own is nothing but a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from service.backends.dialect import Dialect
from service.backends.openai import OpenAiDialect

LOCAL = "local"
"""The vendor of the embedded model."""


@dataclass(frozen=True, slots=True)
class KnownVendor:
    """Defaults of a vendor; parley.yaml may replace each."""

    dialect: str
    base_url: str | None = None
    """None: parley.yaml must say it."""
    api_key_env: str | None = None
    """Environment variable that its own tools read the key from; None: no key by default."""


_NOT_ON_VLLM = "it is accepted there and has no effect"
_NOT_ON_LLAMA = "the engine has no such parameter and would ignore it"

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "openai": OpenAiDialect(),
        "vllm": OpenAiDialect(
            refuses={
                "best_of": _NOT_ON_VLLM,
                "guided_json": _NOT_ON_VLLM,
                "guided_regex": _NOT_ON_VLLM,
                "guided_choice": _NOT_ON_VLLM,
                "guided_grammar": _NOT_ON_VLLM,
                "guided_decoding_backend": _NOT_ON_VLLM,
                "guided_whitespace_pattern": _NOT_ON_VLLM,
            }
        ),
        "local": OpenAiDialect(
            # The engine computes an answer to its end, whoever has gone, unless it streams and reports its progress;
            # and it closes a connection after a stream without having said so.
            always_streams=True,
            adds={"return_progress": True},
            hides={"prompt_progress": "return_progress"},
            headers={"connection": "close"},
            refuses=dict.fromkeys(
                (
                    "audio",
                    "best_of",
                    "chat_template",
                    "guided_choice",
                    "guided_decoding_backend",
                    "guided_grammar",
                    "guided_json",
                    "guided_regex",
                    "guided_whitespace_pattern",
                    "include_stop_str_in_output",
                    "modalities",
                    "prediction",
                    "suffix",
                ),
                _NOT_ON_LLAMA,
            ),
        ),
    }
)
"""Dialects by the name that parley.yaml gives them."""

VENDORS: Mapping[str, KnownVendor] = MappingProxyType(
    {
        "openai": KnownVendor("openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        "vllm": KnownVendor("vllm"),
        LOCAL: KnownVendor("local", "http://local/v1"),
    }
)
"""Vendors by the first part of a model's name."""
