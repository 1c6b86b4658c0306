"""Opens connections: from names to addresses, to one of those, through a proxy's tunnel, into TLS."""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar, cast

from service.errors import Kind
from service.proxies import Proxy
from service.tls import Tls, load
from service.upstream.http_limits import HttpLimits
from service.upstream.http_origin import Origin
from service.upstream.http_proxy import SecureTunnel, TunnelError, open_tunnel
from service.upstream.http_race import connect
from service.upstream.resolver import Place, Resolver

NO_HOST = "could not be reached: its name is not one of a host"
STOPPING = "could not be reached: the service is stopping"
_PAST = 1.0
"""Seconds by which the event loop's own limit of a TLS handshake is longer than ours, so that ours is the one told."""


P = TypeVar("P", bound=asyncio.BaseProtocol)


class DialError(Exception):
    """Why there is no connection, in words that hold no address.

    :param kind: CONNECT_FAILED or CONNECT_TIMEOUT.
    """

    def __init__(self, kind: Kind, problem: str) -> None:
        super().__init__(problem)
        self.kind = kind
        self.problem = problem


class Dialer:
    """Opens connections of whatever protocol. Belongs to one event loop."""

    def __init__(self, limits: HttpLimits, resolver: Resolver) -> None:
        self._limits = limits
        self._resolver = resolver

    async def dial(self, origin: Origin, tls: Tls | None, factory: Callable[[], P], seconds: float) -> tuple[P, float]:
        """Opens a connection in so many seconds; cancelled, it leaves nothing open. DialError where there is none.

        With it comes how many seconds it took to reach the vendor: a round trip, and what stood in its way.

        :param tls: for an origin that is reached over TLS.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._open(origin, tls, factory, seconds + _PAST)
        except TimeoutError as error:
            # The kernel gives up by itself after some minutes, with the same exception.
            raise DialError(Kind.CONNECT_TIMEOUT, f"could not be reached within {seconds:g} s") from error
        except TunnelError as error:
            raise DialError(Kind.CONNECT_FAILED, str(error)) from error
        except OSError as error:
            raise DialError(Kind.CONNECT_FAILED, problem_of(error)) from error
        except UnicodeError as error:
            raise DialError(Kind.CONNECT_FAILED, NO_HOST) from error

    async def _open(
        self, origin: Origin, tls: Tls | None, factory: Callable[[], P], handshake: float
    ) -> tuple[P, float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        raw = await self._connect(origin)
        proxy = origin.proxy
        try:
            if proxy is not None and proxy.tls:
                return await self._through(proxy, raw, origin, tls, factory, handshake)
            if proxy is not None and origin.tls:
                await open_tunnel(raw, proxy, origin.address)
            took = loop.time() - began
            create = loop.create_connection if origin.socket is None else loop.create_unix_connection
            if origin.tls:
                assert tls is not None, "given"
                _, connection = await create(
                    factory,
                    sock=raw,
                    ssl=tls.context,
                    server_hostname=origin.address.host,
                    ssl_handshake_timeout=handshake,
                )
            else:
                _, connection = await create(factory, sock=raw)
        except BaseException:
            raw.close()
            raise
        return connection, took

    async def _through(
        self, proxy: Proxy, raw: socket.socket, origin: Origin, tls: Tls | None, factory: Callable[[], P], wait: float
    ) -> tuple[P, float]:
        """Over TLS to a proxy, and through that into TLS again where the origin wants it."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        # Certificates that are for a vendor are none for a proxy.
        outer, name = load().context, proxy.address.host
        if not origin.tls:
            _, connection = await loop.create_connection(
                factory, sock=raw, ssl=outer, server_hostname=name, ssl_handshake_timeout=wait
            )
            return connection, loop.time() - began
        assert tls is not None, "given"
        transport, tunnel = await loop.create_connection(
            lambda: SecureTunnel(proxy, origin.address),
            sock=raw,
            ssl=outer,
            server_hostname=name,
            ssl_handshake_timeout=wait,
        )
        try:
            await tunnel.opened
            took = loop.time() - began
            connection = factory()
            inner = await loop.start_tls(
                transport, connection, tls.context, server_hostname=origin.address.host, ssl_handshake_timeout=wait
            )
            if inner is None:
                raise ConnectionResetError
        except BaseException:
            transport.abort()
            raise
        connection.connection_made(cast("asyncio.BaseTransport", inner))
        return connection, took

    async def _connect(self, origin: Origin) -> socket.socket:
        if origin.socket is not None:
            return await connect([Place(socket.AF_UNIX, origin.socket)], self._limits.stagger)
        address = origin.proxy.address if origin.proxy is not None else origin.address
        places = await self._resolver.resolve(address.host, address.port)
        try:
            return await connect(places, self._limits.stagger)
        except (OSError, asyncio.CancelledError):
            self._resolver.doubt(address.host)
            raise


def problem_of(error: OSError) -> str:
    """Why there is no connection, as a sentence without its subject, in words that hold no address."""
    match error:
        case ssl.SSLCertVerificationError():
            return "its certificate could not be verified"
        case ssl.SSLError():
            return f"could not be reached over TLS: {(error.reason or type(error).__name__).replace('_', ' ').lower()}"
        case socket.gaierror():
            return f"could not be reached: {error.strerror or 'its name could not be resolved'}"
        case _:
            # The event loop writes addresses into other errors' text.
            return f"could not be reached: {os.strerror(error.errno) if error.errno else type(error).__name__}"
