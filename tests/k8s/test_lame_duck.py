"""The preStop hook, against an admin socket that is scripted."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway import lame_duck


class Admin:
    """Envoy's admin socket: remembers what it was asked, and counts requests under way as it is told."""

    def __init__(self, active: list[int]) -> None:
        self.active = active
        self.asked: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(" ".join(head.split()[:2]))
        body = "OK"
        if "/stats" in head:
            body = f"http.edge.downstream_rq_active: {self.active.pop(0) if len(self.active) > 1 else self.active[0]}\n"
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()


@pytest.fixture
def folder() -> Generator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="parley-"))
    yield directory
    shutil.rmtree(directory)


@asynccontextmanager
async def scripted(folder: Path, *active: int) -> AsyncGenerator[Admin]:
    admin = Admin(list(active))
    async with await asyncio.start_unix_server(admin.answer, folder / "envoy-admin.sock"):
        yield admin


class Time:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


async def test_readiness_fails_first_and_the_wait_ends_with_the_last_request(folder: Path) -> None:
    time = Time()
    async with scripted(folder, 3, 1, 0) as admin:
        assert await lame_duck.enter(folder, at_least=15, at_most=600, clock=time, delay=time.wait) == 0
    assert admin.asked[0] == "POST /healthcheck/fail"
    assert len(admin.asked) == 4
    assert time.waits[0] == 15
    assert len(time.waits) == 3


async def test_an_envoy_without_requests_is_kept_until_balancers_have_noticed(folder: Path) -> None:
    time = Time()
    async with scripted(folder, 0):
        assert await lame_duck.enter(folder, at_least=15, at_most=600, clock=time, delay=time.wait) == 0
    assert time.waits == [15]


async def test_what_does_not_end_is_not_waited_for_for_ever(folder: Path) -> None:
    time = Time()
    async with scripted(folder, 2):
        assert await lame_duck.enter(folder, at_least=15, at_most=60, clock=time, delay=time.wait) == 2
    assert 160 <= time.now < 161


async def test_it_is_taken_back(folder: Path) -> None:
    async with scripted(folder, 0) as admin:
        await lame_duck.leave(folder)
    assert admin.asked == ["POST /healthcheck/ok"]


@pytest.mark.parametrize("words", [["leave"], ["enter", "--at-least", "0", "--at-most", "0"]])
def test_where_no_envoy_runs_the_hook_does_not_fail(
    folder: Path, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["lame_duck", words[0], "--runtime-dir", str(folder), *words[1:]])
    assert lame_duck.main() == 0
    assert "Envoy does not answer" in capsys.readouterr().err
