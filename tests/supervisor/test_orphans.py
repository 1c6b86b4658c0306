import asyncio
import signal
import sys
from pathlib import Path

import pytest

from service.supervisor.tether import tethered
from tests.supervisor.stage import LIMIT_S, gone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")


async def test_a_supervisor_that_is_killed_leaves_no_orphans(tmp_path: Path) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.supervisor.orphanage", str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    async with asyncio.timeout(LIMIT_S):
        children = [int(pid) for pid in (await supervisor.stdout.readline()).split()]
    assert len(children) == 2
    supervisor.send_signal(signal.SIGKILL)
    await supervisor.wait()
    for pid in children:
        await gone(pid)


async def test_what_is_started_by_a_parent_that_died_meanwhile_does_not_run(tmp_path: Path) -> None:
    argv = list(tethered(("touch", str(tmp_path / "ran"))))
    # Someone else's id in the parent's place.
    argv[4] = "1"
    process = await asyncio.create_subprocess_exec(*argv, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said == b"the parent is gone already\n"
    assert not (tmp_path / "ran").exists()
