"""A channel of gRPC to one place, from its first call until it is too old and its last call has ended."""

import asyncio
import base64
import random
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

import grpc.aio

from service.backends.grpc_frames import LARGEST
from service.proxies import Proxy, bracketed
from service.tls import Tls

_PORTS = {"grpc": 80, "grpcs": 443}

_OPTIONS: Sequence[tuple[str, str | int]] = (
    ("grpc.max_receive_message_length", LARGEST),
    ("grpc.max_send_message_length", -1),
    # A server that is back is found within a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # Of a name with several addresses, all serve.
    ("grpc.lb_policy_name", "round_robin"),
    # A peer that is gone without a word is found out while calls wait for it, and what lies between forgets no
    # connection that is silent.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.primary_user_agent", "parley"),
    # What it sends again nobody would hear of.
    ("grpc.enable_retries", 0),
    # A new channel makes new connections.
    ("grpc.use_local_subchannel_pool", 1),
)


class Line:
    """Counts its calls. Belongs to one event loop."""

    __slots__ = ("_again", "_life", "born", "calls", "channel", "retired")

    def __init__(self, base_url: str, tls: Tls | None, proxy: Proxy | None) -> None:
        parts = urlsplit(base_url)
        address = f"{bracketed(parts.hostname or '')}:{parts.port or _PORTS[parts.scheme]}"
        # Its own reading of the environment follows other rules.
        via = ("grpc.enable_http_proxy", 0) if proxy is None else ("grpc.http_proxy", _url(proxy))
        options = (*_OPTIONS, via)
        if tls is not None:
            credentials = grpc.ssl_channel_credentials(tls.roots, tls.key, tls.certificate)
            self.channel = grpc.aio.secure_channel(address, credentials, options=options)
        else:
            self.channel = grpc.aio.insecure_channel(address, options=options)
        self.born = asyncio.get_running_loop().time()
        """When it was made, on the event loop's clock."""
        self.calls = 0
        """How many are under way."""
        self.retired = False
        """Whether it is given no further call."""
        self._life = 1.0 - random.random() / 10  # noqa: S311  # for spreading, not for secrecy
        self._again = 0.0

    def old(self, now: float, greatest: float) -> bool:
        """Whether another is to take its place.

        :param greatest: age in seconds.
        """
        return now >= self.born + greatest * self._life and now >= self._again

    def put_off(self, seconds: float) -> None:
        """Lets it serve on: there is no other yet."""
        self._again = asyncio.get_running_loop().time() + seconds


def _url(proxy: Proxy) -> str:
    login = ""
    if proxy.authorization:
        name, _, password = base64.b64decode(proxy.authorization.removeprefix("Basic ")).decode().partition(":")
        login = f"{quote(name, safe='')}:{quote(password, safe='')}@"
    return f"http://{login}{proxy.address}"
