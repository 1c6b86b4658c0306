"""The engine's own /v1/messages: a real server that speaks Anthropic's format, asked and read by our dialect."""

import asyncio
import functools
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
import pytest_asyncio
from parley.chat.v1.completion_pb2 import Completion, CompletionRequest
from parley.chat.v1.message_pb2 import ContentPart, Message

from service.backends.anthropic import AnthropicDialect
from service.backends.dialect import Target
from service.backends.run import expanded
from service.config import Timeouts
from service.errors import ApiError, Kind
from service.local import engine, weights
from service.pipeline.fold import Fold
from service.pipeline.normalize import Normalizer
from service.supervisor.probes import http_serves
from service.supervisor.process import Process, ProcessSpec
from service.supervisor.runtime_dir import runtime_dir
from service.upstream import Driver
from service.upstream.aiohttp_transport import AiohttpTransport
from tests.supervisor.stage import Stage

# Every test runs in the loop in which the engine's process is watched.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def driver() -> AsyncGenerator[Driver]:
    transport = AiohttpTransport()
    yield Driver(transport)
    await transport.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def claude(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Target]:
    file = weights.locate(None) or await weights.fetch(weights.default_dir(), print)
    stage = Stage(tmp_path_factory.mktemp("engine"))
    with runtime_dir() as folder:
        options = engine.EngineOptions(file, folder / engine.SOCKET, context=2048, slots=2)
        ready = functools.partial(http_serves, options.socket, "/health")
        spec = ProcessSpec(name="engine", argv=engine.command(options), ready=ready, ready_within_s=60)
        process = Process(spec, report=stage.report, relay=stage.relay)
        await process.start()
        yield Target(
            vendor="engine",
            deployment="",
            model=engine.ALIAS,
            dialect=AnthropicDialect(),
            base_url="http://engine/v1",
            timeouts=Timeouts(),
            auth="none",
            headers={"connection": "close"},
            socket=str(options.socket),
        )
        await process.stop(asyncio.Event())


def request(text: str = "Say hello.", **fields: object) -> CompletionRequest:
    said = [
        Message(role="system", content=[ContentPart(text="You are brief.")]),
        Message(role="user", content=[ContentPart(text=text)]),
    ]
    return CompletionRequest(model="v/m", messages=said, temperature=0, **{"max_tokens": 8, **fields})  # type: ignore[arg-type]


async def answer(driver: Driver, asked: CompletionRequest, target: Target, *, stream: bool) -> tuple[Completion, int]:
    """The whole answer, and in how many pieces its text came."""
    normalizer, fold, pieces = Normalizer("v/m"), Fold(), 0
    deadline = asyncio.get_running_loop().time() + 60
    run = driver.run(asked, target, stream=stream, request_id="r", deadline=deadline)
    async with aclosing(run) as batches:
        async for batch in batches:
            for chunk in expanded(normalizer.batch(batch)):
                pieces += any(choice.delta.content for choice in chunk.choices)
                fold.add(chunk)
    if last := normalizer.last():
        fold.add(last)
    return fold.result(), pieces


async def test_it_says_the_same_whole_and_in_pieces(driver: Driver, claude: Target) -> None:
    whole, one = await answer(driver, request(), claude, stream=False)
    streamed, several = await answer(driver, request(), claude, stream=True)
    assert one == 1
    assert several > 3
    for completion in (whole, streamed):
        (choice,) = completion.choices
        assert choice.message.role == "assistant"
        assert (choice.finish_reason, choice.native_finish_reason) == ("length", "max_tokens")
        assert completion.usage.completion_tokens == 8
        assert completion.usage.prompt_tokens > 8
    (text,) = whole.choices[0].message.content
    assert text.text
    assert streamed.choices[0].message.content == whole.choices[0].message.content
    assert streamed.usage.total_tokens == whole.usage.total_tokens


async def test_a_stop_sequence_ends_it(driver: Driver, claude: Target) -> None:
    (text,) = (await answer(driver, request(), claude, stream=False))[0].choices[0].message.content
    word = text.text.split()[1]
    for stream in (False, True):
        completion, _ = await answer(driver, request(stop=[word]), claude, stream=stream)
        (choice,) = completion.choices
        assert choice.finish_reason == "stop"
        assert choice.message.content[0].text == text.text[: text.text.index(word)]


async def test_it_takes_a_conversation_with_tools(driver: Driver, claude: Target) -> None:
    asked = request("Weather in Paris and Rome?")
    asked.tools.add(type="function").function.name = "get_weather"
    assistant = asked.messages.add(role="assistant")
    for id_, city in (("call_1", "Paris"), ("call_2", "Rome")):
        call = assistant.tool_calls.add(id=id_, type="function")
        call.function.name = "get_weather"
        call.function.arguments = f'{{"city":"{city}"}}'
        asked.messages.add(role="tool", tool_call_id=id_).content.add(text="18C")
    for stream in (False, True):
        completion, _ = await answer(driver, asked, claude, stream=stream)
        assert completion.choices[0].message.content[0].text


async def test_what_is_too_long_is_said_to_be(driver: Driver, claude: Target) -> None:
    with pytest.raises(ApiError) as caught:
        await answer(driver, request("banana " * 3000), claude, stream=True)
    assert caught.value.kind is Kind.CONTEXT_LENGTH
