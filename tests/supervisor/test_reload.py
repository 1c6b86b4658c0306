import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from service.config.snapshot import NAME, Loaded, Snapshot
from service.control import ControlError, answering, reply
from service.control.worker import FACTS, TAKE, WorkerFacts, control_socket
from service.supervisor.reload import Reload
from service.supervisor.source import Source
from service.tls import named_by_environment

GOOD = "models: {openai/x: {}}\nvendors: {openai: {api_key: {file: %s/key}}}\n"


@dataclass(slots=True)
class Worker:
    """A worker's end of the control socket, which takes what it finds unless it is told not to."""

    folder: Path
    index: int
    loaded: Loaded = field(default_factory=lambda: Loaded(1, "", 0.0))
    stubborn: bool = False
    took: list[str] = field(default_factory=list[str])

    async def take(self, generation: int) -> Loaded:
        if self.stubborn:
            raise ControlError("no")
        snapshot = Snapshot.read(self.folder / NAME)
        assert snapshot.generation == generation
        self.took.append(snapshot.text)
        self.loaded = snapshot.loaded()
        return self.loaded

    async def facts(self, _: None) -> WorkerFacts:
        return WorkerFacts(self.loaded, ())

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        handlers = dict((reply(TAKE, self.take), reply(FACTS, self.facts)))
        async with answering(control_socket(self.folder, self.index), handlers):
            yield


@dataclass(slots=True)
class Scene:
    """One file, its key, and a reload without the processes around it."""

    folder: Path
    said: list[str] = field(default_factory=list[str])
    subject: Reload = field(init=False)

    def __post_init__(self) -> None:
        self.key.write_text("sk-first")
        self.write(GOOD % self.folder)
        source = Source(self.file, workers=2)
        self.subject = Reload(source, source.read(1), self.folder, self.said.append)

    @property
    def file(self) -> Path:
        return self.folder / "parley.yaml"

    @property
    def key(self) -> Path:
        return self.folder / "key"

    def write(self, text: str) -> None:
        self.file.write_text(text)

    def generation(self) -> int:
        return int(json.loads((self.folder / NAME).read_text())["generation"])


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def test_a_good_file_is_written_once_and_taken_by_all(scene: Scene) -> None:
    workers = [Worker(scene.folder, index) for index in range(2)]
    assert scene.generation() == 1
    async with workers[0].listening(), workers[1].listening():
        text = GOOD % scene.folder + "keep_alive: 1s\n"
        scene.write(text)
        loaded = await scene.subject.reload()
    assert (loaded.generation, loaded.last_error, scene.generation()) == (2, None, 2)
    assert [worker.took for worker in workers] == [[text], [text]]
    assert scene.subject.config.keep_alive == 1
    assert [each.generation for each in scene.subject.workers.values()] == [2, 2]


BAD = {
    "not YAML": ("models: {", "not YAML"),
    "unknown key": ("wrkers: 1", "did you mean workers?"),
    "unknown vendor": ("models: {opnai/x: {}}", "is not known"),
    "no secret": (GOOD % "/nowhere", "cannot be read"),
    "restart": (GOOD % "." + "listen: 127.0.0.1:1\n", "cannot change while it runs: listen"),
    "embedded": ("keep_alive: 2s", "this starts the use of the embedded model"),
    "emptied": ("  \n", "embedded model|the file is empty"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_file_changes_nothing_and_says_so(scene: Scene, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scene.folder)
    text, problem = BAD[case]
    worker, before = Worker(scene.folder, 0), scene.subject.config
    async with worker.listening():
        scene.write(text)
        for failures in (1, 2):
            loaded = await scene.subject.reload()
            assert (loaded.generation, loaded.failures, scene.generation()) == (1, failures, 1)
    assert loaded.last_error
    assert pytest.raises(AssertionError, match=problem).matches(AssertionError(loaded.last_error))
    assert loaded.failed_at
    assert "not loaded, generation 1 stays" in scene.said[-1]
    assert scene.subject.config == before
    assert worker.took == []
    scene.write(GOOD % scene.folder)
    async with worker.listening():
        loaded = await scene.subject.reload()
    assert (loaded.generation, loaded.last_error, loaded.failures) == (2, None, 2)


async def test_what_the_command_line_said_stays(tmp_path: Path) -> None:
    file = tmp_path / "parley.yaml"
    file.write_text("models: {groq/x: {}}\nvendors: {groq: {api_key: {env: PATH}}}\n")
    source = Source(file, port=9999, workers=1)
    subject = Reload(source, source.read(1), tmp_path, lambda _line: None)
    file.write_text(file.read_text() + "listen: 127.0.0.1:1234\nworkers: 8\nkeep_alive: 1s\n")
    loaded = await subject.reload()
    assert loaded.last_error is None
    assert (subject.config.listen.port, subject.config.workers, subject.config.keep_alive) == (9999, 1, 1)


async def test_only_what_changed_is_loaded_by_itself_and_a_secret_is_such_a_change(scene: Scene) -> None:
    await scene.subject.reload_if_changed()
    assert scene.subject.loaded.generation == 1
    scene.key.write_text("sk-second")
    await scene.subject.reload_if_changed()
    await scene.subject.reload_if_changed()
    assert scene.subject.loaded.generation == 2
    assert set(scene.subject.files) - {*named_by_environment()} == {scene.file, scene.key}
    assert not any("sk-" in line for line in scene.said)


async def test_a_changed_bundle_of_authorities_is_such_a_change(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bundle.pem").write_text("one")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.pem").write_text("two")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "bundle.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "more"))
    await scene.subject.reload()
    assert {tmp_path / "bundle.pem", tmp_path / "more" / "a.pem"} < {*scene.subject.files}
    before = scene.subject.loaded.generation
    await scene.subject.reload_if_changed()
    assert scene.subject.loaded.generation == before
    (tmp_path / "bundle.pem").write_text("three")
    await scene.subject.reload_if_changed()
    assert scene.subject.loaded.generation == before + 1


async def test_a_secret_that_was_missing_is_waited_for(scene: Scene) -> None:
    late = scene.folder / "late"
    late.mkdir()
    scene.write(GOOD % late)
    await scene.subject.reload_if_changed()
    assert scene.subject.loaded.last_error
    assert late / "key" in scene.subject.files
    (late / "key").write_text("sk-late")
    await scene.subject.reload_if_changed()
    assert (scene.subject.loaded.generation, scene.subject.loaded.last_error) == (2, None)


async def test_a_worker_that_does_not_take_it_is_told_of(scene: Scene) -> None:
    good, bad = Worker(scene.folder, 0), Worker(scene.folder, 1, stubborn=True)
    async with good.listening(), bad.listening():
        for index in range(2):
            await scene.subject.welcome(index)
        loaded = await scene.subject.reload()
    assert loaded.generation == 2
    assert (scene.subject.workers[0].generation, scene.subject.workers[0].problem) == (2, None)
    assert (scene.subject.workers[1].generation, scene.subject.workers[1].problem) == (1, "no")
    assert "worker-1: configuration: generation 2 not taken: no" in scene.said


async def test_a_worker_that_read_the_one_before_is_given_the_newest_when_it_is_ready(scene: Scene) -> None:
    await scene.subject.reload()
    late = Worker(scene.folder, 0)
    async with late.listening():
        await scene.subject.welcome(0)
    assert late.loaded.generation == 2
    fresh = Worker(scene.folder, 0, replace(late.loaded))
    async with fresh.listening():
        await scene.subject.welcome(0)
    assert fresh.took == []


async def test_reloads_that_come_together_happen_one_after_the_other(scene: Scene) -> None:
    worker = Worker(scene.folder, 0)
    async with worker.listening():
        loads = await asyncio.gather(*(scene.subject.reload() for _ in range(10)))
    assert [loaded.generation for loaded in loads] == list(range(2, 12))
    assert worker.loaded.generation == 11
