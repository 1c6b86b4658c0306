"""Opens connections: from names to addresses, to one of those, through a proxy's tunnel, into TLS."""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

from service.errors import Kind
from service.upstream.http_connection import HttpConnection
from service.upstream.http_limits import HttpLimits
from service.upstream.http_origin import Address, Origin
from service.upstream.http_proxy import ProxyError, open_tunnel
from service.upstream.http_race import Place, connect, interleaved

NO_HOST = "could not be reached: its name is not one of a host"
STOPPING = "could not be reached: the service is stopping"
_PAST = 1.0
"""Seconds by which the event loop's own limit of a TLS handshake is longer than ours, so that ours is the one told."""


class DialError(Exception):
    """Why there is no connection, in words that hold no address.

    :param kind: CONNECT_FAILED or CONNECT_TIMEOUT.
    """

    def __init__(self, kind: Kind, problem: str) -> None:
        super().__init__(problem)
        self.kind = kind
        self.problem = problem


class Dialer:
    """Keeps the addresses of names for a while. Belongs to one event loop.

    :param ca_file: PEM file of the authorities to trust in place of the system's.
    """

    def __init__(self, limits: HttpLimits, ca_file: Path | None) -> None:
        self._limits = limits
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None
        self._places: dict[Address, tuple[float, Sequence[Place]]] = {}

    async def dial(self, origin: Origin, factory: Callable[[], HttpConnection], seconds: float) -> HttpConnection:
        """Opens a connection in so many seconds; cancelled, it leaves nothing open. DialError where there is none."""
        try:
            async with asyncio.timeout(seconds):
                return await self._open(origin, factory, seconds)
        except TimeoutError as error:
            # The kernel gives up by itself after some minutes, with the same exception.
            raise DialError(Kind.CONNECT_TIMEOUT, f"could not be reached within {seconds:g} s") from error
        except ProxyError as error:
            raise DialError(Kind.CONNECT_FAILED, str(error)) from error
        except OSError as error:
            raise DialError(Kind.CONNECT_FAILED, problem_of(error)) from error
        except UnicodeError as error:
            raise DialError(Kind.CONNECT_FAILED, NO_HOST) from error

    async def _open(self, origin: Origin, factory: Callable[[], HttpConnection], seconds: float) -> HttpConnection:
        loop = asyncio.get_running_loop()
        raw = await self._connect(origin)
        create = loop.create_connection if origin.socket is None else loop.create_unix_connection
        try:
            if origin.tls:
                if origin.proxy is not None:
                    await open_tunnel(raw, origin.proxy, origin.address)
                _, connection = await create(
                    factory,
                    sock=raw,
                    ssl=self._context(),
                    server_hostname=origin.address.host,
                    ssl_handshake_timeout=seconds + _PAST,
                )
            else:
                _, connection = await create(factory, sock=raw)
        except BaseException:
            raw.close()
            raise
        return connection

    async def _connect(self, origin: Origin) -> socket.socket:
        if origin.socket is not None:
            return await connect([Place(socket.AF_UNIX, origin.socket)], self._limits.stagger)
        address = origin.proxy.address if origin.proxy is not None else origin.address
        places = await self._resolve(address)
        try:
            return await connect(places, self._limits.stagger)
        except OSError:
            # Perhaps the name has moved.
            self._places.pop(address, None)
            raise

    async def _resolve(self, address: Address) -> Sequence[Place]:
        loop = asyncio.get_running_loop()
        until, places = self._places.get(address, (0.0, ()))
        if loop.time() >= until:
            found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
            places = interleaved([Place(family, where) for family, _, _, _, where in found])
            self._places[address] = (loop.time() + self._limits.dns, places)
        return places

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=self._ca_file)
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


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
