"""Names of one's own, aliases, and names whose first part a client left out: what they lead to, and for whose key."""

import random

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.auth.keys import Caller
from service.config.load import parse
from service.errors import ApiError, Kind
from service.routing import Router
from service.routing.pool import Place
from service.routing.table import RoutingError, build

VENDORS = """
timeouts: {connect: 1s}
vendors:
  v: {dialect: openai, base_url: "http://v/v1"}
  w: {dialect: anthropic, base_url: "http://w/v1", timeouts: {total: 90s}}
"""
CONFIG = (
    VENDORS
    + """
models:
  prod: {deployments: {a: {use: v/big, weight: 2}, b: {use: w/clever, max_concurrent: 3}}, timeouts: {first_token: 7s}}
  v/big: {model: big-2, deployments: {x: {base_url: "http://x/v1", weight: 9}}, timeouts: {first_token: 3s, total: 40s}}
  v/two: {deployments: {a: {}, b: {}}}
  v/org/name: {}
  w/two: {}
  w/only: {}
  w/wild-*: {}
  v/wild-*: {}
  v/open-*: {}
aliases: {gpt: prod, newest: gpt, first: prod/a, far: v/two, wide: v/open-sesame}
"""
)


def router(config: str = CONFIG) -> Router:
    parsed = parse(config)
    return Router(build(parsed), rng=random.Random(1), aliases=parsed.aliases)


def place(name: str, key: Caller | None = None) -> Place:
    route = router().route(name, key) if key else router().route(name)
    return route.pool.choose(route.name, CompletionRequest(), (), deployment=route.deployment)


@pytest.mark.parametrize(
    ("name", "label", "answers", "model"),
    [
        ("prod/a", "prod/a", "v/big", "big-2"),
        ("prod/b", "prod/b", "w/clever", "clever"),
        ("first", "prod/a", "v/big", "big-2"),
        ("newest/b", "prod/b", "w/clever", "clever"),
        ("far/b", "v/two/b", "v/two/b", "two"),
        ("wide", "v/open-sesame", "v/open-sesame", "open-sesame"),
        ("only", "w/only", "w/only", "only"),
        ("org/name", "v/org/name", "v/org/name", "org/name"),
        ("two/a", "v/two/a", "v/two/a", "two"),
        ("big", "v/big/x", "v/big/x", "big-2"),
        ("open-source", "v/open-source", "v/open-source", "open-source"),
    ],
)
def test_a_name_leads_to_who_answers(name: str, label: str, answers: str, model: str) -> None:
    found = place(name)
    assert (found.name, found.model, found.target.model) == (label, answers, model)


def test_what_is_used_brings_its_settings_and_its_place_has_the_last_word() -> None:
    a, b = (place(f"prod/{each}").target for each in "ab")
    assert (a.base_url, a.weight, b.base_url, b.weight) == ("http://x/v1", 2, "http://w/v1", 1)
    assert (a.timeouts.connect, a.timeouts.first_token, a.timeouts.total) == (1, 7, 40)
    assert (b.timeouts.first_token, b.timeouts.total, b.max_concurrent) == (7, 90, 3)
    assert (a.vendor, b.vendor) == ("v", "w")
    assert type(a.dialect) is not type(b.dialect)


@pytest.mark.parametrize(
    ("use", "problem"),
    [
        ("v/two", "models.p.deployments.a.use: v/two has several deployments; say which: v/two/a or v/two/b"),
        ("v/many-1", "models.p.deployments.a.use: v/many-* has several deployments; give v/many-1 an entry of its own"),
        ("opnai/x", "models.p.deployments.a: the vendor 'opnai' is not known and not under vendors; did you mean"),
    ],
)
def test_a_use_that_leads_nowhere_is_told(use: str, problem: str) -> None:
    several = "{deployments: {a: {}, b: {}}}"
    text = f"{VENDORS}\nmodels: {{v/two: {several}, v/many-*: {several}, p: {{deployments: {{a: {{use: {use}}}}}}}}}"
    with pytest.raises(RoutingError) as caught:
        router(text)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("two", "say which: v/two, w/two"),
        ("wild-1", "say which: v/wild-1, w/wild-1"),
        ("gpt/x", "no model 'gpt/x' here"),
        ("wide/more", "no model 'wide/more' here"),
        ("prod/c", "no model 'prod/c' here"),
        ("elsewhere/open-source", "no model 'elsewhere/open-source' here"),
    ],
)
def test_a_name_that_may_mean_several_or_none_is_not_guessed(name: str, says: str) -> None:
    with pytest.raises(ApiError) as caught:
        router().route(name)
    assert caught.value.kind is Kind.MODEL_NOT_FOUND
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("models", "may", "may_not"),
    [
        (("prod",), ["prod", "prod/a", "gpt", "newest", "first"], ["v/big", "big", "w/clever", "far"]),
        (("prod/a",), ["prod/a", "first", "gpt/a"], ["prod", "prod/b", "gpt", "newest"]),
        (("gpt",), ["gpt", "gpt/a", "newest"], ["prod", "prod/a", "first", "v/big"]),
        (("newest",), ["newest"], ["gpt", "prod"]),
        (("wide",), ["wide"], ["wide/more", "v/open-sesame", "open-sesame"]),
        (("v/*",), ["v/big", "big", "far", "wide", "open-x"], ["prod", "gpt", "only", "w/only"]),
        (("only", "open-*"), [], ["only", "w/only", "open-x", "v/open-x"]),
    ],
)
def test_a_key_is_good_for_a_model_or_an_alias_and_never_for_an_abbreviation(
    models: tuple[str, ...], may: list[str], may_not: list[str]
) -> None:
    key = Caller("k", models)
    among = router()
    assert {name: among.permits(name, key) for name in (*may, *may_not)} == dict.fromkeys(may, True) | dict.fromkeys(
        may_not, False
    )


@pytest.mark.parametrize(
    ("models", "listed"),
    [
        (("prod",), ["first", "gpt", "newest", "prod"]),
        (("v/open-one", "v/big"), ["v/big", "v/open-one"]),
        (("v/open-s*",), ["v/open-s*", "wide"]),
        (("v/o*",), ["v/open-*", "v/org/name", "wide"]),
        (("v/two/b",), ["v/two/b"]),
        (("nothing/*", "v/nothing"), []),
    ],
)
def test_a_key_is_shown_what_it_may_use(models: tuple[str, ...], listed: list[str]) -> None:
    assert router().names(Caller("k", models)) == listed


@pytest.mark.parametrize("name", ["prods", "v/bigg", "two", "v/nothing", "prod", "prod/a", "big"])
def test_a_refusal_names_nothing_that_the_key_may_not_see(name: str) -> None:
    with pytest.raises(ApiError) as caught:
        router().route(name, Caller("k", ("w/only", "w/two")))
    message = caught.value.message.replace(repr(name), "")
    assert "w/two" in message or "w/only" in message
    assert "v/" not in message
    assert "prod" not in message


def test_a_model_that_is_not_there_and_one_that_is_closed_look_the_same() -> None:
    key = Caller("k", ("w/only",))
    told: list[tuple[Kind, str]] = []
    for name in ("prod", "priv", "v/big", "v/bag"):
        with pytest.raises(ApiError) as caught:
            router().route(name, key)
        told.append((caught.value.kind, caught.value.message.replace(name, "NAME")))
    assert len({*told}) == 1
