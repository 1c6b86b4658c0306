"""Every scenario once more, on its way from a vendor over each transport: what comes of it is what its bytes mean."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
import pytest_asyncio
from parley.chat.v1.completion_pb2 import Completion, CompletionChunk

from service.backends.run import expanded
from service.backends.vendors import DIALECTS, OVER_GRPC
from service.config.model import TransportName
from service.errors import ApiError, Kind
from service.upstream import Driver, http_transport
from tests import vendor as v
from tests.conformance.scenario import ANSWERS, REFUSALS, Answer, Dialogue, Refusal, Skip
from tests.conformance.test_conformance import DIALOGUES, REQUEST, comparable, decoded, folded

PATIENCE_S = 20.0
NAMES: tuple[TransportName, ...] = ("built-in", "aiohttp")
_GRPC = [DIALECTS[name] for name in OVER_GRPC]
OVER_HTTP = {name: each for name, each in DIALOGUES.items() if each.target.dialect not in _GRPC}

Outcome = tuple[Completion, Kind | None, str]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def vendor() -> AsyncGenerator[v.Vendor]:
    async with v.Vendor.start() as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=NAMES)
async def driver(request: pytest.FixtureRequest) -> AsyncGenerator[Driver]:
    name: TransportName = request.param
    transport = http_transport(name)
    yield Driver(transport)
    await transport.close()


async def carried(driver: Driver, vendor: v.Vendor, dialogue: Dialogue, *, stream: bool, analogy: bool) -> Outcome:
    """What comes of the vendor's next answer."""
    target = dataclasses.replace(
        dialogue.target, base_url=vendor.base_url, socket=None, auth="none", credential=None, analogy=analogy
    )
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    chunks: list[CompletionChunk] = []
    try:
        run = driver.run(REQUEST, target, stream=stream, request_id="r", deadline=deadline)
        async with aclosing(run) as batches:
            async for batch in batches:
                chunks += expanded(batch)
    except ApiError as error:
        return comparable(folded(chunks)), error.kind, error.message
    return comparable(folded(chunks)), None, ""


def meant(dialogue: Dialogue, answer: Answer) -> Outcome:
    """What comes of an answer's bytes without any transport."""
    try:
        return comparable(folded(decoded(dialogue, answer, [answer.body], learns=False))), None, ""
    except ApiError as error:
        chunks: list[CompletionChunk] = getattr(error, "chunks")  # noqa: B009
        return comparable(folded(chunks)), error.kind, error.message


@pytest.mark.parametrize("analogy", [True, False], ids=["analogy", "decoded"])
@pytest.mark.parametrize("dialogue", OVER_HTTP.values(), ids=OVER_HTTP)
async def test_an_answer_is_the_same_over_each_transport(
    driver: Driver, vendor: v.Vendor, dialogue: Dialogue, analogy: bool
) -> None:
    for name in ANSWERS:
        answer: Answer | Skip = getattr(dialogue, name)
        if isinstance(answer, Skip):
            continue
        for whole in (v.raw(200, answer.body, {"content-type": answer.content_type}), _in_pieces(answer)):
            vendor.always(whole)
            outcome = await carried(driver, vendor, dialogue, stream=answer.stream, analogy=analogy)
            assert outcome == meant(dialogue, answer), name


@pytest.mark.parametrize("dialogue", OVER_HTTP.values(), ids=OVER_HTTP)
async def test_a_refusal_is_the_same_over_each_transport(driver: Driver, vendor: v.Vendor, dialogue: Dialogue) -> None:
    for name in REFUSALS:
        refusal: Refusal | Skip = getattr(dialogue, name)
        if isinstance(refusal, Skip):
            continue
        expected = dialogue.target.dialect.error(dialogue.target, refusal.status, refusal.headers or {}, refusal.body)
        vendor.always(v.raw(refusal.status, refusal.body, {**(refusal.headers or {})}))
        _, kind, message = await carried(driver, vendor, dialogue, stream=True, analogy=True)
        assert (kind, message) == (expected.kind, expected.message), name


def _in_pieces(answer: Answer) -> v.Script:
    pieces = [answer.body[at : at + 61] for at in range(0, len(answer.body), 61)]
    return v.stream(*pieces, headers={"content-type": answer.content_type})
