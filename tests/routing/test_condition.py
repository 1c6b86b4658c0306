import dataclasses
import random
from collections import Counter

from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.config.load import parse
from service.config.model import Cooldown
from service.routing.balance import BALANCERS, Balancer
from service.routing.budget import Backoff, RetryBudget
from service.routing.condition import Condition
from service.routing.table import build

TARGET = build(parse("vendors: {v: {dialect: openai, base_url: 'http://v'}}\nmodels: {v/m: {}}"))["v/m"].targets[0]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def conditions(number: int, clock: Clock | None = None, weights: tuple[float, ...] = ()) -> list[Condition]:
    return [
        Condition(
            dataclasses.replace(TARGET, deployment=f"d{i}", weight=weights[i] if weights else 1.0),
            clock or Clock(),
            Cooldown(failures=2, rest=10),
        )
        for i in range(number)
    ]


def ask(*texts: str) -> CompletionRequest:
    roles = ["system", "user", "assistant", "user", "assistant", "user"]
    return CompletionRequest(
        model="v/m",
        messages=[
            Message(role=role, content=[ContentPart(text=text)]) for role, text in zip(roles, texts, strict=False)
        ],
    )


def share(balancer: Balancer, among: list[Condition], request: CompletionRequest, times: int = 3000) -> Counter[str]:
    rng = random.Random(7)
    return Counter(balancer(among, request, rng).target.deployment for _ in range(times))


def test_a_deployment_rests_after_failures_and_is_probed_by_one_request_at_a_time() -> None:
    clock = Clock()
    (condition,) = conditions(1, clock)
    condition.failed()
    assert condition.available
    condition.failed()
    assert not condition.available
    clock.now += 10
    assert condition.available
    condition.begin()
    assert not condition.available, "a probe is out"
    condition.failed()
    condition.end()
    assert not condition.available
    clock.now += 10
    condition.begin()
    condition.succeeded()
    condition.end()
    assert condition.available
    condition.failed()
    assert condition.available, "a success starts the count anew"


def test_a_probe_whose_caller_left_does_not_lock_the_deployment_out() -> None:
    clock = Clock()
    (condition,) = conditions(1, clock)
    condition.failed()
    condition.failed()
    clock.now += 10
    condition.begin()
    condition.abandoned()
    condition.end()
    assert condition.available


def test_weights_share_out_requests() -> None:
    seen = share(BALANCERS["weighted"], conditions(2, weights=(3, 1)), ask("s", "u"))
    assert 2.6 < seen["d0"] / seen["d1"] < 3.4


def test_the_least_busy_for_its_weight_is_chosen() -> None:
    among = conditions(3, weights=(1, 1, 4))
    among[0].in_flight, among[1].in_flight, among[2].in_flight = 1, 2, 2
    assert set(share(BALANCERS["least_inflight"], among, ask("s", "u"))) == {"d2"}
    among[2].in_flight = 4
    assert set(share(BALANCERS["least_inflight"], among, ask("s", "u"))) == {"d0", "d2"}


def test_the_slower_is_asked_less_and_forgiven_in_time() -> None:
    clock = Clock()
    among = conditions(3, clock)
    for condition, seconds in zip(among, (0.1, 0.1, 2.0), strict=True):
        condition.saw_first_token(seconds)
    seen = share(BALANCERS["latency"], among, ask("s", "u"))
    assert seen["d2"] == 0
    clock.now += 120
    among[0].saw_first_token(0.1)
    among[1].saw_first_token(0.1)
    assert share(BALANCERS["latency"], among, ask("s", "u"))["d2"] > 0


def test_a_busy_one_is_expected_to_be_slower() -> None:
    among = conditions(2)
    for condition in among:
        condition.saw_first_token(0.1)
    among[0].in_flight = 5
    assert set(share(BALANCERS["latency"], among, ask("s", "u"))) == {"d1"}


def test_a_conversation_goes_on_where_it_began() -> None:
    among = conditions(4)
    places = Counter[str]()
    for number in range(40):
        turns = [f"s{number}", "u"]
        first = share(BALANCERS["prefix"], among, ask(*turns), 1)
        assert share(BALANCERS["prefix"], among, ask(*turns, "a", "more"), 1) == first
        assert share(BALANCERS["prefix"], among[::-1], ask(*turns), 1) == first
        places += first
    assert len(places) == 4


def test_a_warm_cache_is_given_up_when_its_deployment_is_too_busy() -> None:
    among = conditions(4)
    (home,) = share(BALANCERS["prefix"], among, ask("s", "u"), 1)
    busy = next(each for each in among if each.target.deployment == home)
    busy.in_flight = 8
    assert home not in share(BALANCERS["prefix"], among, ask("s", "u"), 1)


def test_retries_are_a_share_of_the_requests() -> None:
    budget = RetryBudget(share=0.2, most=10)
    retried = 0
    for _ in range(10_000):
        budget.request()
        while budget.spend():
            retried += 1
    assert 2000 <= retried <= 2010


def test_a_quiet_time_saves_up_only_so_much() -> None:
    budget = RetryBudget(share=0.2, most=3)
    for _ in range(1000):
        budget.request()
    assert sum(budget.spend() for _ in range(1000)) == 3


def test_waits_grow_are_jittered_and_never_shorter_than_asked() -> None:
    backoff = Backoff(first=0.1, most=1.0)
    assert [round(backoff.before(n, None, lambda: 1.0), 3) for n in range(1, 7)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert backoff.before(3, None, lambda: 0.0) == 0
    assert backoff.before(1, 7.0, lambda: 1.0) == 7.0
