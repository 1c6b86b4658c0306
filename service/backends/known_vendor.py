"""What is known of a vendor beforehand, so that parley.yaml need not say it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.config.model import AuthScheme


@dataclass(frozen=True, slots=True)
class KnownVendor:
    """Defaults of a vendor; parley.yaml may replace each."""

    dialect: str
    base_url: str | None = None
    """May hold `{region}` and `{project}`. None: parley.yaml must say it."""
    base_urls: Mapping[str, str] = field(default_factory=dict[str, str])
    """By region, where it is another."""
    dialects: tuple[tuple[str, str], ...] = ()
    """Models that speak another: the beginning of their names at the vendor, and the dialect."""
    auth: AuthScheme = "bearer"
    version: str = ""
    """The API's version that the dialect was written for."""
    api_key_env: str | None = None
    """Environment variable that its own tools read the key from; None: no key by default."""
    api_key_env_too: str | None = None
    """Another name of that variable, read where the first is not set."""
