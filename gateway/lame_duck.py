"""Takes an Envoy that is about to end out of service without losing a request: for the preStop hook of a container.

`python -m gateway.lame_duck enter` fails Envoy's readiness, so that whoever balances over several sends new requests
elsewhere, and returns when what is under way has ended; `leave` takes that back.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.process import active_requests, ask_admin

_POLL_S = 0.2


async def enter(
    runtime_dir: Path,
    *,
    at_least: float,
    at_most: float,
    clock: Callable[[], float] = time.monotonic,
    delay: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> int:
    """Fails Envoy's readiness, then waits until it has no request under way. Returns how many it still has.

    Requests that come all the same are served, and their connections are asked to end (`connection: close`, GOAWAY).

    :param at_least: seconds until all who send requests have noticed.
    :param at_most: seconds after which what is still under way is waited for no longer.
    :raises OSError: Envoy does not run.
    """
    start = clock()
    await ask_admin(runtime_dir, "POST", "/healthcheck/fail")
    await delay(at_least)
    while (active := await active_requests(runtime_dir)) and clock() - start < at_most:
        await delay(_POLL_S)
    return active


async def leave(runtime_dir: Path) -> None:
    """Takes `enter` back. OSError where Envoy does not run."""
    await ask_admin(runtime_dir, "POST", "/healthcheck/ok")


async def _run(arguments: argparse.Namespace) -> None:
    runtime_dir: Path = arguments.runtime_dir
    try:
        if arguments.command == "leave":
            await leave(runtime_dir)
        elif active := await enter(runtime_dir, at_least=arguments.at_least, at_most=arguments.at_most):
            print(f"lame duck: {active} requests are still under way", file=sys.stderr)
    except (OSError, EOFError) as error:
        # Without an Envoy there is nothing to wait for, and a new one starts in service.
        print(f"lame duck: Envoy does not answer: {error}", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """What the command line understands."""
    understood = argparse.ArgumentParser(
        prog="python -m gateway.lame_duck",
        description=main.__doc__,
        epilog="example: python -m gateway.lame_duck enter --runtime-dir /run/parley --at-least 15 --at-most 600",
    )
    commands = understood.add_subparsers(dest="command", required=True)
    entering = commands.add_parser("enter", help="fail readiness, and wait for what is under way")
    leaving = commands.add_parser("leave", help="be ready again")
    for command in (entering, leaving):
        command.add_argument("--runtime-dir", type=Path, required=True, help="where envoy-admin.sock is")
    entering.add_argument("--at-least", type=float, required=True, help="seconds until balancers have noticed")
    entering.add_argument("--at-most", type=float, required=True, help="seconds to wait for what is under way")
    return understood


def main() -> int:
    """Take Envoy out of service, or put it back; the exit status is 0 also where none runs."""
    asyncio.run(_run(parser().parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
