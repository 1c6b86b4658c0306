"""The transport on aiohttp: the other choice, for whoever mistrusts the service's own or looks for a fault in it."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace

import aiohttp
from yarl import URL

from service.backends.dialect import HttpCall, Target
from service.errors import Kind
from service.tls import Tls, load
from service.upstream.aiohttp_connection import HeadError, Trust
from service.upstream.aiohttp_connector import DialingConnector
from service.upstream.aiohttp_response import AiohttpResponse
from service.upstream.failure import failure
from service.upstream.http_answer import CLOSED, NOT_HTTP, SWITCHED, encoding_problem
from service.upstream.http_dialer import STOPPING, Dialer, DialError
from service.upstream.http_limits import HttpLimits
from service.upstream.http_origin import Base, Origin, parse_base
from service.upstream.http_proxy import proxy_for
from service.upstream.resolver import Resolver

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
    """Of requests that a proxy passes on as they are."""
    headers: Mapping[str, str]
    """For that proxy."""


async def _note_reuse(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceConnectionReuseconnParams
) -> None:
    context.trace_request_ctx.again = True


def _trace() -> aiohttp.TraceConfig:
    config = aiohttp.TraceConfig()
    config.on_connection_reuseconn.append(_note_reuse)
    return config


class AiohttpTransport:
    """Keeps connections by scheme, host, port and certificates, or by unix socket. Belongs to one event loop."""

    def __init__(self, limits: HttpLimits | None = None, *, resolver: Resolver | None = None) -> None:
        self._limits = limits or HttpLimits()
        self._dialer = Dialer(self._limits, resolver or Resolver())
        self._sessions: dict[tuple[Origin, Tls | None], tuple[aiohttp.ClientSession, Trust]] = {}
        self._places: dict[tuple[str, str | None, Tls | None], _Place] = {}
        self._finishing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def send(self, call: HttpCall, target: Target) -> AiohttpResponse:
        """Sends a request and waits for the answer's head.

        ApiError where the vendor cannot be reached (CONNECT_FAILED, CONNECT_TIMEOUT), hangs up or does not answer
        in HTTP (BAD_UPSTREAM), or the call cannot be written (INTERNAL). Cancelling it closes the connection.
        """
        try:
            place = self._places.get((target.base_url, target.socket, target.tls)) or self._place(target)
        except ValueError as error:
            raise failure(Kind.INTERNAL, target.vendor, f"the request cannot be sent: {error}") from None
        place.trust.greatest = target.max_connection_age
        for again in (False, True):
            if self._closed:
                raise failure(Kind.CONNECT_FAILED, target.vendor, STOPPING)
            if again:
                # So that it goes over a new connection.
                place.trust.since = asyncio.get_running_loop().time()
                if call.on_resend is not None:
                    call.on_resend()
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
        try:
            return await place.session.request(
                call.method,
                # Encoded already: a path that is written in another way is another path to who signed it.
                URL(place.root + place.base.target(call.path), encoded=True),
                data=call.body,
                headers={**call.headers, **place.headers} if place.headers else call.headers,
                proxy=place.proxy,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=seconds),
                allow_redirects=False,
                trace_request_ctx=used,
            )
        except DialError as error:
            raise failure(error.kind, vendor, error.problem) from None
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            raise _Gone from None
        except (aiohttp.ClientError, aiohttp.EofStream) as error:
            cause = error.__cause__
            problem = cause.message if isinstance(cause, HeadError) else NOT_HTTP
            raise failure(Kind.BAD_UPSTREAM, vendor, problem) from None
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
        # What a proxy passes on is written in another way, but for the host, which aiohttp writes itself.
        base = parse_base(target.base_url, target.socket, None)
        origin = replace(base.origin, proxy=proxy)
        tls = (target.tls or load()) if origin.tls else None
        asked = proxy if not origin.tls else None
        place = _Place(
            *self._session(origin, tls),
            f"{'https' if origin.tls else 'http'}://{base.headers['host']}",
            base,
            f"http://{asked.address}" if asked else None,
            {"proxy-authorization": asked.authorization} if asked and asked.authorization else {},
        )
        if target.tls is not None or tls is None:
            # Certificates that no configuration holds are looked at each time.
            self._places[target.base_url, target.socket, target.tls] = place
        return place

    def _session(self, origin: Origin, tls: Tls | None) -> tuple[aiohttp.ClientSession, Trust]:
        found = self._sessions.get((origin, tls))
        if found is None:
            self._retire(origin, tls)
            limits, trust = self._limits, Trust()
            session = aiohttp.ClientSession(
                connector=DialingConnector(origin, tls, self._dialer, limits, trust),
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
            found = self._sessions[origin, tls] = (session, trust)
        return found

    def _retire(self, origin: Origin, tls: Tls | None) -> None:
        """Gives up what was made with the same files before they changed."""
        for (where, old), (_, trust) in self._sessions.items():
            if old is not None and tls is not None and where == origin and old.files == tls.files:
                # Sessions end with the service: answers may be under way over their connections.
                trust.since = math.inf
