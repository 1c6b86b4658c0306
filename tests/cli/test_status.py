"""`parley status`, against an instance that answers what a test wants."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from service.config.snapshot import Loaded
from service.control import answering, reply
from service.control.supervisor import STATUS, ConfigurationFacts, ProcessFacts, Status, WorkerLoaded, supervisor_socket
from service.control.worker import PlaceFacts
from service.supervisor.runtime_dir import runtime_dir
from tests.cli.test_commands import run

WELL = Status(
    version="1.2.3",
    pid=1,
    since=0.0,
    runtime_dir="",
    listen="127.0.0.1:8080",
    processes=(
        ProcessFacts("worker-0", "ready", "", 0.0, 12, 0, 50 * 2**20),
        ProcessFacts("envoy", "ready", "", 0.0, 13, 3, None),
    ),
    configuration=ConfigurationFacts(
        "/etc/parley.yaml", Loaded(4, "ab" * 32, 0.0, failures=1), (WorkerLoaded("worker-0", 4, None),)
    ),
    places=(PlaceFacts("v/x/a", "v", 7, 2, 0), PlaceFacts("v/x/b", "v", 0, 0, 1)),
)
CONFIGURATION = WELL.configuration
ILL = {
    "process": (
        replace(WELL, processes=(ProcessFacts("worker-0", "restarting", "in 4 s", 0.0, None, 5),)),
        "worker-0  restarting (in 4 s)",
    ),
    "file": (
        replace(
            WELL,
            configuration=replace(
                CONFIGURATION,
                loaded=replace(CONFIGURATION.loaded, last_error="f:1:1: bad\nf:2:1: worse", failed_at=0.0),
            ),
        ),
        "    f:2:1: worse",
    ),
    "worker": (
        replace(WELL, configuration=replace(CONFIGURATION, workers=(WorkerLoaded("worker-0", 3, "no secret"),))),
        "  worker-0 has generation 3: no secret",
    ),
}


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("service.supervisor.runtime_dir._places", lambda: [tmp_path])


@asynccontextmanager
async def instances(*statuses: Status) -> AsyncGenerator[list[Path]]:
    """Instances of this user, each in a runtime directory of its own."""
    async with AsyncExitStack() as stack:
        folders: list[Path] = []
        for status in statuses:
            folder = stack.enter_context(runtime_dir())
            told = replace(status, runtime_dir=str(folder))

            async def answer(_: None, told: Status = told) -> Status:
                return told

            await stack.enter_async_context(answering(supervisor_socket(folder), dict([reply(STATUS, answer)])))
            folders.append(folder)
        yield folders


async def says(*arguments: str) -> Result:
    return await asyncio.to_thread(run, "status", *arguments)


async def test_it_shows_what_runs_as_a_table_and_as_json() -> None:
    async with instances(WELL) as (folder,):
        table, data = await says(), await says("--json")
    assert (table.exit_code, data.exit_code) == (0, 0)
    for text in (
        "Parley 1.2.3 on 127.0.0.1:8080",
        f"(pid 1, {folder})",
        "12   0         50 MiB",
        "configuration: /etc/parley.yaml",
        "generation 4",
        "v/x/a  7          2        serves",
        "v/x/b  0          0        rests, in 1 worker: it kept failing",
    ):
        assert text in table.output
    assert json.loads(data.output)["configuration"]["loaded"]["generation"] == 4
    assert STATUS.told.validate_json(data.output) == replace(WELL, runtime_dir=str(folder))


@pytest.mark.parametrize("case", ILL)
async def test_what_is_not_as_it_should_be_is_shown_and_has_an_exit_code(case: str) -> None:
    status, text = ILL[case]
    async with instances(status) as (folder,):
        for arguments in ((), ("--runtime-dir", str(folder))):
            result = await says(*arguments)
            assert result.exit_code == 3
            assert text in result.output


async def test_of_several_one_is_chosen_by_its_port() -> None:
    async with instances(WELL, replace(WELL, listen="127.0.0.1:9090")) as folders:
        several = await says()
        assert several.exit_code == 1
        assert "2 run here; choose one with --port" in several.output
        assert f"--runtime-dir {folders[1]}  (127.0.0.1:9090)" in several.output
        assert "on 127.0.0.1:9090" in (await says("--port", "9090")).output
        none = await says("--port", "80")
        assert (none.exit_code, "listens on port 80" in none.output) == (1, True)


async def test_where_none_runs_it_is_said_what_to_do(tmp_path: Path) -> None:
    nothing = await says()
    assert (nothing.exit_code, "start one with `parley up`" in nothing.output) == (1, True)
    gone = await says("--runtime-dir", str(tmp_path))
    assert gone.exit_code == 1
    assert f"{tmp_path}: Parley is not there; is it running, and yours?" in gone.output
