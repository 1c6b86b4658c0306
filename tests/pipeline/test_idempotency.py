import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Generator

import pytest
from parley.chat.v1.completion_pb2 import Completion, CompletionRequest

from service.auth import Caller
from service.config.model import Idempotency
from service.errors import ApiError, Kind
from service.pipeline import RequestContext
from service.pipeline.idempotency import Repeats

KEEP_S = 60.0


class Vendor:
    """Answers when it is told to, and counts."""

    def __init__(self) -> None:
        self.asked = 0
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.go = asyncio.Event()
        self.error: ApiError | None = None

    async def complete(self, request: CompletionRequest, context: RequestContext) -> Completion:
        self.asked += 1
        self.begun.set()
        number = self.asked
        # As the pipeline does: the request is changed while it is answered.
        request.n = 7
        context.report.dropped.append("seed")
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        if self.error is not None:
            raise self.error
        return Completion(id=f"answer-{number}")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def asking(
    repeats: Repeats, run: Callable[[CompletionRequest, RequestContext], Awaitable[Completion]]
) -> Callable[..., Awaitable[Completion]]:
    def ask(
        text: str = "hi",
        key: str = "k",
        caller: str = "billing",
        context: RequestContext | None = None,
        deadline: float | None = None,
    ) -> Awaitable[Completion]:
        request = CompletionRequest(model=text)
        context = context or RequestContext(
            "id", Caller(caller, ("*",)), "rest", idempotency_key=key, deadline=deadline
        )
        return repeats.complete(run, request, context, contextlib.nullcontext())

    return ask


def context_of() -> RequestContext:
    return RequestContext("id", Caller("billing", ("*",)), "rest", idempotency_key="k")


async def test_a_repeat_gets_the_first_answer_and_its_report() -> None:
    vendor = Vendor()
    vendor.go.set()
    ask = asking(Repeats(), vendor.complete)
    first, second = context_of(), context_of()
    assert (await ask(context=first)).id == (await ask(context=second)).id == "answer-1"
    assert vendor.asked == 1
    assert not first.report.replayed
    assert second.report.headers() == [("x-parley-dropped", "seed"), ("idempotent-replayed", "true")]


async def test_a_repeat_waits_for_the_first_answer() -> None:
    vendor = Vendor()
    ask = asking(Repeats(), vendor.complete)
    both = [asyncio.ensure_future(ask()), asyncio.ensure_future(ask())]
    await vendor.begun.wait()
    vendor.go.set()
    assert {(await each).id for each in both} == {"answer-1"}
    assert vendor.asked == 1


async def test_another_request_with_the_same_key_is_refused() -> None:
    vendor = Vendor()
    vendor.go.set()
    ask = asking(Repeats(), vendor.complete)
    await ask("hi")
    with pytest.raises(ApiError) as caught:
        await ask("ho")
    assert (caught.value.kind, caught.value.param) == (Kind.KEY_REUSED, "idempotency-key")
    assert vendor.asked == 1


@pytest.mark.parametrize("other", [{"key": "another"}, {"caller": "another"}])
async def test_keys_belong_to_their_callers(other: dict[str, str]) -> None:
    vendor = Vendor()
    vendor.go.set()
    ask = asking(Repeats(), vendor.complete)
    await ask()
    assert (await ask(**other)).id == "answer-2"


async def test_only_repeats_are_covered_by_an_account_of_their_own() -> None:
    vendor = Vendor()
    vendor.go.set()
    covered: list[str] = []

    @contextlib.contextmanager
    def account(name: str) -> Generator[None]:
        try:
            yield
        finally:
            covered.append(name)

    repeats = Repeats()
    for name, text in (("first", "hi"), ("repeat", "hi"), ("other", "ho")):
        with contextlib.suppress(ApiError):
            await repeats.complete(vendor.complete, CompletionRequest(model=text), context_of(), account(name))
    assert covered == ["repeat", "other"]


async def test_a_failure_is_shared_by_who_waits_and_then_forgotten() -> None:
    vendor = Vendor()
    vendor.error = ApiError(Kind.OVERLOADED, "later")
    ask = asking(Repeats(), vendor.complete)
    both = [asyncio.ensure_future(ask()), asyncio.ensure_future(ask())]
    await vendor.begun.wait()
    vendor.go.set()
    assert await asyncio.gather(*both, return_exceptions=True) == [vendor.error] * 2
    vendor.error = None
    assert (await ask()).id == "answer-2"


async def test_the_work_ends_with_the_last_who_waits() -> None:
    vendor = Vendor()
    ask = asking(Repeats(), vendor.complete)
    first, second = asyncio.ensure_future(ask()), asyncio.ensure_future(ask())
    await vendor.begun.wait()
    first.cancel()
    await asyncio.wait({first})
    assert not vendor.cancelled.is_set()
    second.cancel()
    await asyncio.wait({second})
    await vendor.cancelled.wait()
    vendor.go.set()
    assert (await ask()).id == "answer-2"


async def test_a_repeat_waits_no_longer_than_its_own_deadline() -> None:
    vendor = Vendor()
    ask = asking(Repeats(), vendor.complete)
    first = asyncio.ensure_future(ask())
    await vendor.begun.wait()
    with pytest.raises(ApiError) as caught:
        await ask(deadline=asyncio.get_running_loop().time())
    assert caught.value.kind is Kind.TOTAL_TIMEOUT
    vendor.go.set()
    assert (await first).id == "answer-1"


async def test_answers_are_forgotten_in_time() -> None:
    vendor, clock = Vendor(), Clock()
    vendor.go.set()
    ask = asking(Repeats(Idempotency(keep=KEEP_S), clock), vendor.complete)
    await ask()
    clock.now = KEEP_S - 1
    assert (await ask()).id == "answer-1"
    clock.now = KEEP_S
    assert (await ask()).id == "answer-2"


async def test_the_oldest_answers_make_room() -> None:
    vendor = Vendor()
    vendor.go.set()
    size = Completion(id="answer-1").ByteSize()
    ask = asking(Repeats(Idempotency(max_bytes=2 * size)), vendor.complete)
    for key in ("a", "b", "c"):
        await ask(key=key)
    assert (await ask(key="c")).id == "answer-3"
    assert (await ask(key="b")).id == "answer-2"
    assert (await ask(key="a")).id == "answer-4"
