"""What SIGHUP means, a reload or that the terminal has gone; and that inherited dispositions change nothing."""

import asyncio
import contextlib
import os
import pty
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from tests.reloading import status
from tests.supervisor.stage import LIMIT_S, gone

CONFIG = "drain: 1s\nmodels: {groq/x: {}}\nvendors: {groq: {api_key: {env: PATH}}}\n"


def command(folder: Path) -> list[str]:
    (folder / "parley.yaml").write_text(CONFIG)
    where = ("--config", str(folder / "parley.yaml"), "--runtime-dir", str(folder / "run"), "--linger", "0")
    return [sys.executable, "-m", "service.cli.main", "serve", *where]


@pytest.mark.parametrize("before", [(), ("nohup",)], ids=["plain", "nohup"])
async def test_without_a_terminal_it_is_a_reload(tmp_path: Path, before: tuple[str, ...]) -> None:
    process = await asyncio.create_subprocess_exec(
        *before, *command(tmp_path), stdout=PIPE, stderr=STDOUT, start_new_session=True
    )
    assert process.stdout is not None

    async def printed(text: str) -> None:
        while text not in (line := await reader.readline()).decode():
            assert line

    reader = process.stdout
    try:
        async with asyncio.timeout(LIMIT_S):
            await printed("Parley serves gRPC")
            process.send_signal(signal.SIGHUP)
            await printed("configuration: generation 2 is loaded")
            assert (await status(tmp_path / "run")).configuration.loaded.generation == 2
    finally:
        process.terminate()
        assert await process.wait() == 0


async def test_when_its_terminal_goes_it_stops(tmp_path: Path) -> None:
    argv = command(tmp_path)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(argv[0], argv)
    said = b""
    while b"Parley serves gRPC" not in said:
        said += os.read(terminal, 4096)
    os.close(terminal)
    try:
        await gone(pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])  # noqa: ASYNC222 (it has ended)
    assert code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
async def test_it_stops_though_whoever_started_it_ignored_the_signal(tmp_path: Path, number: signal.Signals) -> None:
    """As a shell does for what it starts in the background, and nohup's callers for their children."""
    ignoring = (
        f"import os, signal, sys; signal.signal({int(number)}, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ignoring, *command(tmp_path), stdout=PIPE, stderr=STDOUT
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(LIMIT_S):
            while b"Parley serves gRPC" not in (line := await process.stdout.readline()):
                assert line
            process.send_signal(number)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
