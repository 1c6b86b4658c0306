"""`parley status`: what runs, and how it is."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from service.cli import options
from service.cli.status_table import lines
from service.control import ControlError, ask
from service.control.supervisor import STATUS, Status, supervisor_socket
from service.supervisor.runtime_dir import in_use

_ANSWER_S = 10.0
_EXIT_NONE = 1
_EXIT_DEGRADED = 3


@click.command("status")
@options.runtime_dir(required=False)
@click.option("-p", "--port", type=click.IntRange(1, 65535), help="The instance that listens on this port.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def command(runtime_dir: Path | None, port: int | None, as_json: bool) -> None:
    """Show what runs: the processes, the configuration that holds, and the models' deployments.

    Exit code 0: all is well. 1: there is no instance, or it does not answer. 3: something of it is not as it should
    be, such as a process that is being started again, or a file that could not be loaded.

    \b
    Example:
      parley status
      parley status --runtime-dir /run/parley --json
    """  # noqa: D301
    folders = [runtime_dir] if runtime_dir else in_use()
    if not folders:
        _exit("no Parley of yours runs here; start one with `parley up`, or name its directory with --runtime-dir")
    answers = asyncio.run(_ask_all(folders))
    found = [answer for answer in answers if isinstance(answer, Status)]
    if port is not None:
        found = [status for status in found if status.listen and status.listen.endswith(f":{port}")]
        if not found:
            _exit(f"no Parley of yours listens on port {port}; `parley status` shows those that run")
    if not found:
        _exit("\n".join(map(str, answers)))
    if len(found) > 1:
        choices = "\n".join(f"  --runtime-dir {each.runtime_dir}  ({each.listen or 'no port'})" for each in found)
        _exit(f"{len(found)} run here; choose one with --port, or with\n{choices}")
    (status,) = found
    click.echo(STATUS.told.dump_json(status, indent=2) if as_json else "\n".join(lines(status)))
    sys.exit(0 if status.healthy else _EXIT_DEGRADED)


async def _ask_all(folders: Sequence[Path]) -> list[Status | str]:
    return list(await asyncio.gather(*map(_ask, folders)))


async def _ask(folder: Path) -> Status | str:
    try:
        return await ask(supervisor_socket(folder), STATUS, None, within_s=_ANSWER_S)
    except ControlError as error:
        return f"{folder}: Parley {error}; is it running, and yours? (its socket is {supervisor_socket(folder)})"


def _exit(problem: str) -> None:
    click.echo(problem, err=True)
    sys.exit(_EXIT_NONE)
