"""What a reload leaves as it is."""

import asyncio

import pytest
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.config.load import parse
from service.errors import ApiError
from service.routing import Router
from service.routing.condition import Condition
from service.routing.gate import Gate
from service.routing.pool import Place
from service.routing.table import build
from tests.routing.places import holding

VENDOR = "vendors: {v: {dialect: openai, base_url: 'http://v/v1'}}\n"
FOREVER = 1e12


def router(models: str, previous: Router | None = None, vendor: str = VENDOR) -> Router:
    return Router(build(parse(vendor + models)), clock=lambda: 0.0, previous=previous)


def place(of: Router, name: str = "v/x") -> Place:
    route = of.route(name)
    return route.pool.choose(route.name, CompletionRequest(), (), deployment=route.deployment)


def fail(condition: Condition) -> None:
    for _ in range(condition.cooldown.failures):
        condition.begin()
        condition.failed()
        condition.end()
    assert not condition.available


def test_a_deployment_that_did_not_change_keeps_its_state_whatever_else_did() -> None:
    old = router("models: {v/x: {}}")
    fail(place(old).condition)
    place(old).condition.begin()
    new = router("models: {v/y: {}, v/x: {}}\nkeep_alive: 1s", old)
    assert place(new).condition is place(old).condition
    assert place(new).gate is place(old).gate
    assert place(new).condition.in_flight == 1
    assert place(new, "v/y").condition.available


def test_one_under_other_settings_goes_on_resting() -> None:
    old = router("models: {v/x: {}}")
    fail(place(old).condition)
    place(old).condition.begin()
    new = router("models: {v/x: {timeouts: {total: 1m}, cooldown: {rest: 1m}}}", old)
    assert not place(new).condition.available
    assert place(new).target.timeouts.total == 60
    assert place(old).target.timeouts.total == 600
    # Those that the old one sent end there.
    assert place(new).condition.in_flight == 0


@pytest.mark.parametrize(
    ("change", "vendor"),
    [
        ("models: {v/x: {}}", VENDOR.replace("http://v/v1", "http://w/v1")),
        ("models: {v/x: {model: other}}", VENDOR),
        ("models: {v/x: {deployments: {a: {}}}}", VENDOR),
    ],
    ids=["url", "model", "deployment"],
)
def test_another_place_begins_anew(change: str, vendor: str) -> None:
    old = router("models: {v/x: {}}")
    fail(place(old).condition)
    new = router(change, old, vendor)
    assert place(new).condition.available
    assert place(new).gate is not place(old).gate


def test_a_new_key_is_given_a_try_under_the_same_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "models: {openai/x: {deployments: {a: {max_concurrent: 1}}}}"
    monkeypatch.setenv("OPENAI_API_KEY", "old")
    old = router(text)
    fail(place(old, "openai/x").condition)
    monkeypatch.setenv("OPENAI_API_KEY", "new")
    new = router(text, old)
    assert place(new, "openai/x").condition.available
    assert place(new, "openai/x").gate is place(old, "openai/x").gate


def test_what_a_model_has_learnt_and_spent_goes_on() -> None:
    text = "models: {v/x: {hedge: {}, deployments: {a: {}, b: {}}, %s}}"
    old = router(text % "retries: {budget: 0.1}")
    same = router(text % "retries: {budget: 0.1}", old)
    other = router(text % "retries: {budget: 0.3}", same)
    assert same.route("v/x").pool.budget is old.route("v/x").pool.budget
    assert other.route("v/x").pool.budget is not old.route("v/x").pool.budget
    assert other.route("v/x").pool.hedging is old.route("v/x").pool.hedging


async def enter(gate: Gate, leave: asyncio.Event) -> None:
    async with holding(gate, FOREVER):
        await leave.wait()


async def turns(gate: Gate, number: int, leave: asyncio.Event) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(enter(gate, leave)) for _ in range(number)]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_a_limit_is_raised_and_lowered_while_requests_are_inside() -> None:
    gate, first, rest = Gate(1, 10, "v"), asyncio.Event(), asyncio.Event()
    inside = await turns(gate, 1, first)
    waiting = await turns(gate, 4, rest)
    assert gate.waiting == 4
    gate.resize(3, 10)
    await asyncio.sleep(0)
    assert gate.waiting == 2
    gate.resize(1, 2)
    first.set()
    await asyncio.gather(*inside)
    # Two are inside where one may be: who leaves makes no place.
    assert gate.waiting == 2
    assert gate.full
    with pytest.raises(ApiError, match="all its places are taken"):
        await enter(gate, rest)
    rest.set()
    await asyncio.gather(*waiting)
    assert gate.has_room
    again = asyncio.Event()
    held = await turns(gate, 2, again)
    assert gate.waiting == 1
    again.set()
    await asyncio.gather(*held)


@pytest.mark.parametrize(("before", "after"), [("", "max_concurrent: 2"), ("max_concurrent: 2", "")])
async def test_a_limit_comes_and_goes_while_requests_are_inside(before: str, after: str) -> None:
    text = "models: {v/x: {deployments: {a: {%s}}}}"
    old = router(text % before)
    leave = asyncio.Event()
    inside = await turns(place(old).gate, 2, leave)
    new = router(text % after, old)
    assert place(new).gate.bounded is bool(after)
    inside += await turns(place(new).gate, 2, leave)
    leave.set()
    await asyncio.gather(*inside)
    assert place(new).gate.has_room
