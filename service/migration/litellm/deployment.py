"""One entry of LiteLLM's `model_list` as a deployment of parley.yaml."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit, urlunsplit

from service.backends.vendors import VENDORS
from service.migration.litellm.providers import NOT_CHAT, NOT_CHAT_NAMES, PROVIDERS, Provider, provider_of
from service.migration.litellm.values import NO_KEY, duration, number, plain, resolved, slug, variable, variable_for
from service.migration.litellm.vendor import Entry, Vendors
from service.migration.section import Note, Section

_ENTRA = ("tenant_id", "client_id", "client_secret", "azure_ad_token")
"""What LiteLLM signs in with at Azure."""

_AMBIENT = frozenset(("bedrock", "vertex_ai"))
"""Vendors whose credentials come from the cloud's own library."""


@dataclass(slots=True)
class Deployment:
    """What an entry of the list becomes."""

    group: str
    """LiteLLM's `model_name`, by which callers ask for it."""
    line: int
    vendor: str
    """Empty where the entry stands for all models of all vendors."""
    model: str
    """The vendor's name for the model; `*` for all of them."""
    name: str
    """LiteLLM's `model_info.id`; empty where it has none."""
    entry: Entry = field(default_factory=dict[str, object])
    """What it says besides `use`."""
    retries: int | None = None
    rest: float | None = None
    """Seconds; LiteLLM's `cooldown_time`."""


def deployment_of(
    item: Section, credentials: dict[str, Section], vendors: Vendors, tell: Callable[[Note], None]
) -> Deployment | None:
    """What an entry of `model_list` becomes; None, and a note, where it cannot be served."""
    group = item.take("model_name")
    params, info = item.section("litellm_params"), item.section("model_info")
    name = resolved(params.take("model"))
    if not isinstance(group, str) or name is None:
        tell(Note(item.line, item.path, "left out: expected a model_name and litellm_params.model"))
        return None
    if name == "*":
        return Deployment("*", item.line, "", "*", "")
    mode = str(info.take("mode") or "chat")
    provider_name, model = provider_of(name, str(params.take("custom_llm_provider") or ""))
    if mode in NOT_CHAT or model.rpartition("/")[2].startswith(NOT_CHAT_NAMES):
        item.drop(*item)
        tell(
            Note(item.line, item.path, f"left out: {group} is no model for chat completions, and only those are served")
        )
        return None
    credential = _credential(params, credentials)
    says = _Says(params, credential)
    provider = PROVIDERS.get(provider_name)
    address = says.text("api_base") or says.text("base_url")
    if provider is None and address is not None:
        provider = Provider()
        tell(
            params.note(
                "model",
                f"{provider_name or name!r} is taken for a server of OpenAI's format, because it has an api_base",
            )
        )
    if provider is None:
        item.drop(*item)
        tell(params.note("model", f"left out: no vendor is known here for {name!r}, and it has no api_base"))
        return None
    return _Reading(group, item, params, info, says, vendors, tell).read(provider_name, provider, model)


@dataclass(frozen=True, slots=True)
class _Says:
    """What an entry says itself, or the credential that it names."""

    params: Section
    credential: Section

    def take(self, key: str) -> object:
        value, other = self.params.take(key), self.credential.take(key)
        return other if value is None else value

    def text(self, key: str) -> str | None:
        value = self.take(key)
        return value if isinstance(value, str) and value else None


@dataclass(frozen=True, slots=True)
class _Reading:
    group: str
    item: Section
    params: Section
    info: Section
    says: _Says
    vendors: Vendors
    tell: Callable[[Note], None]

    def read(self, provider_name: str, provider: Provider, model: str) -> Deployment:
        if provider_name == "openai" and self._elsewhere():
            provider = Provider()
        entry: Entry = {}
        written = (
            self.says.take("api_base") or self.says.take("base_url") or self.says.take("aws_bedrock_runtime_endpoint")
        )
        base_url = self._base_url(provider, written)
        spoken = (variable(written) or provider_name or "server").lower().replace("_", "-")
        vendor = self.vendors.name_of(provider, base_url, self._headers(), spoken)
        known = VENDORS.get(vendor)
        if base_url is not None and provider.vendor and (known is None or known.base_url != base_url):
            entry["base_url"] = base_url
        self._key(entry, vendor, provider)
        for theirs, ours in (
            ("api_version", "api_version"),
            ("aws_region_name", "region"),
            ("vertex_location", "region"),
            ("vertex_project", "project"),
        ):
            if (value := self._known_text(theirs, ours)) is not None:
                entry[ours] = value
        self._weight(entry)
        if parallel := number(self.params.take("max_parallel_requests")):
            entry["max_concurrent"] = int(parallel)
        self._timeouts(entry)
        retries = (
            number(self.params.take("max_retries"))
            if self.params.take("num_retries") is None
            else number(self.params.take("num_retries"))
        )
        own_name = self.info.take("id")
        return Deployment(
            self.group,
            self.item.line,
            vendor,
            model,
            slug(own_name) if isinstance(own_name, str) else "",
            entry,
            None if retries is None else int(retries),
            number(self.params.take("cooldown_time")),
        )

    def _elsewhere(self) -> bool:
        """Whether the address of `openai/` is not OpenAI's: then it stands for any server of that format."""
        written = self.says.text("api_base") or self.says.text("base_url")
        return written is not None and "api.openai.com" not in (resolved(written) or "")

    def _base_url(self, provider: Provider, written: object) -> str | None:
        key = next((key for key in ("api_base", "base_url", "aws_bedrock_runtime_endpoint") if self.says.take(key)), "")
        if written is None:
            if not provider.vendor and not provider.base_url:
                self.tell(self.params.note("model", "no api_base: write the vendor's base_url into parley.yaml"))
            return None
        url = resolved(written)
        if url is None:
            name = variable(written)
            self.tell(
                self.params.note(key, f"{name} is not set here: write what it holds into parley.yaml, as base_url")
            )
            return None
        parts = urlsplit(url)
        path = parts.path.rstrip("/")
        for ending in ("/chat/completions", "/messages"):
            path = path.removesuffix(ending)
        if provider.suffix and not path.endswith(provider.suffix):
            path += provider.suffix
        return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))

    def _key(self, entry: Entry, vendor: str, provider: Provider) -> None:
        key = self.says.take("api_key")
        if vendor in _AMBIENT or provider.vendor in _AMBIENT:
            if key is not None:
                entry["auth"] = "bearer"
            else:
                return
        identity = [self.says.take(each) for each in _ENTRA]
        if any(each is not None for each in identity):
            entry["auth"] = "entra"
            text = "auth: entra reads AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET from the environment"
            self.tell(self.params.note("tenant_id", text))
            return
        known = VENDORS.get(vendor)
        usual = {known.api_key_env, known.api_key_env_too} if known else set[str | None]()
        if (name := variable(key)) is not None:
            if name not in usual:
                entry["api_key"] = {"env": name}
        elif isinstance(key, str) and key.lower() not in NO_KEY:
            name = variable_for(self.group)
            entry["api_key"] = {"env": name}
            self.tell(
                self.params.note("api_key", f"a secret stands in the file: put it into the environment as {name}")
            )
        elif key is not None:
            entry["auth"] = "none"
        elif not usual and provider.api_key_env:
            entry["api_key"] = {"env": provider.api_key_env}

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        organization = self.says.take("organization")
        if isinstance(organization, list):
            self.tell(
                self.params.note(
                    "organization",
                    "the first one only: give each a vendor of its own with its header OpenAI-Organization",
                )
            )
            organization = cast("list[object]", organization)[0] if organization else None
        if (name := resolved(organization)) is not None:
            headers["OpenAI-Organization"] = name
        elif organization is not None:
            self.tell(
                self.params.note(
                    "organization",
                    f"{variable(organization)} is not set here: write the header OpenAI-Organization yourself",
                )
            )
        extra = self.params.section("extra_headers")
        for key in extra:
            value = extra.take(key)
            if isinstance(value, str) and variable(value) is None:
                headers[key] = value
            else:
                self.tell(extra.note(key, "left out: a header's value stands in the file and not in the environment"))
        return headers

    def _known_text(self, theirs: str, ours: str) -> str | None:
        value = self.says.take(theirs)
        if value is None:
            return None
        text = resolved(value if isinstance(value, str) else str(value))
        if text is None:
            self.tell(
                self.params.note(
                    theirs, f"{variable(value)} is not set here: write what it holds into parley.yaml, as {ours}"
                )
            )
        return text

    def _weight(self, entry: Entry) -> None:
        limits = {key: number(self.params.take(key)) for key in ("weight", "rpm", "tpm")}
        weight = limits["weight"]
        for key in ("rpm", "tpm"):
            if limits[key] is None:
                continue
            if weight is None:
                weight = limits[key]
                self.tell(
                    self.params.note(
                        key, "is the weight among its siblings; requests and tokens per minute are not limited"
                    )
                )
            else:
                self.tell(self.params.note(key, "has no form here: requests and tokens per minute are not limited"))
        if weight is not None:
            entry["weight"] = plain(weight)

    def _timeouts(self, entry: Entry) -> None:
        timeouts: Entry = {}
        if total := number(self.params.take("timeout")):
            timeouts["total"] = duration(total)
        if stream := number(self.params.take("stream_timeout")):
            timeouts["first_token"] = timeouts["between_chunks"] = duration(stream)
        if timeouts:
            entry["timeouts"] = timeouts


def _credential(params: Section, credentials: dict[str, Section]) -> Section:
    name = params.take("litellm_credential_name")
    return credentials.get(str(name), Section()) if name is not None else Section()
