"""Vendors that are where a region is, and some of whose models speak another dialect."""

from typing import Any

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.anthropic import AnthropicDialect
from service.backends.dialect import Target
from service.backends.gemini import GeminiDialect
from service.backends.openai import OpenAiDialect
from service.config import Config
from service.routing import Router
from service.routing.table import RoutingError, build


def target_of(config: Config, name: str) -> Target:
    route = Router(build(config)).route(name)
    return route.pool.choose(name, CompletionRequest(), (), deployment=route.deployment).target


def target(model: str, *, name: str = "vertex_ai/*", region: str = "europe-west4", **vendor: Any) -> Target:
    settings = {"region": region, "project": "p", **vendor}
    config = Config.model_validate({"vendors": {"vertex_ai": settings}, "models": {name: {}}})
    return target_of(config, f"vertex_ai/{model}")


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
    ],
)
def test_a_region_is_a_host(region: str, host: str) -> None:
    found = target("gemini-2.5-flash", region=region)
    assert found.base_url == f"https://{host}/v1/projects/p/locations/{region}"
    assert (found.auth, found.credential, found.region, found.project) == ("google", None, region, "p")


@pytest.mark.parametrize("missing", ["region", "project"])
def test_region_and_project_are_needed(missing: str) -> None:
    with pytest.raises(RoutingError, match=f"no {missing}; set vendors.vertex_ai.{missing}"):
        target("gemini-2.5-flash", **{missing: ""})


@pytest.mark.parametrize("wildcard", [True, False])
def test_the_models_name_says_what_it_speaks(wildcard: bool) -> None:
    spoken = {
        model: type(target(model, name="vertex_ai/*" if wildcard else f"vertex_ai/{model}").dialect)
        for model in ("claude-opus-5@20261101", "gemini-2.5-flash")
    }
    assert spoken == {"claude-opus-5@20261101": AnthropicDialect, "gemini-2.5-flash": GeminiDialect}
    claude = target("claude-opus-5").dialect
    assert isinstance(claude, AnthropicDialect)
    assert claude.vertex


def test_the_vendors_name_of_a_model_counts_and_not_the_callers() -> None:
    config = Config.model_validate(
        {
            "vendors": {"vertex_ai": {"region": "global", "project": "p"}},
            "models": {
                "vertex_ai/mine": {"deployments": {"a": {"model": "claude-opus-5"}, "b": {"model": "gemini-x"}}}
            },
        }
    )
    assert isinstance(target_of(config, "vertex_ai/mine/a").dialect, AnthropicDialect)
    assert isinstance(target_of(config, "vertex_ai/mine/b").dialect, GeminiDialect)


def test_what_parley_yaml_says_goes_before_it() -> None:
    found = target("claude-opus-5", dialect="openai", base_url="http://v/v1")
    assert isinstance(found.dialect, OpenAiDialect)
    assert found.base_url == "http://v/v1"


def test_a_key_of_the_gemini_api_has_either_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.setenv("GOOGLE_API_KEY", "k")
    found = target_of(Config.model_validate({"models": {"gemini/*": {}}}), "gemini/gemini-2.5-flash")
    assert (found.auth, found.credential) == ("x-goog-api-key", "k")
    assert found.base_url == "https://generativelanguage.googleapis.com/v1beta"
