"""The configuration of a running Parley is replaced under its callers' hands."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio

from service.auth import hash_key
from service.control.supervisor import Status
from service.supervisor.watch import LOOK_S
from tests import vendor as v
from tests.end_to_end.calls import RestAnswer, body, post
from tests.end_to_end.test_processes import EVENTS, stream
from tests.reloading import reload, runtime_dir_of, status
from tests.stack import API_KEY, ConfigData, Parley, running
from tests.variant import chosen

NEW_KEY = "parley-test-key-that-comes-later"
LIMIT_S = 30.0
ANSWER = v.either(
    unary=v.raw(200, v.recording("openai-unary.json"), {"content-type": "application/json"}), streamed=v.stream(*EVENTS)
)


@dataclass(frozen=True, slots=True)
class Scene:
    """An instance of two workers, its file, and its vendor."""

    parley: Parley
    vendor: v.Vendor
    folder: Path
    runtime_dir: Path

    def write(self, **changes: object) -> None:
        """Replaces the file as an editor does."""
        draft = self.folder / "draft"
        draft.write_text(chosen().text({**config(self.vendor, self.folder), **changes}))
        draft.rename(self.folder / "parley.yaml")

    async def status(self) -> Status:
        return await status(self.runtime_dir)

    async def reaches(self, generation: int) -> None:
        """Returns when both workers serve by a configuration."""
        async with asyncio.timeout(LIMIT_S):
            while [each.generation for each in (await self.status()).configuration.workers] != [generation] * 2:
                pass

    async def said(self, text: str) -> None:
        """Returns when the log holds a text."""
        async with asyncio.timeout(LIMIT_S):
            while text not in await asyncio.to_thread(self.parley.log.read_text):
                pass


def config(vendor: v.Vendor, folder: Path) -> ConfigData:
    return {
        "workers": 2,
        "keys": [{"name": "tests", "sha256": hash_key(API_KEY)}],
        "vendors": {
            "v": {"dialect": "openai", "base_url": vendor.base_url + "/v1", "api_key": {"file": str(folder / "key")}}
        },
        "models": {"v/old": {}},
        "watchdog": {"interval": "100ms", "limit": "1s"},
    }


@pytest_asyncio.fixture(loop_scope="session")
async def scene(tmp_path: Path) -> AsyncGenerator[Scene]:
    (tmp_path / "key").write_text("sk-first")
    async with v.Vendor.start() as vendor:
        vendor.always(ANSWER)
        async with running(config(vendor, tmp_path), tmp_path) as parley:
            yield Scene(parley, vendor, tmp_path, await runtime_dir_of(parley.port))


async def asks(scene: Scene, model: str, key: str = API_KEY) -> int:
    return (await post(scene.parley, body(model), key=key)).status


async def test_streams_in_flight_keep_the_old_configuration_and_new_requests_get_the_new(scene: Scene) -> None:
    gate, begun = asyncio.Event(), [asyncio.Event() for _ in range(4)]
    scene.vendor.always(v.stream(*EVENTS[:3], gate, *EVENTS[3:]), model="old")
    reading = [asyncio.create_task(stream(scene.parley, "v/old", each)) for each in begun]
    async with asyncio.timeout(LIMIT_S):
        await asyncio.gather(*(each.wait() for each in begun))
    scene.write(models={"v/new": {}}, keys=[{"name": "later", "sha256": hash_key(NEW_KEY)}])
    scene.parley.process.send_signal(signal.SIGHUP)
    await scene.reaches(2)
    # Both workers are asked.
    for _ in range(4):
        assert await asks(scene, "v/new", NEW_KEY) == 200
        assert await asks(scene, "v/old", NEW_KEY) == 404
        assert await asks(scene, "v/new", API_KEY) == 401
    gate.set()
    answers: list[RestAnswer] = await asyncio.wait_for(asyncio.gather(*reading), LIMIT_S)
    assert [answer.events[-1] for answer in answers] == ["[DONE]"] * 4
    assert len({answer.text for answer in answers}) == 1
    assert scene.parley.process.returncode is None


async def test_a_changed_file_and_a_changed_secret_are_noticed(scene: Scene) -> None:
    assert await asks(scene, "v/old") == 200
    assert scene.vendor.requests[-1].headers["authorization"] == "Bearer sk-first"
    scene.write(models={"v/old": {}, "v/new": {}})
    await scene.reaches(2)
    assert await asks(scene, "v/new") == 200
    (scene.folder / "key").write_text("sk-second")
    await scene.reaches(3)
    for _ in range(4):
        assert await asks(scene, "v/new") == 200
        assert scene.vendor.requests[-1].headers["authorization"] == "Bearer sk-second"
    told = scene.parley.log.read_text() + str(await scene.status())
    assert "sk-first" not in told
    assert "sk-second" not in told


async def test_a_bad_file_changes_nothing_and_is_told_of_until_a_good_one_comes(scene: Scene) -> None:
    scene.write(models={"opnai/x": {}})
    await scene.said("not loaded, generation 1 stays: models.opnai/x: the vendor 'opnai' is not known")
    now = await scene.status()
    assert not now.healthy
    assert now.configuration.loaded.last_error
    assert await asks(scene, "v/old") == 200
    scene.write(workers=3)
    await scene.said("cannot change while it runs: workers; restart Parley")
    scene.write()
    await scene.reaches(2)
    now = await scene.status()
    assert (now.configuration.loaded.failures, now.configuration.loaded.last_error) == (2, None)
    assert now.healthy


async def test_a_worker_that_is_started_again_has_the_newest_good_configuration(scene: Scene) -> None:
    scene.write(models={"v/new": {}})
    await scene.reaches(2)
    scene.write(models={"opnai/x": {}})
    await scene.said("not loaded, generation 2 stays")
    before = await processes(scene)
    for name in ("worker-0", "worker-1"):
        os.kill(before[name], signal.SIGKILL)
    await restarted(scene, before, "worker-0", "worker-1")
    await scene.reaches(2)
    assert await asks(scene, "v/new") == 200


async def test_reloads_in_a_row_under_load_lose_nothing(scene: Scene) -> None:
    done = asyncio.Event()

    async def load() -> list[str | int]:
        seen: list[str | int] = []
        while not done.is_set():
            answer = await stream(scene.parley, "v/old", asyncio.Event())
            seen += [answer.status, answer.events[-1], await asks(scene, "v/old")]
        return seen

    loading = [asyncio.create_task(load()) for _ in range(4)]
    for _ in range(20):
        assert (await reload(scene.runtime_dir)).last_error is None
    done.set()
    for seen in await asyncio.wait_for(asyncio.gather(*loading), LIMIT_S):
        assert len(seen) >= 3
        assert set(seen) == {200, "[DONE]"}
    assert (await scene.status()).configuration.loaded.generation == 21


async def test_a_process_that_hangs_is_killed_and_started_again(scene: Scene) -> None:
    before = await processes(scene)
    os.kill(before["worker-0"], signal.SIGSTOP)
    await restarted(scene, before, "worker-0")
    await scene.said("worker-0: exited (did not answer for 1 s and was killed)")
    assert await asks(scene, "v/old") == 200
    after = await processes(scene)
    assert after["worker-1"] == before["worker-1"]
    os.kill(after["envoy"], signal.SIGSTOP)
    await restarted(scene, after, "envoy")
    await scene.said("envoy: exited (did not answer for 1 s and was killed)")
    assert await asks(scene, "v/old") == 200


async def processes(scene: Scene) -> dict[str, int]:
    return {process.name: process.pid or 0 for process in (await scene.status()).processes}


async def restarted(scene: Scene, before: dict[str, int], *names: str) -> None:
    async with asyncio.timeout(LIMIT_S):
        while True:
            now = {process.name: process for process in (await scene.status()).processes}
            if all(now[name].state == "ready" and now[name].pid not in (None, before[name]) for name in names):
                return


def test_files_that_nobody_tells_of_are_looked_at_often_enough() -> None:
    assert LOOK_S <= 10
