"""Has a running Parley load its configuration anew, and waits until all its workers have taken it, or not."""

import contextlib
from pathlib import Path

from service.config.snapshot import Loaded
from service.control import ControlError, ask
from service.control.supervisor import RELOAD, STATUS, Status, supervisor_socket
from service.supervisor.runtime_dir import in_use

_WITHIN_S = 60.0


async def runtime_dir_of(port: int) -> Path:
    """The runtime directory of the instance that listens on a port."""
    for folder in in_use():
        # Another may just be starting or stopping.
        with contextlib.suppress(ControlError):
            if (await status(folder)).listen == f"127.0.0.1:{port}":
                return folder
    raise LookupError(f"no instance listens on {port}")


async def status(runtime_dir: Path) -> Status:
    """How an instance is."""
    return await ask(supervisor_socket(runtime_dir), STATUS, None, within_s=_WITHIN_S)


async def reload(runtime_dir: Path) -> Loaded:
    """Reloads, whether the file has changed or not. `last_error` says whether it failed."""
    return await ask(supervisor_socket(runtime_dir), RELOAD, None, within_s=_WITHIN_S)
