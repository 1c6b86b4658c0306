import random
from collections import Counter

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.config.load import parse
from service.errors import ApiError, Kind
from service.routing import Router
from service.routing.pool import Place
from service.routing.table import RoutingError, build

CONFIG = """
vendors:
  v: {dialect: openai, base_url: "http://v/v1/", headers: {X-Team: a}}
models:
  v/plain: {}
  v/org/name: {model: vendor-name}
  v/two: {model: shared, deployments: {a: {weight: 3, base_url: "http://a/v1"}, b: {model: other}}}
  local/smollm2-135m-instruct: {}
  any/*: {}
  any/special-*: {deployments: {x: {base_url: "http://x/v1"}}}
""".replace("any/*: {}", "v/*: {}").replace("any/special-*", "v/special-*")


def place(router: Router, name: str) -> Place:
    route = router.route(name)
    return route.pool.choose(route.name, CompletionRequest(), (), deployment=route.deployment)


@pytest.fixture
def router() -> Router:
    return Router(build(parse(CONFIG)), rng=random.Random(1))


@pytest.mark.parametrize(
    ("name", "model", "base_url"),
    [
        ("v/plain", "plain", "http://v/v1"),
        ("v/org/name", "vendor-name", "http://v/v1"),
        ("v/two/a", "shared", "http://a/v1"),
        ("v/two/b", "other", "http://v/v1"),
        ("v/unheard/of", "unheard/of", "http://v/v1"),
        ("v/special-one", "special-one", "http://x/v1"),
        ("local/smollm2-135m-instruct", "smollm2-135m-instruct", "http://local/v1"),
    ],
)
def test_a_name_leads_to_its_deployment(router: Router, name: str, model: str, base_url: str) -> None:
    target = place(router, name).target
    assert (target.model, target.base_url) == (model, base_url)


def test_deployments_share_requests_by_weight(router: Router) -> None:
    seen = Counter(place(router, "v/two").target.deployment for _ in range(4000))
    assert 2.6 < seen["a"] / seen["b"] < 3.4


@pytest.mark.parametrize("name", ["w/plain", "v/", "V/plain", "local/smollm2-135m-instrukt"])
def test_an_unknown_name_is_answered_with_near_ones(router: Router, name: str) -> None:
    with pytest.raises(ApiError) as caught:
        router.route(name)
    assert caught.value.kind is Kind.MODEL_NOT_FOUND
    assert caught.value.param == "model"
    assert repr(name) in caught.value.message
    assert "near it: " in caught.value.message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "models: {opnai/x: {}}",
            "models.opnai/x: the vendor 'opnai' is not known and not under vendors; did you mean openai?",
        ),
        ("models: {openai/x: {}}", "vendors.openai.api_key: the environment variable OPENAI_API_KEY is not set"),
        ("models: {vllm/x: {}}", "models.vllm/x: no base_url; set vendors.vllm.base_url"),
        ("vendors: {a: {base_url: 'http://a'}}\nmodels: {a/x: {}}", "vendors.a.dialect: required, one of "),
        (
            "vendors: {a: {dialect: opnai, base_url: 'http://a'}}\nmodels: {a/x: {}}",
            "vendors.a.dialect: unknown dialect 'opnai'; did you mean openai?",
        ),
        (
            "vendors: {a: {dialect: openai, base_url: 'http://a', api_key: {file: /nowhere/key}}}\nmodels: {a/x: {}}",
            "vendors.a.api_key: the file /nowhere/key cannot be read",
        ),
        (
            "vendors: {a: {dialect: openai, base_url: 'http://a'}}\nmodels: {a/*: {model: x}}",
            "models.a/*.model: a wildcard stands for many models",
        ),
    ],
)
def test_a_model_that_cannot_be_reached_is_said_at_once(
    text: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(RoutingError) as caught:
        build(parse(text))
    assert problem in str(caught.value)


def test_a_credential_is_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    target = place(Router(build(parse("models: {openai/x: {}}"))), "openai/x").target
    assert target.credential == "sk-secret"
    assert "sk-secret" not in repr(target)


def test_each_level_of_timeouts_changes_only_what_it_says() -> None:
    text = """
timeouts: {total: 9s}
vendors: {v: {dialect: openai, base_url: "http://v", timeouts: {connect: 1s, total: 8s}}}
models: {v/m: {timeouts: {total: 7s}, deployments: {a: {timeouts: {first_token: 3s}}, b: {}}}}
"""
    router = Router(build(parse(text)))
    seen = {name: place(router, f"v/m/{name}").target.timeouts for name in "ab"}
    assert (seen["a"].connect, seen["a"].first_token, seen["a"].total) == (1, 3, 7)
    assert (seen["b"].connect, seen["b"].first_token, seen["b"].total) == (1, 60, 7)


def test_what_is_kept_of_names_has_a_bound(router: Router) -> None:
    route, first = router.route("v/invented"), place(router, "v/invented")
    assert router.route("v/invented") is route
    assert place(router, "v/invented") is first
    for number in range(1000):
        assert place(router, f"v/invented-{number}").target.model == f"invented-{number}"
    assert router.route("v/invented") is not route
    assert place(router, "v/invented") is not first
