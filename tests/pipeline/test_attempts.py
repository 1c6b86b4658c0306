from collections.abc import AsyncGenerator

import pytest
from parley.chat.v1.completion_pb2 import CompletionChunk

from service.config.load import parse
from service.config.model import Cooldown
from service.errors import ApiError, Kind, Upstream
from service.pipeline.attempts import watched
from service.routing.condition import Condition
from service.routing.table import build

TARGET = build(parse("vendors: {v: {dialect: openai, base_url: 'http://v'}}\nmodels: {v/m: {}}"))["v/m"].targets[0]
REST_S = 10.0


async def answer(error: ApiError | None) -> AsyncGenerator[list[CompletionChunk], None]:
    if error is not None:
        raise error
    yield [CompletionChunk()]


async def run(condition: Condition, error: ApiError | None) -> None:
    try:
        async for _ in watched(condition, answer(error)):
            pass
    except ApiError as raised:
        assert raised is error


@pytest.mark.parametrize(
    ("error", "available"),
    [
        (None, True),
        (ApiError(Kind.REFUSED, "the vendor says no", upstream=Upstream("v", 400)), True),
        (ApiError(Kind.UPSTREAM_ERROR, "oops", upstream=Upstream("v", 500)), False),
        # What never reached the deployment, or left it no time, says nothing of it: it is still to be probed.
        (ApiError(Kind.UNSUPPORTED, "refused here"), None),
        (ApiError(Kind.TOTAL_TIMEOUT, "too short", upstream=Upstream("v")), None),
    ],
    ids=["answered", "refused by the vendor", "failed", "refused here", "no time"],
)
async def test_a_probe_tells_what_it_can_tell(error: ApiError | None, *, available: bool | None) -> None:
    now = 1000.0
    condition = Condition(TARGET, lambda: now, Cooldown(failures=1, rest=REST_S))
    condition.failed()
    now += REST_S
    await run(condition, error)
    assert condition.in_flight == 0
    assert condition.healthy is (available is True)
    if available is None:
        assert condition.available, "the next request may probe it"
    else:
        assert condition.available is available
