"""Proxies as the transports take them: which leads to a place, and how a tunnel is opened (RFC 9110, 9.3.6)."""

import asyncio
import socket
from typing import cast

from service.proxies import Address, Proxy, proxy_for

__all__ = ["SecureTunnel", "TunnelError", "open_tunnel", "proxy_for"]

_HEAD = 16 * 1024
"""Most bytes of a proxy's answer."""
_NOT_HTTP = "could not be reached: the proxy did not answer in HTTP"


class TunnelError(Exception):
    """Why a proxy opens no tunnel, as a sentence without its subject."""


async def open_tunnel(connection: socket.socket, proxy: Proxy, to: Address) -> None:
    """Asks a proxy, which the socket is connected to, for a tunnel. TunnelError where it refuses."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, _ask(proxy, to))
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = await loop.sock_recv(connection, 4096)
        answer += data
        if not data or len(answer) > _HEAD:
            raise TunnelError(_NOT_HTTP)
    _judge(answer)


class SecureTunnel(asyncio.Protocol):
    """Asks a proxy for a tunnel over a connection that is TLS already."""

    def __init__(self, proxy: Proxy, to: Address) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once there is a tunnel. TunnelError where the proxy refuses."""
        self._ask = _ask(proxy, to)
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by inheritance.
        cast("asyncio.Transport", transport).write(self._ask)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if len(self._answer) > _HEAD:
            self._end(TunnelError(_NOT_HTTP))
        elif b"\r\n\r\n" in self._answer:
            try:
                _judge(self._answer)
            except TunnelError as error:
                self._end(error)
            else:
                self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(TunnelError(_NOT_HTTP))

    def _end(self, error: TunnelError | None) -> None:
        if self.opened.done():
            return
        if error is None:
            self.opened.set_result(None)
        else:
            self.opened.set_exception(error)


def _ask(proxy: Proxy, to: Address) -> bytes:
    ask = f"CONNECT {to} HTTP/1.1\r\nhost: {to}\r\nuser-agent: parley\r\n"
    if proxy.authorization:
        ask += f"proxy-authorization: {proxy.authorization}\r\n"
    return f"{ask}\r\n".encode("ascii")


def _judge(answer: bytes) -> None:
    status = answer.split(None, 2)[1:2]
    # A vendor says nothing before the TLS handshake, so nothing of it can have come with the head.
    if not answer.startswith(b"HTTP/1.") or status != [b"200"] or not answer.endswith(b"\r\n\r\n"):
        code = status[0].decode("latin-1") if status and status[0].isdigit() else "no status"
        raise TunnelError(f"could not be reached: the proxy refused the tunnel ({code[:3]})")
