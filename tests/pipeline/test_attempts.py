import asyncio

import pytest

from service.config.load import parse
from service.errors import ApiError, Kind
from service.routing import Router
from service.routing.table import build
from tests.clock import run
from tests.pipeline.scripted import HANG, ROLE, Step, Vendor, ask, collect, router, texts

REST_S = 10.0
DOWN = Kind.UNAVAILABLE
CUT = Kind.STREAM_CUT
STALLED = Kind.FIRST_TOKEN_TIMEOUT
KEY_REFUSED = Kind.UPSTREAM_AUTH
NARROW = """
vendors: {v: {dialect: openai, base_url: 'http://v'}}
models: {v/narrow: {retries: {attempts: 0}, deployments: {a: {max_concurrent: 1}}}}
"""


@pytest.mark.parametrize(
    ("error", "available"),
    [
        (None, True),
        (Kind.REFUSED, True),
        (Kind.UPSTREAM_ERROR, False),
        (KEY_REFUSED, False),
        (Kind.NO_QUOTA, False),
        # What never reached the deployment, or left it no time, says nothing of it: it is still to be probed.
        (Kind.UNSUPPORTED, None),
        (Kind.TOTAL_TIMEOUT, None),
    ],
    ids=["answered", "refused by the vendor", "failed", "key refused", "no credit", "refused here", "no time"],
)
def test_a_probe_tells_what_it_can_tell(error: Kind | None, *, available: bool | None) -> None:
    now = 1000.0
    to = router(f"retries: {{attempts: 0}}, cooldown: {{failures: 1, rest: {REST_S:g}s}}", lambda: now)

    async def probe() -> None:
        attempts = ask(to, "v/m/a")
        (condition, _), *_ = attempts.route.pool.members
        condition.failed()
        nonlocal now
        now += REST_S
        try:
            assert await texts(attempts, Vendor([((0, error or "hi"),)])) == ["hi"]
        except ApiError as raised:
            assert raised.kind is error
        assert condition.in_flight == 0
        assert condition.healthy is (available is True)
        if available is None:
            assert condition.available, "the next request may probe it"
        else:
            assert condition.available is available

    run(probe())


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (((0, DOWN),), "unavailable"),
        (((0, ROLE), (0, CUT)), "stream_interrupted"),
        (((0, ROLE), (0, ROLE), (60, STALLED)), "first_token_timeout"),
        (((0, KEY_REFUSED),), "upstream_auth"),
    ],
    ids=["down", "cut after its prelude", "stalled after its prelude", "key refused"],
)
def test_another_deployment_takes_over_what_has_not_begun(bad: tuple[Step, ...], code: str) -> None:
    async def test() -> None:
        vendor = Vendor([bad, ((0, ROLE), (0, "hi"), (0, "ho"))])
        attempts = ask(router())
        assert await texts(attempts, vendor) == ["", "hi", "ho"]
        first, second = vendor.names
        assert first != second
        assert attempts.report.attempts == [f"{first}: {code}", second]
        assert attempts.report.dropped == ["by 2"], "of the attempt that answers"
        assert attempts.sent is vendor.made[1].request

    run(test())


def test_an_answer_that_has_begun_is_never_begun_again() -> None:
    async def test() -> None:
        vendor = Vendor([((0, ROLE), (0, "hi"), (0, CUT))])
        got: list[str] = []
        with pytest.raises(ApiError) as caught:
            await collect(ask(router()), vendor, got)
        assert caught.value.kind is CUT
        assert got == ["", "hi"]

    run(test())


def test_a_key_that_is_refused_is_not_tried_again_at_the_same_place() -> None:
    async def test() -> None:
        for model, tries in (("v/one", 1), ("v/m/a", 1), ("v/m", 3)):
            vendor = Vendor([((0, KEY_REFUSED),)] * 4)
            with pytest.raises(ApiError) as caught:
                await texts(ask(router(), model), vendor)
            assert caught.value.kind is KEY_REFUSED
            assert len(vendor.names) == len(set(vendor.names)) == tries

    run(test())


def test_the_first_token_is_timed_and_not_what_comes_before_it() -> None:
    async def test() -> list[float]:
        attempts = ask(router("balance: latency"), "v/m/a")
        (condition, _), *_ = attempts.route.pool.members
        delays: list[float] = []
        delays.append(condition.expected_delay())
        batches = await attempts.begin(Vendor([((0, ROLE), (0, "hi"))]))
        await anext(batches)
        delays.append(condition.expected_delay())
        await batches.aclose()
        attempts = ask(router("balance: latency"), "v/m/a")
        (condition, _), *_ = attempts.route.pool.members
        waiting = asyncio.ensure_future(attempts.begin(Vendor([((0, ROLE), (HANG, ""))])))
        await asyncio.sleep(1)
        delays.append(condition.expected_delay())
        waiting.cancel()
        return delays

    before, after, prelude_only = run(test())
    assert before == prelude_only == 0
    assert after > 0


def test_a_prelude_is_held_back_within_bounds() -> None:
    async def test() -> None:
        batches = await ask(router()).begin(Vendor([(*[(0.0, ROLE)] * 1000, (HANG, ""))]))
        assert 10 <= len(await anext(batches)) <= 100
        await batches.aclose()

    run(test())


def test_an_answer_without_anything_in_it_is_an_answer() -> None:
    async def test() -> None:
        for script, expected in (((), []), (((0, ROLE),), [""])):
            attempts = ask(router())
            assert await texts(attempts, Vendor([script])) == expected
            assert len(attempts.report.attempts) == 1

    run(test())


def test_a_caller_who_leaves_in_a_back_off_causes_no_further_attempt() -> None:
    async def test() -> None:
        vendor = Vendor([((0, DOWN),)] * 3)
        waiting = asyncio.ensure_future(texts(ask(router("retries: {backoff: 4s}"), "v/m/a"), vendor))
        await asyncio.sleep(3.9)
        assert len(vendor.made) == 1
        waiting.cancel()
        await asyncio.sleep(60)
        assert len(vendor.made) == 1
        assert waiting.cancelled()

    run(test())


@pytest.mark.parametrize(
    "script",
    [((0, "hi"),), (), ((0, "hi"), (0, CUT)), ((0, DOWN),), ((0, "hi"), (HANG, ""))],
    ids=["answered", "nothing", "cut", "failed", "given up"],
)
def test_a_place_is_given_back_however_the_answer_ends(script: tuple[Step, ...]) -> None:
    async def test() -> None:
        to = Router(build(parse(NARROW)))
        vendor = Vendor([script, ((0, "next"),)])
        try:
            answer = await ask(to, "v/narrow").begin(vendor)
            await anext(answer, None)
            if script[-1:] != ((HANG, ""),):
                await anext(answer, None)
            await answer.aclose()
        except ApiError as error:
            assert error.kind in (CUT, DOWN)
        # It waits in vain where the place is still taken.
        assert await texts(ask(to, "v/narrow", deadline=5.0), vendor) == ["next"]

    run(test())
