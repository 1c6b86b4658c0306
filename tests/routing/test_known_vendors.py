"""What parley.yaml need not say of vendors that are known."""

import pytest

from service.backends.dialect import Target
from service.backends.known_vendor import KnownVendor
from service.backends.vendors import DIALECTS, OVER_GRPC, VENDORS
from service.config.load import parse
from service.routing.table import RoutingError, build

KEYS = {name for vendor in VENDORS.values() for name in (vendor.api_key_env, vendor.api_key_env_too) if name}

AZURE = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE")


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*KEYS, *AZURE):
        monkeypatch.delenv(name, raising=False)


def target_of(text: str, model: str) -> Target:
    (target,) = build(parse(f"{text}\nmodels: {{{model}: {{}}}}"))[model].targets
    return target


@pytest.mark.parametrize(("name", "vendor"), VENDORS.items(), ids=VENDORS)
def test_a_known_vendor_needs_its_key_and_at_most_its_address(
    name: str, vendor: KnownVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert vendor.dialect in DIALECTS
    if vendor.api_key_env:
        monkeypatch.setenv(vendor.api_key_env, "planted")
    scheme = "grpcs" if vendor.dialect in OVER_GRPC else "https"
    settings = f"vendors: {{{name}: {{base_url: '{scheme}://v', region: r, project: p}}}}"
    target = target_of(settings, f"{name}/m")
    assert target.auth == vendor.auth
    assert target.version == vendor.version
    if vendor.base_url is None:
        with pytest.raises(RoutingError, match=f"set vendors.{name}.base_url"):
            target_of("", f"{name}/m")


def test_either_name_of_a_key_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RoutingError, match="CO_API_KEY is not set"):
        target_of("", "cohere/m")
    monkeypatch.setenv("COHERE_API_KEY", "second")
    assert target_of("", "cohere/m").credential == "second"
    monkeypatch.setenv("CO_API_KEY", "first")
    assert target_of("", "cohere/m").credential == "first"


def test_entra_needs_no_key_but_takes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    place = "base_url: 'https://r.openai.azure.com'"
    with pytest.raises(RoutingError, match="AZURE_OPENAI_API_KEY is not set"):
        target_of(f"vendors: {{azure: {{{place}}}}}", "azure/m")
    entra = f"vendors: {{azure: {{{place}, auth: entra}}}}"
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        with pytest.raises(RoutingError, match=f"models.azure/m: auth entra needs the environment variable {name}"):
            target_of(entra, "azure/m")
        monkeypatch.setenv(name, "x")
    fetched = target_of(entra, "azure/m")
    monkeypatch.delenv("AZURE_CLIENT_SECRET")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", "/x")
    assert target_of(entra, "azure/m") == fetched
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name)
    assert (fetched.auth, fetched.credential, fetched.version) == ("entra", None, "2024-10-21")
    monkeypatch.setenv("TOKEN", "static")
    own = target_of(f"vendors: {{azure: {{{place}, auth: entra, api_key: {{env: TOKEN}}}}}}", "azure/m")
    assert own.credential == "static"


def test_a_version_may_be_another() -> None:
    settings = "vendors: {azure: {base_url: 'https://r', auth: none, api_version: v1}}"
    assert target_of(settings, "azure/m").version == "v1"
