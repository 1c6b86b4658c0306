import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service.supervisor import watch as module
from service.supervisor.watch import folders_of, watch
from tests.supervisor.stage import LIMIT_S

NEW = "new: true"


@pytest.fixture(autouse=True)
def no_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is noticed here is noticed because the system told it."""
    monkeypatch.setattr(module, "LOOK_S", 3600.0)


@asynccontextmanager
async def watching(*files: Path) -> AsyncGenerator[Callable[[], Awaitable[None]]]:
    """Within it the returned function waits until all files hold what is new, as seen when a change was told."""
    told, seen = asyncio.Event(), asyncio.Event()

    async def changed() -> None:
        told.set()
        if all(file.exists() and file.read_text() == NEW for file in files):
            seen.set()

    async def wait() -> None:
        async with asyncio.timeout(LIMIT_S):
            await seen.wait()

    task = asyncio.create_task(watch(lambda: files, changed))
    try:
        # It does not say when it has begun to watch, but tells of this once it has.
        async with asyncio.timeout(LIMIT_S):
            await _nudge(files[0].parent / "probe", told)
        yield wait
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _nudge(probe: Path, told: asyncio.Event) -> None:
    count = 0
    while not told.is_set():
        count += 1
        probe.write_text(str(count))  # noqa: ASYNC240 (one system call)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), 0.05)


async def test_a_file_that_is_written_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "parley.yaml"
    file.write_text("old")
    async with watching(file) as noticed:
        file.write_text(NEW)
        await noticed()


async def test_a_file_that_is_renamed_over_is_noticed_again_and_again(tmp_path: Path) -> None:
    file = tmp_path / "parley.yaml"
    file.write_text("old")
    async with watching(file) as noticed:
        for text in ("other", NEW):
            (tmp_path / "draft").write_text(text)
            (tmp_path / "draft").rename(file)
        await noticed()


async def test_a_swapped_link_is_noticed_as_kubernetes_swaps_it(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    for name, text in (("..1", "old"), ("..2", NEW)):
        (mount / name).mkdir(parents=True)
        (mount / name / "parley.yaml").write_text(text)
    (mount / "..data").symlink_to("..1")
    (mount / "parley.yaml").symlink_to("..data/parley.yaml")
    async with watching(mount / "parley.yaml") as noticed:
        (mount / "..data_tmp").symlink_to("..2")
        (mount / "..data_tmp").rename(mount / "..data")
        await noticed()


async def test_a_file_behind_a_link_and_one_elsewhere_are_noticed(tmp_path: Path) -> None:
    real, secrets, here = tmp_path / "real", tmp_path / "secrets", tmp_path / "here"
    for folder in (real, secrets, here):
        folder.mkdir()
    (real / "parley.yaml").write_text("old")
    (secrets / "key").write_text("old")
    (here / "parley.yaml").symlink_to(real / "parley.yaml")
    assert folders_of([here / "parley.yaml", secrets / "key"]) == {real, secrets, here}
    async with watching(here / "parley.yaml", secrets / "key") as noticed:
        (real / "parley.yaml").write_text(NEW)
        (secrets / "key").write_text(NEW)
        await noticed()


async def test_where_the_system_tells_nothing_the_files_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.05)
    looked = asyncio.Event()

    async def changed() -> None:
        looked.set()

    for place in (tmp_path / "file", tmp_path / "gone" / "file"):
        looked.clear()
        task = asyncio.create_task(watch(lambda place=place: [place], changed))
        async with asyncio.timeout(LIMIT_S):
            await looked.wait()
        task.cancel()
        await asyncio.wait({task})
