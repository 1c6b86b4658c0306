"""The transport on asyncio's own protocols and httptools, which costs a small part of what a whole HTTP client does."""

from service.backends.dialect import HttpCall, Target
from service.errors import Kind
from service.tls import Tls, load
from service.upstream.failure import failure
from service.upstream.http_answer import CLOSED
from service.upstream.http_connection import HttpResponse
from service.upstream.http_dialer import Dialer, DialError
from service.upstream.http_limits import HttpLimits
from service.upstream.http_origin import Base, Origin, parse_base
from service.upstream.http_pool import HttpPool
from service.upstream.http_proxy import proxy_for
from service.upstream.resolver import Resolver


class HttpTransport:
    """Keeps connections by scheme, host, port and certificates, or by unix socket. Belongs to one event loop."""

    def __init__(self, limits: HttpLimits | None = None, *, resolver: Resolver | None = None) -> None:
        self._limits = limits or HttpLimits()
        self._dialer = Dialer(self._limits, resolver or Resolver())
        self._pools: dict[tuple[Origin, Tls | None], HttpPool] = {}
        self._retired: list[HttpPool] = []
        """Those whose answers under way are awaited."""
        self._bases: dict[tuple[str, str | None, Tls | None], tuple[Base, HttpPool]] = {}

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
            base, pool = self._bases.get((target.base_url, target.socket, target.tls)) or self._base(target)
            head = base.head(call.path, call.headers, len(call.body), call.method)
        except ValueError as error:
            raise failure(Kind.INTERNAL, target.vendor, f"the request cannot be sent: {error}") from None
        connection = pool.take(target.max_connection_age)
        if connection is not None:
            began = connection.loop.time()
            response = connection.start(head, call.body, target.vendor)
            if await response.head():
                return response
            if connection.loop.time() - began > self._limits.at_once(connection.round_trip):
                # It has had the time to read the request, and perhaps to do what that asks for.
                raise failure(Kind.BAD_UPSTREAM, target.vendor, f"{CLOSED} before it answered")
            # The vendor was closing the connection just as it was used again, and has not seen the request.
            if call.on_resend is not None:
                call.on_resend()
        try:
            connection = await pool.dial(target.timeouts.connect)
        except DialError as error:
            raise failure(error.kind, target.vendor, error.problem) from None
        response = connection.start(head, call.body, target.vendor)
        if not await response.head():
            raise failure(Kind.BAD_UPSTREAM, target.vendor, f"{CLOSED} before it answered")
        return response

    async def close(self) -> None:
        """Closes all connections."""
        for pool in (*self._pools.values(), *self._retired):
            pool.close()

    def _base(self, target: Target) -> tuple[Base, HttpPool]:
        proxy = None if target.socket is not None else proxy_for(target.base_url)
        base = parse_base(target.base_url, target.socket, proxy)
        tls = (target.tls or load()) if base.origin.tls else None
        pool = self._pools.get((base.origin, tls))
        if pool is None:
            self._retire(base.origin, tls)
            pool = self._pools[base.origin, tls] = HttpPool(base.origin, tls, self._dialer, self._limits)
        if target.tls is not None or tls is None:
            # Certificates that no configuration holds are looked at each time.
            self._bases[target.base_url, target.socket, target.tls] = (base, pool)
        return base, pool

    def _retire(self, origin: Origin, tls: Tls | None) -> None:
        """Gives up what was made with the same files before they changed."""
        for key in [key for key in self._pools if key[0] == origin and key[1] and tls and key[1].files == tls.files]:
            pool = self._pools.pop(key)
            pool.retire()
            self._retired = [pool, *(each for each in self._retired if each.connections)]
            self._bases = {base: each for base, each in self._bases.items() if each[1] is not pool}
