import asyncio
from dataclasses import dataclass

import pytest

from service.errors import ApiError, Kind
from service.routing import Router
from tests.clock import run
from tests.pipeline.scripted import HANG, ROLE, Step, Vendor, ask, router, texts

DOWN = Kind.UNAVAILABLE
REFUSED = Kind.REFUSED
HEDGED = "retries: {attempts: 1, backoff: 100ms}, hedge: {after: 1s}"


@dataclass(frozen=True, slots=True)
class Case:
    """What each attempt does, and what the caller gets."""

    id: str
    scripts: tuple[tuple[Step, ...], ...]
    got: tuple[str, ...]
    told: str
    """The attempts, by their numbers."""
    seconds: float
    begun: tuple[float, ...]
    """When each attempt was made."""


CASES = (
    Case("in time", (((0.5, "a"), (9, "a")),), ("a", "a"), "1", 9.5, (0,)),
    Case("overtaken", (((5, "a"),), ((0.2, "b"), (3, "b"))), ("b", "b"), "1: overtaken, 2", 4.2, (0, 1)),
    Case("in vain", (((1.5, "a"), (3, "a")), ((2, "b"),)), ("a", "a"), "2: overtaken, 1", 4.5, (0, 1)),
    Case("at once", (((2, "a"),), ((1, "b"),)), ("a",), "2: overtaken, 1", 2, (0, 1)),
    Case("hedge fails", (((3, "a"),), ((0.1, DOWN),)), ("a",), "2: unavailable, 1", 3, (0, 1)),
    Case("hedge is refused", (((3, "a"),), ((0.1, REFUSED),)), ("a",), "2: invalid_request, 1", 3, (0, 1)),
    Case("first fails", (((1.2, DOWN),), ((1, "b"),)), ("b",), "1: unavailable, 2", 2, (0, 1)),
    Case("first fails early", (((0.5, DOWN),), ((0.9, "b"),)), ("b",), "1: unavailable, 2", 1.4, (0, 0.5)),
    Case(
        "both fail",
        (((1.2, DOWN),), ((1, DOWN),), ((0.5, "c"),)),
        ("c",),
        "1: unavailable, 2: unavailable, 3",
        2.5,
        (0, 1, 2),
    ),
    Case("a role", (((0, ROLE), (9, "a")), ((0, ROLE), (1, "b"))), ("", "b"), "1: overtaken, 2", 2, (0, 1)),
    Case("nothing", (((9, "a"),), ()), (), "1: overtaken, 2", 1, (0, 1)),
)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_who_generates_first_answers(case: Case) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        vendor = Vendor(list(case.scripts))
        attempts = ask(router(HEDGED))
        start = loop.time()
        assert tuple(await texts(attempts, vendor)) == case.got
        assert loop.time() - start == pytest.approx(case.seconds)
        assert [at - start for at in vendor.at] == pytest.approx(case.begun)
        told = ", ".join(attempts.report.attempts)
        for number, name in enumerate(vendor.names, start=1):
            told = told.replace(name, str(number))
        assert told == case.told
        assert len(set(vendor.names)) == len(vendor.names), "never twice at the same place"
        answers = int(case.told[-1])
        assert attempts.report.dropped == ([f"by {answers}"] if answers <= len(vendor.made) else [])
        assert attempts.place is vendor.made[answers - 1].place
        assert_all_is_quiet(attempts.router, vendor)

    run(test())


def assert_all_is_quiet(to: Router, vendor: Vendor) -> None:
    assert vendor.open == 0, "closed, every one of them"
    assert [condition.in_flight for condition, _ in to.route("v/m").pool.members] == [0, 0, 0]


def test_the_loser_is_closed_before_the_answer_goes_on() -> None:
    async def test() -> None:
        vendor = Vendor([((HANG, ""),), ((0, "b"), (9, "b"))])
        batches = await ask(router(HEDGED)).begin(vendor)
        await anext(batches)
        assert vendor.open == 1
        await batches.aclose()
        assert vendor.open == 0

    run(test())


def test_a_refusal_of_the_request_itself_is_told_though_a_hedge_failed_after_it() -> None:
    async def test() -> None:
        for failures in ((REFUSED, DOWN), (DOWN, REFUSED)):
            vendor = Vendor([((1.2, failures[0]),), ((1, failures[1]),)])
            with pytest.raises(ApiError) as caught:
                await texts(ask(router(HEDGED)), vendor)
            assert caught.value.kind is REFUSED
            assert len(caught.value.attempts) == 2

    run(test())


def test_a_caller_who_leaves_closes_both() -> None:
    async def test() -> None:
        to = router(HEDGED)
        vendor = Vendor([((HANG, ""),), ((0, ROLE), (HANG, ""))])
        waiting = asyncio.ensure_future(texts(ask(to), vendor))
        await asyncio.sleep(1.5)
        assert vendor.open == 2
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()
        assert_all_is_quiet(to, vendor)

    run(test())


def test_the_loser_is_no_failure_but_known_to_be_slow() -> None:
    async def test() -> None:
        to = router("cooldown: {failures: 1}, hedge: {after: 1s}")
        vendor = Vendor([((HANG, ""),), ((1, "b"),)])
        await texts(ask(to), vendor)
        slow = vendor.made[0].place.condition
        assert slow.healthy
        assert slow.expected_delay() == pytest.approx(2, abs=0.1)

    run(test())


@pytest.mark.parametrize(
    ("settings", "model"),
    [("hedge: {after: 1s}", "v/m/a"), ("retries: {}", "v/m")],
    ids=["a picked deployment", "not asked for"],
)
def test_a_request_is_not_hedged(settings: str, model: str) -> None:
    async def test() -> None:
        vendor = Vendor([((9, "a"),)])
        assert await texts(ask(router(settings), model), vendor) == ["a"]

    run(test())


def test_nothing_is_hedged_where_no_other_deployment_is_well_and_has_room() -> None:
    async def test() -> None:
        to = router("cooldown: {failures: 1}, hedge: {after: 1s}")
        for condition, _ in to.route("v/m").pool.members:
            condition.failed()
        assert await texts(ask(to), Vendor([((9, "a"),)])) == ["a"]

    run(test())


def test_what_is_slow_is_learnt_and_streams_and_whole_answers_are_not_mixed() -> None:
    async def test() -> None:
        to = router("hedge: {share: 1}")
        for number in range(20):
            assert await texts(ask(to), Vendor([((1 + number / 10, "a"),)])) == ["a"]
        for _ in range(19):
            assert await texts(ask(to, stream=False), Vendor([((40, "a"),)])) == ["a"]
        # 95 of 100 began within 2.8 s.
        vendor = Vendor([((60, "a"),), ((0.5, "b"),)])
        assert await texts(ask(to), vendor) == ["b"]
        assert vendor.at[1] - vendor.at[0] == pytest.approx(2.8)
        assert await texts(ask(to, stream=False), Vendor([((60, "a"),)])) == ["a"], (
            "too little is known of whole answers"
        )

    run(test())


def test_one_that_was_overtaken_counts_as_slow() -> None:
    async def test() -> None:
        to = router("hedge: {share: 1}")
        for _ in range(20):
            await texts(ask(to), Vendor([((1, "a"),)]))
        for _ in range(100):
            # One in ten is slow; what answers in its place comes soon.
            vendor = Vendor([((60, "a"),), ((0.1, "b"),)])
            await texts(ask(to), vendor)
            for _ in range(9):
                await texts(ask(to), Vendor([((1, "a"),), ((60, "b"),)]))
        # With only the winners' times the percentile would sink to what half of all take.
        hedging = to.route("v/m").pool.hedging
        assert hedging is not None
        assert (hedging.after(stream=True) or 0) > 1.05

    run(test())


def test_no_more_than_a_share_of_the_requests_is_hedged() -> None:
    async def test() -> None:
        to = router("hedge: {after: 1s, share: 0.05}")
        hedges = 0
        for _ in range(1000):
            vendor = Vendor([((2, "a"),), ((0, "b"),)])
            await texts(ask(to), vendor)
            hedges += len(vendor.made) - 1
        # A quiet time may save up ten.
        assert 50 <= hedges <= 60

    run(test())
