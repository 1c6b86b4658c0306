import importlib.util

import pytest

from service.backends.dialect import Target
from service.config.load import parse
from service.routing.table import RoutingError, build


def target(text: str) -> Target:
    return build(parse(text))["bedrock/m"].targets[0]


def test_a_region_is_all_that_bedrock_needs() -> None:
    found = target("vendors: {bedrock: {region: eu-west-1}}\nmodels: {bedrock/m: {model: anthropic.claude-v2}}")
    assert found.base_url == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    assert (found.auth, found.region, found.credential, found.model) == (
        "sigv4",
        "eu-west-1",
        None,
        "anthropic.claude-v2",
    )


def test_a_bedrock_api_key_comes_from_its_usual_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "planted")
    found = target("vendors: {bedrock: {region: eu-west-1, auth: bearer}}\nmodels: {bedrock/m: {}}")
    assert (found.auth, found.credential) == ("bearer", "planted")


@pytest.mark.parametrize("url", ["", ", base_url: 'https://vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com'"])
def test_without_a_region_the_file_is_refused(url: str) -> None:
    with pytest.raises(RoutingError, match=r"models\.bedrock/m: .*region.*vendors\.bedrock\.region"):
        target(f"vendors: {{bedrock: {{auth: sigv4{url}}}}}\nmodels: {{bedrock/m: {{}}}}")


def test_without_the_library_the_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(name: str) -> None: ...

    monkeypatch.setattr(importlib.util, "find_spec", find_nothing)
    with pytest.raises(RoutingError, match=r"parley\[bedrock\]"):
        target("vendors: {bedrock: {region: eu-west-1}}\nmodels: {bedrock/m: {}}")
