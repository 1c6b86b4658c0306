"""Which deployment is chosen where some fail, over many requests."""

import random

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.config.load import parse
from service.routing.pool import Pool
from service.routing.table import ModelRoute, build

REQUEST = CompletionRequest(model="v/m")


def pool(balance: str, clock: list[float], weights: tuple[int, ...] = (1, 1, 1)) -> Pool:
    places = "\n".join(f"      d{index}: {{weight: {weight}}}" for index, weight in enumerate(weights))
    text = (
        f"vendors: {{v: {{dialect: openai, base_url: 'http://127.0.0.1:1/v1'}}}}\nmodels:\n  v/m:\n    balance: {balance}\n"
        f"    deployments:\n{places}\n"
    )
    route: ModelRoute = build(parse(text))["v/m"]
    return Pool(route, clock=lambda: clock[0], rng=random.Random(7))


@pytest.mark.parametrize("balance", ["weighted", "least_inflight", "latency"])
def test_one_that_fails_fast_is_not_preferred(balance: str) -> None:
    """One of three fails two of three requests at once; the others answer after half a second, each time."""
    clock, fails = [0.0], random.Random(3)
    places = pool(balance, clock)
    failed = asked = 0
    for _ in range(1000):
        clock[0] += 0.2
        place = places.choose("v/m", REQUEST, ())
        place.condition.begin()
        if place.target.deployment == "d0":
            asked += 1
            if fails.random() < 2 / 3:
                failed += 1
                place.condition.failed()
                place.condition.end()
                continue
            place.condition.saw_first_token(0.01)
        else:
            place.condition.saw_first_token(0.5)
        place.condition.succeeded()
        place.condition.end()
    assert 0 < asked < 200
    assert failed < 130


@pytest.mark.parametrize("balance", ["weighted", "least_inflight", "latency", "prefix"])
def test_one_of_no_weight_is_drained(balance: str) -> None:
    places = pool(balance, [0.0], (0, 1, 1))
    chosen = {places.choose("v/m", REQUEST, ()).target.deployment for _ in range(100)}
    assert chosen <= {"d1", "d2"}
    assert places.open == 2
    assert places.choose("v/m", REQUEST, (), deployment="d0").target.deployment == "d0"
    siblings = [condition for condition, _ in places.members if condition.target.weight]
    assert places.spare("v/m", REQUEST, siblings) is None


def test_all_of_no_weight_are_refused() -> None:
    with pytest.raises(Exception, match="each has weight: 0"):
        pool("weighted", [0.0], (0, 0))
