"""The vendors that Parley knows, as rows: a vendor without quirks of its own is nothing but a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from service.backends.dialect import Dialect
from service.backends.openai import OpenAiDialect
from service.backends.openai.fields import LOCAL as LOCAL_FIELDS
from service.backends.openai.fields import VLLM
from service.config.model import AuthScheme

LOCAL = "local"
"""The vendor of the embedded model."""


@dataclass(frozen=True, slots=True)
class KnownVendor:
    """Defaults of a vendor; parley.yaml may replace each."""

    dialect: str
    base_url: str | None = None
    """May hold `{region}` and `{project}`. None: parley.yaml must say it."""
    auth: AuthScheme = "bearer"
    version: str = ""
    """The API's version that the dialect was written for."""
    api_key_env: str | None = None
    """Environment variable that its own tools read the key from; None: no key by default."""


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "openai": OpenAiDialect(),
        "vllm": OpenAiDialect(fields=VLLM),
        "local": OpenAiDialect(
            fields=LOCAL_FIELDS,
            # The engine computes an answer to its end, whoever has gone, unless it streams and reports its progress;
            # and it closes a connection after a stream without having said so.
            always_streams=True,
            adds={"return_progress": True},
            hides={"prompt_progress": "return_progress"},
            headers={"connection": "close"},
        ),
    }
)
"""Dialects by the name that parley.yaml gives them."""

VENDORS: Mapping[str, KnownVendor] = MappingProxyType(
    {
        "openai": KnownVendor("openai", "https://api.openai.com/v1", api_key_env="OPENAI_API_KEY"),
        "vllm": KnownVendor("vllm"),
        LOCAL: KnownVendor("local", "http://local/v1", auth="none"),
    }
)
"""Vendors by the first part of a model's name."""
