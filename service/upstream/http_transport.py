"""The transport on asyncio's own protocols and httptools, which costs a small part of what a whole HTTP client does."""

from pathlib import Path

from service.backends.dialect import HttpCall, Target
from service.errors import Kind
from service.upstream.failure import failure
from service.upstream.http_connection import HttpResponse
from service.upstream.http_dialer import Dialer, DialError
from service.upstream.http_limits import HttpLimits
from service.upstream.http_origin import Base, Origin, parse_base
from service.upstream.http_pool import HttpPool
from service.upstream.http_proxy import proxy_for


class HttpTransport:
    """Keeps connections by scheme, host and port, or by unix socket. Belongs to one event loop.

    :param ca_file: PEM file of the authorities to trust in place of the system's.
    """

    def __init__(self, limits: HttpLimits | None = None, *, ca_file: Path | None = None) -> None:
        self._limits = limits or HttpLimits()
        self._dialer = Dialer(self._limits, ca_file)
        self._pools: dict[Origin, HttpPool] = {}
        self._bases: dict[tuple[str, str | None], tuple[Base, HttpPool]] = {}

    @property
    def connections(self) -> int:
        """How many connections are open, used or not."""
        return sum(pool.connections for pool in self._pools.values())

    async def send(self, call: HttpCall, target: Target) -> HttpResponse:
        """Sends a request and waits for the answer's head.

        ApiError where the vendor cannot be reached (CONNECT_FAILED, CONNECT_TIMEOUT), hangs up or does not answer
        in HTTP (BAD_UPSTREAM), or the call cannot be written (INTERNAL). Cancelling it closes the connection.
        """
        try:
            base, pool = self._bases.get((target.base_url, target.socket)) or self._base(target)
            head = base.head(call.path, call.headers, len(call.body), call.method)
        except ValueError as error:
            raise failure(Kind.INTERNAL, target.vendor, f"the request cannot be sent: {error}") from None
        for _ in range(self._limits.stale):
            connection = pool.take()
            if connection is None:
                break
            response = connection.start(head, call.body, target.vendor)
            if await response.head():
                return response
            # The vendor was closing the connection just as it was used again, and has not seen the request.
        try:
            connection = await pool.dial(target.timeouts.connect)
        except DialError as error:
            raise failure(error.kind, target.vendor, error.problem) from None
        response = connection.start(head, call.body, target.vendor)
        if not await response.head():
            raise failure(Kind.BAD_UPSTREAM, target.vendor, "closed the connection before it answered")
        return response

    async def close(self) -> None:
        """Closes all connections."""
        for pool in self._pools.values():
            pool.close()

    def _base(self, target: Target) -> tuple[Base, HttpPool]:
        proxy = None if target.socket is not None else proxy_for(target.base_url)
        base = parse_base(target.base_url, target.socket, proxy)
        pool = self._pools.get(base.origin)
        if pool is None:
            pool = self._pools[base.origin] = HttpPool(base.origin, self._dialer, self._limits)
        self._bases[target.base_url, target.socket] = (base, pool)
        return base, pool
