import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.config import ConfigError
from service.config.load import parse
from service.config.model import Hedge
from service.routing import Router
from service.routing.delays import Delays
from service.routing.hedging import Hedging
from service.routing.table import build
from tests.routing.places import holding

CONFIG = """
vendors: {v: {dialect: openai, base_url: 'http://v'}}
models: {v/m: {%s}}
"""
DEPLOYMENTS = "deployments: {a: {max_concurrent: 1}, b: {max_concurrent: 1}}"


@given(st.lists(st.floats(0, 100), max_size=30), st.integers(1, 100))
def test_a_percentile_is_of_the_last_delays(seconds: list[float], percent: int) -> None:
    delays = Delays(most=10, least=5)
    for each in seconds:
        delays.saw(each)
    last = sorted(seconds[-10:])
    found = delays.percentile(percent)
    if len(last) < 5:
        assert found is None
        return
    assert found in last
    assert sum(each <= found for each in last) >= percent / 100 * len(last)
    assert sum(each < found for each in last) < percent / 100 * len(last)


def test_a_time_that_is_given_needs_no_learning() -> None:
    assert Hedging(Hedge(after=0.8)).after(stream=True) == 0.8
    assert Hedging(Hedge()).after(stream=True) is None


async def test_a_hedge_goes_where_there_is_a_place_at_once() -> None:
    pool = Router(build(parse(CONFIG % DEPLOYMENTS)), rng=random.Random(1)).route("v/m").pool
    (first, _), (_, gate) = pool.members
    spare = pool.spare("v/m", CompletionRequest(), [first])
    assert spare is not None
    assert spare.name == "v/m/b"
    async with holding(gate, float("inf")):
        assert pool.spare("v/m", CompletionRequest(), [first]) is None
    assert pool.spare("v/m", CompletionRequest(), [condition for condition, _ in pool.members]) is None


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        ("hedge: {}", "hedge: needs a second deployment"),
        (f"hedge: {{after: 1s, percentile: 90}}, {DEPLOYMENTS}", "expected either after or percentile"),
        (f"hedge: {{share: 2}}, {DEPLOYMENTS}", "less than or equal to 1"),
    ],
)
def test_a_hedge_that_cannot_be_is_said_at_once(model: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(CONFIG % model)
    assert problem in str(caught.value)
