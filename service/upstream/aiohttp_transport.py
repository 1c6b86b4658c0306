"""The transport on aiohttp: the other choice, for whoever mistrusts the service's own or looks for a fault in it."""

import asyncio
import functools
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from service.backends.dialect import HttpCall, Target
from service.errors import Kind
from service.upstream.aiohttp_connection import HeadError, StrictConnection, Trust
from service.upstream.aiohttp_response import AiohttpResponse
from service.upstream.failure import failure
from service.upstream.http_answer import CLOSED, NOT_HTTP, SWITCHED, encoding_problem
from service.upstream.http_dialer import NO_HOST, STOPPING, problem_of
from service.upstream.http_limits import HttpLimits
from service.upstream.http_origin import Base, Proxy, parse_base
from service.upstream.http_proxy import proxy_for

_UNLIMITED = 1024 * 1024
"""More than a connection's own limits let through."""


class _Gone(Exception):  # noqa: N818  # an event, told by another exception
    """The connection ended before the first byte of the answer."""


@dataclass(slots=True)
class _Used:
    """Whether a request went out over a connection that had been used before."""

    again: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """Where requests to one base URL go."""

    session: aiohttp.ClientSession
    trust: Trust
    root: str
    """Scheme, host and port."""
    base: Base
    proxy: str | None
    proxy_headers: Mapping[str, str] | None


async def _note_reuse(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceConnectionReuseconnParams
) -> None:
    context.trace_request_ctx.again = True


def _trace() -> aiohttp.TraceConfig:
    config = aiohttp.TraceConfig()
    config.on_connection_reuseconn.append(_note_reuse)
    return config


class AiohttpTransport:
    """Keeps connections by host, and by socket for vendors on this machine. Belongs to one event loop.

    :param ca_file: PEM file of the authorities to trust in place of the system's.
    """

    def __init__(self, limits: HttpLimits | None = None, *, ca_file: Path | None = None) -> None:
        self._limits = limits or HttpLimits()
        self._ca_file = ca_file
        self._sessions: dict[str, tuple[aiohttp.ClientSession, Trust]] = {}
        self._places: dict[tuple[str, str | None], _Place] = {}
        self._finishing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def send(self, call: HttpCall, target: Target) -> AiohttpResponse:
        """Sends a request and waits for the answer's head.

        ApiError where the vendor cannot be reached (CONNECT_FAILED, CONNECT_TIMEOUT), hangs up or does not answer
        in HTTP (BAD_UPSTREAM), or the call cannot be written (INTERNAL). Cancelling it closes the connection.
        """
        try:
            place = self._places.get((target.base_url, target.socket)) or self._place(target)
        except ValueError as error:
            raise failure(Kind.INTERNAL, target.vendor, f"the request cannot be sent: {error}") from None
        for tried in range(self._limits.stale + 1):
            if self._closed:
                raise failure(Kind.CONNECT_FAILED, target.vendor, STOPPING)
            if tried == self._limits.stale:
                # So that the last try is over a new connection.
                place.trust.since = asyncio.get_running_loop().time()
            used = _Used()
            try:
                response = await self._request(call, target, place, used)
            except _Gone:
                # The vendor was closing a kept connection just as it was used again.
                if not used.again:
                    break
            else:
                return self._checked(response, target)
        raise failure(Kind.BAD_UPSTREAM, target.vendor, f"{CLOSED} before it answered")

    async def close(self) -> None:
        """Closes all connections."""
        self._closed = True
        for task in tuple(self._finishing):
            task.cancel()
        for session, _ in self._sessions.values():
            await session.close()

    async def _request(self, call: HttpCall, target: Target, place: _Place, used: _Used) -> aiohttp.ClientResponse:
        vendor, seconds = target.vendor, target.timeouts.connect
        headers = {**call.headers, **(place.proxy_headers or {})} if place.root.startswith("http:") else call.headers
        try:
            return await place.session.request(
                call.method,
                # Encoded already: a path that is written in another way is another path to who signed it.
                URL(place.root + place.base.target(call.path), encoded=True),
                data=call.body,
                headers=headers,
                proxy=place.proxy,
                proxy_headers=place.proxy_headers,
                timeout=aiohttp.ClientTimeout(total=None, connect=seconds),
                allow_redirects=False,
                trace_request_ctx=used,
            )
        except (aiohttp.ConnectionTimeoutError, aiohttp.SocketTimeoutError):
            raise failure(Kind.CONNECT_TIMEOUT, vendor, f"could not be reached within {seconds:g} s") from None
        except aiohttp.ClientConnectorCertificateError:
            raise failure(Kind.CONNECT_FAILED, vendor, problem_of(ssl.SSLCertVerificationError())) from None
        except aiohttp.ClientHttpProxyError as error:
            problem = f"could not be reached: the proxy refused the tunnel ({error.status})"
            raise failure(Kind.CONNECT_FAILED, vendor, problem) from None
        except aiohttp.ClientConnectorError as error:
            raise failure(Kind.CONNECT_FAILED, vendor, problem_of(error.os_error)) from None
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            raise _Gone from None
        except (aiohttp.ClientError, aiohttp.EofStream) as error:
            cause = error.__cause__
            problem = cause.message if isinstance(cause, HeadError) else NOT_HTTP
            raise failure(Kind.BAD_UPSTREAM, vendor, problem) from None
        except UnicodeError:
            raise failure(Kind.CONNECT_FAILED, vendor, NO_HOST) from None
        except ValueError:
            problem = "the request cannot be sent: a header holds characters that must not stand there"
            raise failure(Kind.INTERNAL, vendor, problem) from None

    def _checked(self, response: aiohttp.ClientResponse, target: Target) -> AiohttpResponse:
        headers: dict[str, str] = {}
        for name, value in response.headers.items():
            key = name.lower()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        if problem := SWITCHED if response.status == 101 else encoding_problem(headers):
            response.close()
            raise failure(Kind.BAD_UPSTREAM, target.vendor, problem)
        return AiohttpResponse(response, headers, target.vendor, self._limits, self._finishing)

    def _place(self, target: Target) -> _Place:
        proxy = None if target.socket is not None else proxy_for(target.base_url)
        base = parse_base(target.base_url, target.socket, None)
        scheme = "https" if base.origin.tls else "http"
        place = self._places[target.base_url, target.socket] = _Place(
            *self._session(target.socket),
            f"{scheme}://{base.headers['host']}",
            base,
            f"http://{proxy.address}" if proxy else None,
            _authorization(proxy),
        )
        return place

    def _session(self, socket: str | None) -> tuple[aiohttp.ClientSession, Trust]:
        found = self._sessions.get(socket or "")
        if found is None:
            limits, trust = self._limits, Trust()
            connector = (
                aiohttp.UnixConnector(socket, limit=0, keepalive_timeout=limits.keep_alive)
                if socket
                else aiohttp.TCPConnector(
                    limit=0,
                    keepalive_timeout=limits.keep_alive,
                    ttl_dns_cache=int(limits.dns),
                    happy_eyeballs_delay=limits.stagger,
                    ssl=ssl.create_default_context(cafile=self._ca_file) if self._ca_file else True,
                )
            )
            # aiohttp has no public way to say what its connections are.
            connector._factory = functools.partial[ResponseHandler](  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
                StrictConnection, loop=asyncio.get_running_loop(), limits=limits, trust=trust
            )
            session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                # A compressed stream arrives late and in lumps.
                headers={"accept-encoding": "identity", "user-agent": "parley"},
                auto_decompress=False,
                max_line_size=_UNLIMITED,
                max_field_size=_UNLIMITED,
                max_headers=_UNLIMITED,
                read_bufsize=limits.buffer,
                trace_configs=[_trace()],
            )
            found = self._sessions[socket or ""] = (session, trust)
        return found


def _authorization(proxy: Proxy | None) -> Mapping[str, str] | None:
    return {"proxy-authorization": proxy.authorization} if proxy and proxy.authorization else None
