"""The vendors that parley.yaml needs for the providers, addresses and headers of LiteLLM's file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from service.backends.vendors import VENDORS
from service.migration.litellm.providers import Provider
from service.migration.litellm.values import slug

Entry = dict[str, object]
"""A mapping of parley.yaml."""


@dataclass(slots=True)
class Vendors:
    """The entries under `vendors`, made as models ask for them."""

    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    _known: dict[tuple[str, str, tuple[tuple[str, str], ...]], str] = field(
        default_factory=dict[tuple[str, str, tuple[tuple[str, str], ...]], str]
    )

    def name_of(self, provider: Provider, base_url: str | None, headers: Mapping[str, str], spoken: str) -> str:
        """The vendor for a provider, an address and headers; one is made where there is none yet.

        :param base_url: of a vendor that is made; None where the file's place is not known.
        :param spoken: what to call a vendor that is made and has no address.
        """
        address = "" if provider.vendor else (base_url or provider.base_url)
        sign = (
            provider.vendor or provider.dialect,
            address or ("" if provider.vendor else spoken),
            tuple(sorted(headers.items())),
        )
        name = self._known.get(sign)
        if name is None:
            wanted = provider.vendor or _named_by(address) or slug(spoken)
            # A known vendor's own name is kept for what is sent to it as it is.
            name = self._free(wanted, first=2 if headers and provider.vendor else 1)
            entry = self._entry(provider, address, name)
            if headers:
                entry["headers"] = dict(headers)
            if entry:
                self.entries[name] = entry
            self._known[sign] = name
        return name

    def _entry(self, provider: Provider, address: str, name: str) -> Entry:
        if name == provider.vendor:
            return {}
        if known := VENDORS.get(provider.vendor):
            # The vendor itself under a second name, for other headers.
            entry: Entry = {"dialect": known.dialect, "auth": known.auth}
            if known.base_url:
                entry["base_url"] = known.base_url
            if known.api_key_env and known.auth not in {"google", "sigv4"}:
                entry["api_key"] = {"env": known.api_key_env}
            return entry
        entry = {"dialect": provider.dialect}
        if address:
            entry["base_url"] = address
        if provider.auth:
            entry["auth"] = provider.auth
        return entry

    def _free(self, name: str, first: int) -> str:
        taken = {*self._known.values()}
        numbered = (name if index == 1 else f"{name}-{index}" for index in range(first, len(taken) + 3))
        return next(free for free in numbered if free not in taken)


def _named_by(address: str) -> str:
    if not address:
        return ""
    parts = urlsplit(address)
    host = (parts.hostname or "").removeprefix("api.")
    return slug(f"{host}-{parts.port}" if parts.port else host) if host else ""
