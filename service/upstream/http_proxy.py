"""HTTP proxies, as the environment names them: HTTPS_PROXY, HTTP_PROXY and NO_PROXY."""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from service.upstream.http_origin import Address, Proxy, parse_proxy

_HEAD = 16 * 1024
"""Most bytes of a proxy's answer."""


class ProxyError(Exception):
    """Why a proxy opens no tunnel, as a sentence without its subject."""


def proxy_for(url: str) -> Proxy | None:
    """The proxy for a base URL; none for this machine itself. ValueError where the environment names no usable one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    named = getproxies().get(parts.scheme)
    if named is None or _is_loopback(host) or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return parse_proxy(named)


async def open_tunnel(connection: socket.socket, proxy: Proxy, to: Address) -> None:
    """Asks a proxy, which the socket is connected to, for a tunnel. ProxyError where it refuses."""
    loop = asyncio.get_running_loop()
    ask = f"CONNECT {to} HTTP/1.1\r\nhost: {to}\r\nuser-agent: parley\r\n"
    if proxy.authorization:
        ask += f"proxy-authorization: {proxy.authorization}\r\n"
    await loop.sock_sendall(connection, f"{ask}\r\n".encode("ascii"))
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = await loop.sock_recv(connection, 4096)
        answer += data
        if not data or len(answer) > _HEAD:
            raise ProxyError("could not be reached: the proxy did not answer in HTTP")
    status = answer.split(None, 2)[1:2]
    # A vendor says nothing before the TLS handshake, so nothing of it can have come with the head.
    if not answer.startswith(b"HTTP/1.") or status != [b"200"] or not answer.endswith(b"\r\n\r\n"):
        code = status[0].decode("latin-1") if status and status[0].isdigit() else "no status"
        raise ProxyError(f"could not be reached: the proxy refused the tunnel ({code[:3]})")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
