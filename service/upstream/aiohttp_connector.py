"""aiohttp's pool over connections that the service's own dialer opens: one rule for names, proxies and certificates."""

import asyncio
import functools
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.client_proto import ResponseHandler

from service.tls import Tls
from service.upstream.aiohttp_connection import StrictConnection, Trust
from service.upstream.http_dialer import Dialer
from service.upstream.http_limits import HttpLimits
from service.upstream.http_origin import Origin

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.tracing import Trace


class DialingConnector(aiohttp.BaseConnector):
    """Serves one origin. Belongs to one event loop."""

    def __init__(self, origin: Origin, tls: Tls | None, dialer: Dialer, limits: HttpLimits, trust: Trust) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(limit=0, keepalive_timeout=limits.keep_alive)
        self._origin = origin
        self._tls = tls
        self._dialer = dialer
        self._make = functools.partial(StrictConnection, loop, limits, trust)

    async def _create_connection(
        self,
        req: "ClientRequest",
        traces: "list[Trace]",
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # its name is aiohttp's
    ) -> ResponseHandler:
        # aiohttp has no public way to say what its connections are, nor how they are made.
        seconds = timeout.sock_connect
        assert seconds is not None, "given with each request"
        connection, took = await self._dialer.dial(self._origin, self._tls, self._make, seconds)
        connection.round_trip = took
        return connection
