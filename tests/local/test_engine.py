"""The real engine with the real weights."""

import asyncio
import functools
import json
import re
import stat
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from service.local import engine, weights
from service.supervisor.probes import http_serves
from service.supervisor.process import Process, ProcessSpec, StartError
from service.supervisor.runtime_dir import runtime_dir
from tests.supervisor.stage import Stage

CHAT = "http://local/v1/chat/completions"
SLOTS = 2
# Every test runs in the loop in which the engine's process is watched.
pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine."""

    socket: Path
    session: aiohttp.ClientSession
    stage: Stage

    async def busy(self) -> int:
        """Number of requests that are being computed."""
        async with self.session.get("http://local/slots") as answer:
            return sum(slot["is_processing"] for slot in await answer.json())

    async def becomes(self, busy: int) -> None:
        async with asyncio.timeout(60):
            while await self.busy() != busy:  # noqa: ASYNC110 (another process has no event to wait for)
                await asyncio.sleep(0.01)


def request(text: str = "Count from 1 to 500.", *, tokens: int = 8, **more: object) -> Json:
    return {"messages": [{"role": "user", "content": text}], "max_tokens": tokens, "temperature": 0, **more}


def endless() -> Json:
    """As the service asks: streamed, with the progress that lets the engine notice who left."""
    return request(tokens=900, ignore_eos=True, stream=True, return_progress=True)


def spec(options: engine.EngineOptions, name: str = "engine") -> ProcessSpec:
    ready = functools.partial(http_serves, options.socket, "/health")
    return ProcessSpec(name=name, argv=engine.command(options), ready=ready, ready_within_s=60)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def weights_file() -> Path:
    return weights.locate(None) or await weights.fetch(weights.default_dir(), print)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local(weights_file: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Engine]:
    stage = Stage(tmp_path_factory.mktemp("engine"))
    with runtime_dir() as folder:
        options = engine.EngineOptions(weights_file, folder / engine.SOCKET, context=2048, slots=SLOTS)
        # What one that was killed leaves.
        options.socket.touch()
        process = Process(spec(options), report=stage.report, relay=stage.relay)
        await process.start()
        # After a stream it closes the connection without having said so.
        connector = aiohttp.UnixConnector(path=str(options.socket), limit=0, force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            yield Engine(options.socket, session, stage)
        await process.stop(asyncio.Event())
    assert stage.changes[-1].detail == "", "SIGTERM was enough"


async def test_a_completion_comes_whole(local: Engine) -> None:
    async with local.session.post(CHAT, json=request("Say hello.")) as answer:
        assert answer.status == 200
        body = await answer.json()
    assert body["model"] == engine.ALIAS
    assert body["choices"][0]["message"]["content"]
    assert 0 < body["usage"]["completion_tokens"] <= 8


async def test_a_stream_says_the_same_in_pieces(local: Engine) -> None:
    async with local.session.post(CHAT, json=request("Say hello.")) as answer:
        whole = (await answer.json())["choices"][0]["message"]["content"]
    async with local.session.post(CHAT, json=request("Say hello.", stream=True)) as answer:
        events = [line[6:].strip() for line in (await answer.read()).splitlines() if line.startswith(b"data: ")]
    assert events[-1] == b"[DONE]"
    deltas = [choice["delta"] for event in events[:-1] for choice in json.loads(event)["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == whole
    assert len(deltas) > 3


async def test_a_schema_is_kept_to(local: Engine) -> None:
    schema: Json = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    async with local.session.post(CHAT, json=request("A number?", tokens=40, response_format=wanted)) as answer:
        content: str = (await answer.json())["choices"][0]["message"]["content"]
    assert isinstance(json.loads(content)["n"], int)


async def test_a_long_prompt_is_read_in_steps(local: Engine) -> None:
    body = request("banana apple " * 400, tokens=1, stream=True, return_progress=True, cache_prompt=False)
    async with local.session.post(CHAT, json=body) as answer:
        steps = (await answer.read()).count(b'"prompt_progress"')
    assert steps > 4, "otherwise all others wait for the whole of it"


@pytest.mark.parametrize("phase", ["generation", "prompt"])
async def test_who_leaves_frees_the_slot(local: Engine, phase: str) -> None:
    long = {"messages": [{"role": "user", "content": "banana apple " * 400}], "cache_prompt": False}
    body = endless() if phase == "generation" else endless() | long
    answer = await local.session.post(CHAT, json=body)
    wanted = rb'"content":"' if phase == "generation" else rb'"prompt_progress"'
    while wanted not in await answer.content.readline():
        pass
    assert await local.busy() == 1
    answer.close()
    await local.becomes(0)
    # It did not just come to its end.
    async with local.session.get("http://local/slots") as slots:
        decoded = [slot["next_token"][0]["n_decoded"] for slot in await slots.json() if "next_token" in slot]
    assert max(decoded) < 900


async def test_more_requests_than_slots_wait_in_a_queue(local: Engine) -> None:
    first = [await local.session.post(CHAT, json=endless()) for _ in range(SLOTS)]
    waiting = asyncio.create_task(local.session.post(CHAT, json=request("Say hello.")))
    await local.becomes(SLOTS)
    assert await http_serves(local.socket, "/health"), "those who wait do not keep it from answering"
    assert not waiting.done()
    first[0].close()
    async with asyncio.timeout(60):
        answer = await waiting
    assert answer.status == 200
    assert await local.busy() >= 1, "the other went on"
    first[1].close()
    await local.becomes(0)


async def test_a_prompt_beyond_the_context_is_refused(local: Engine) -> None:
    async with local.session.post(CHAT, json=request("banana " * 3000)) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["type"] == "exceed_context_size_error"


async def test_what_callers_send_is_not_printed(local: Engine) -> None:
    async with local.session.post(CHAT, json=request("Hi.", grammar="root ::= planted-4711 (")) as answer:
        assert answer.status == 400
    assert local.stage.lines == []


async def test_only_its_owner_can_connect(local: Engine) -> None:
    assert stat.S_IMODE(local.socket.stat().st_mode) == 0o700


async def test_it_says_that_it_loads_until_it_serves(weights_file: Path, tmp_path: Path) -> None:
    seen: list[bool] = []
    stage = Stage(tmp_path)
    with runtime_dir() as folder:
        options = engine.EngineOptions(weights_file, folder / engine.SOCKET, context=512, slots=1)

        async def answers() -> bool:
            while not options.socket.exists():  # noqa: ASYNC110 (as above)
                await asyncio.sleep(0.005)
            seen.append(await http_serves(options.socket, "/health"))
            return seen[-1]

        process = Process(replace(spec(options), ready=answers), report=stage.report, relay=stage.relay)
        await process.start()
        await process.stop(asyncio.Event())
    assert (seen[0], seen[-1]) == (False, True)


async def test_weights_that_cannot_be_loaded_are_explained(weights_file: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    with weights_file.open("rb") as whole:
        cut.write_bytes(whole.read(3_000_000))
    stage = Stage(tmp_path)
    with runtime_dir() as folder:
        options = engine.EngineOptions(cut, folder / engine.SOCKET)
        process = Process(spec(options), report=stage.report, relay=stage.relay)
        with pytest.raises(StartError) as caught:
            await process.start()
    assert re.search(r"exited with code 1.*corrupted or incomplete", str(caught.value), re.DOTALL)
