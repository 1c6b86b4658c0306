"""Makes a Python process tell, on SIGUSR2, how many tasks it has: the only look inside that the soak takes.

Python imports a module of this name by itself where it finds one; only the soak puts this folder on the path.
"""

import asyncio
import contextlib
import os
import signal
from pathlib import Path


def _tell(number: int, frame: object) -> None:
    folder = os.environ["FAULT_TASKS"]
    with contextlib.suppress(RuntimeError):
        count = len(asyncio.all_tasks())
        half = Path(folder) / f"{os.getpid()}.new"
        half.write_text(str(count))
        half.rename(Path(folder) / f"{os.getpid()}.tasks")


if "FAULT_TASKS" in os.environ:
    signal.signal(signal.SIGUSR2, _tell)
