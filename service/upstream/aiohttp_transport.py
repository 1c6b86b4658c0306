"""The transport on aiohttp."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp
from aiohttp.http import HttpProcessingError

from service.backends.dialect import HttpCall, Target
from service.errors import ApiError, Kind, Upstream

_KEEP_ALIVE_S = 15.0
"""Shorter than any vendor's own limit, so that a request seldom meets a connection that is just being closed."""

_FINISH_S = 2.0
"""How long the end of an answer may take after its end mark before its connection is closed instead of kept."""


_STALE_CONNECTIONS = 8
"""How many kept connections in a row may turn out to be closed, each of which costs one more try."""


class _Gone(Exception):  # noqa: N818  # an event, told by another exception
    """The connection ended before the first byte of the answer."""


@dataclass(slots=True)
class _Used:
    """Whether a request went out over a connection that had been used before."""

    again: bool = False


async def _note_reuse(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceConnectionReuseconnParams
) -> None:
    context.trace_request_ctx.again = True


def _trace() -> aiohttp.TraceConfig:
    config = aiohttp.TraceConfig()
    config.on_connection_reuseconn.append(_note_reuse)
    return config


class AiohttpTransport:
    """Keeps connections by host, and by socket for vendors on this machine. Belongs to one event loop."""

    def __init__(self) -> None:
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._finishing: set[asyncio.Task[None]] = set()

    async def send(self, call: HttpCall, target: Target) -> "AiohttpResponse":
        """Sends a request and waits for the answer's head."""
        for attempt in range(1, _STALE_CONNECTIONS + 1):
            used = _Used()
            try:
                response = await self._post(call, target, used)
            except _Gone:
                # The vendor was closing a kept connection just as it was used again.
                if not used.again or attempt == _STALE_CONNECTIONS:
                    raise _failure(Kind.BAD_UPSTREAM, target, "closed the connection before it answered") from None
            else:
                return AiohttpResponse(response, target, self._finishing)
        raise AssertionError("the loop returns or raises")

    async def _post(self, call: HttpCall, target: Target, used: "_Used") -> aiohttp.ClientResponse:
        try:
            return await self._session(target.socket).request(
                call.method,
                target.base_url + call.path,
                data=call.body,
                headers=call.headers,
                timeout=aiohttp.ClientTimeout(total=None, connect=target.timeouts.connect),
                allow_redirects=False,
                trace_request_ctx=used,
            )
        except (aiohttp.ConnectionTimeoutError, aiohttp.SocketTimeoutError):
            raise _failure(
                Kind.CONNECT_TIMEOUT, target, f"could not be reached within {target.timeouts.connect:g} s"
            ) from None
        except aiohttp.ClientConnectorCertificateError:
            raise _failure(Kind.CONNECT_FAILED, target, "its certificate could not be verified") from None
        except aiohttp.ClientConnectorError as error:
            reason = error.os_error.strerror or type(error.os_error).__name__
            raise _failure(Kind.CONNECT_FAILED, target, f"could not be reached: {reason}") from None
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            raise _Gone from None
        except (aiohttp.ClientError, ValueError) as error:
            raise _failure(Kind.BAD_UPSTREAM, target, f"did not answer in HTTP: {type(error).__name__}") from None

    async def close(self) -> None:
        """Closes all connections."""
        for task in tuple(self._finishing):
            task.cancel()
        for session in self._sessions.values():
            await session.close()

    def _session(self, socket: str | None) -> aiohttp.ClientSession:
        session = self._sessions.get(socket or "")
        if session is None:
            connector = (
                aiohttp.UnixConnector(socket, limit=0, keepalive_timeout=_KEEP_ALIVE_S)
                if socket
                else aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S, ttl_dns_cache=30)
            )
            session = self._sessions[socket or ""] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                # A compressed stream arrives late and in lumps.
                headers={"accept-encoding": "identity", "user-agent": "parley"},
                trace_configs=[_trace()],
            )
        return session


class AiohttpResponse:
    """One answer."""

    def __init__(self, response: aiohttp.ClientResponse, target: Target, finishing: set[asyncio.Task[None]]) -> None:
        self._response = response
        self._target = target
        self._finishing = finishing

    @property
    def status(self) -> int:
        """HTTP status."""
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, their names in lower case."""
        return {name.lower(): value for name, value in self._response.headers.items()}

    async def read(self) -> bytes:
        """All that has arrived since the last read; nothing at the end."""
        content = self._response.content
        try:
            return await content.readany()
        # RuntimeError is how a body with broken framing ends once its connection is closed.
        except (aiohttp.ClientError, HttpProcessingError, OSError, RuntimeError):
            # What came before the break is not lost; aiohttp has no public way to read it then.
            if content._buffer:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
                return content._read_nowait(-1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            raise _failure(Kind.STREAM_CUT, self._target, "closed the connection in the middle of its answer") from None

    def finish(self) -> None:
        """Gives the connection back once the rest of the answer has been read and dropped."""
        if self._response.content.at_eof():
            self._response.release()
            return
        task = asyncio.get_running_loop().create_task(self._read_rest())
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    def close(self) -> None:
        """Closes the connection at once."""
        self._response.close()

    async def _read_rest(self) -> None:
        try:
            with contextlib.suppress(aiohttp.ClientError, HttpProcessingError, OSError, TimeoutError):
                async with asyncio.timeout(_FINISH_S):
                    while await self._response.content.readany():
                        pass
        finally:
            # Closes it where the end has not come; gives it back where it has.
            self._response.release()


def _failure(kind: Kind, target: Target, problem: str) -> ApiError:
    return ApiError(kind, f"{target.vendor}: {problem}", upstream=Upstream(target.vendor))
