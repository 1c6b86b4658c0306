"""Connects to the first of a host's addresses that answers (RFC 8305), which uvloop has no option for."""

import asyncio
import socket
from collections.abc import Sequence

from service.upstream.resolver import Place

_KEEP_ALIVE = tuple(
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5))
    if hasattr(socket, name)
)
"""Translators of addresses forget a connection that is silent for 2 to 6 minutes, and a whole answer may take 10."""


async def connect(places: Sequence[Place], stagger: float) -> socket.socket:
    """A connected socket. OSError, that of the first place, where none answers.

    :param stagger: seconds for which a place is tried alone before the next is tried beside it.
    """
    if len(places) == 1:
        return await _connect(places[0])
    waiting = list(reversed(places))
    tries: list[asyncio.Task[socket.socket]] = []
    under_way: set[asyncio.Task[socket.socket]] = set()
    won: asyncio.Task[socket.socket] | None = None
    try:
        while won is None:
            if waiting:
                tries.append(asyncio.ensure_future(_connect(waiting.pop())))
                under_way.add(tries[-1])
            done, under_way = await asyncio.wait(
                under_way, timeout=stagger if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            won = next((task for task in done if task.exception() is None), None)
            if won is None and not waiting and not under_way:
                break
    finally:
        for task in tries:
            if task is not won:
                task.cancel()
                task.add_done_callback(_close)
    return (won or tries[0]).result()


def _close(task: asyncio.Task[socket.socket]) -> None:
    """Closes what a try that is not wanted any more came to."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def _connect(place: Place) -> socket.socket:
    connection = socket.socket(place.family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        if place.family != socket.AF_UNIX:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option in _KEEP_ALIVE:
                connection.setsockopt(*option)
        await asyncio.get_running_loop().sock_connect(connection, place.address)
    except BaseException:
        connection.close()
        raise
    return connection
