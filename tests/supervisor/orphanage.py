"""Runs two actors under a supervisor until it is killed: `python -m tests.supervisor.orphanage FOLDER`."""

import asyncio
import sys
from pathlib import Path

from service.supervisor.supervisor import Supervisor
from tests.supervisor.stage import Stage


async def main(folder: Path) -> None:
    stage = Stage(folder)

    async def drain() -> None:
        return

    supervisor = Supervisor(
        [[stage.actor("a", "--stubborn"), stage.actor("b")]],
        stop_order=[["a", "b"]],
        before_stop=drain,
        report=stage.report,
        relay=stage.relay,
    )
    await supervisor.start()
    print(supervisor.pid("a"), supervisor.pid("b"), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
