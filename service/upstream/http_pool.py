"""Keeps one origin's connections between requests."""

import asyncio
import re

from service.errors import Kind
from service.tls import Tls
from service.upstream.http_connection import HttpConnection
from service.upstream.http_dialer import STOPPING, Dialer, DialError
from service.upstream.http_limits import HttpLimits
from service.upstream.http_origin import Origin

_HINT = re.compile(r"(?:^|[,;\s])timeout=(\d{1,6})", re.IGNORECASE)
_MARGIN = 1.0
"""Seconds by which a vendor's announced limit is undercut: the request is still on its way when it is over."""


def kept(hint: str, most: float) -> float:
    """For how many seconds an unused connection may be kept; not above 0: not at all.

    :param hint: the answer's `keep-alive` header; empty where it has none.
    :param most: how long where the vendor does not say less.
    """
    found = _HINT.search(hint)
    return min(most, int(found[1]) - _MARGIN) if found else most


class HttpPool:
    """Gives out the connection that was used last. Belongs to one event loop."""

    def __init__(self, origin: Origin, tls: Tls | None, dialer: Dialer, limits: HttpLimits) -> None:
        self._origin = origin
        self._tls = tls
        self._dialer = dialer
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._idle: dict[HttpConnection, float] = {}
        """Until when each may be used, the one used last at the end."""
        self._open: set[HttpConnection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False
        self._retired = False

    @property
    def connections(self) -> int:
        """How many connections are open, used or not."""
        return len(self._open)

    def take(self, greatest: float) -> HttpConnection | None:
        """A kept connection, which the vendor may be closing at this very moment.

        :param greatest: age in seconds, beyond which none is used again.
        """
        now = self._loop.time()
        while self._idle:
            connection, until = self._idle.popitem()
            if now < until and connection.young(now, greatest) and connection.fresh:
                return connection
            connection.abort()
        return None

    async def dial(self, seconds: float) -> HttpConnection:
        """A new connection. DialError where there is none."""
        connection, took = await self._dialer.dial(
            self._origin, self._tls, lambda: HttpConnection(self._loop, self, self._limits), seconds
        )
        connection.round_trip = took
        self._open.add(connection)
        if self._closed:
            connection.abort()
            raise DialError(Kind.CONNECT_FAILED, STOPPING)
        return connection

    def put(self, connection: HttpConnection, hint: str) -> None:
        """Keeps a connection for the next request."""
        seconds = kept(hint, self._limits.keep_alive) if hint else self._limits.keep_alive
        if self._closed or self._retired or seconds <= 0:
            connection.abort()
            return
        self._idle[connection] = self._loop.time() + seconds
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(seconds, self._sweep)

    def lost(self, connection: HttpConnection) -> None:
        """Forgets a connection that is closed."""
        self._idle.pop(connection, None)
        self._open.discard(connection)

    def retire(self) -> None:
        """Keeps no connection any more; those under way go on to the end of their answers."""
        self._retired = True
        for connection in tuple(self._idle):
            connection.abort()
        self._idle.clear()

    def close(self) -> None:
        """Closes all connections, those under way too."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._idle.clear()
        for connection in tuple(self._open):
            connection.abort()

    def _sweep(self) -> None:
        now = self._loop.time()
        for connection in [connection for connection, until in self._idle.items() if until <= now]:
            del self._idle[connection]
            connection.abort()
        self._sweeper = None
        if self._idle:
            self._sweeper = self._loop.call_at(min(self._idle.values()), self._sweep)
