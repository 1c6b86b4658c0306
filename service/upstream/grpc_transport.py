"""The transport of vendors that speak gRPC: what a call's HTTP/2 stream says, as the bytes that decoders know."""

import asyncio
import re
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast
from urllib.parse import urlsplit

import grpc.aio

from service.backends.dialect import HttpCall, Target
from service.backends.grpc_frames import LARGEST
from service.errors import Kind
from service.upstream.failure import failure
from service.upstream.grpc_response import GrpcResponse, Rpc

_NAME = re.compile(r"(?!grpc-)[0-9a-z_.-]+(?<!-bin)")

_PORTS = {"grpc": 80, "grpcs": 443}

_OPTIONS: Sequence[tuple[str, str | int]] = (
    ("grpc.max_receive_message_length", LARGEST),
    ("grpc.max_send_message_length", -1),
    # A server that is back is found within a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # Of a name with several addresses, all serve.
    ("grpc.lb_policy_name", "round_robin"),
    # A peer that is gone without a word is found out while calls wait for it.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.primary_user_agent", "parley"),
)


class GrpcTransport:
    """Keeps one channel for each scheme, host and port. Belongs to one event loop.

    :param ca_file: PEM file of the authorities to trust in place of the system's.
    """

    def __init__(self, *, ca_file: Path | None = None) -> None:
        self._ca_file = ca_file
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def send(self, call: HttpCall, target: Target) -> GrpcResponse:
        """Makes a call, and waits for its first message or its end.

        ApiError where the vendor cannot be reached (CONNECT_FAILED, CONNECT_TIMEOUT), or the call cannot be made
        (INTERNAL). Cancelling it cancels the call.
        """
        try:
            channel = self._channels.get(target.base_url) or self._open(target.base_url)
        except ValueError as error:
            raise failure(Kind.INTERNAL, target.vendor, f"the request cannot be sent: {error}") from None
        if channel.get_state(try_to_connect=True) is not grpc.ChannelConnectivity.READY:
            await _reach(channel, target)
        if unfit := [name for name, value in call.headers.items() if not _is_metadata(name, value)]:
            raise failure(
                Kind.INTERNAL, target.vendor, f"the request cannot be sent: {unfit[0]} is no metadata of gRPC"
            )
        timeout = None if call.deadline is None else max(0.0, call.deadline - asyncio.get_running_loop().time())
        # A call for one message is, on the wire, no other than one for a stream of them.
        rpc = _call(channel)(call.path)(call.body, timeout=timeout, metadata=tuple(call.headers.items()))
        response = GrpcResponse(rpc, target.vendor, call.deadline)
        try:
            await response.begin()
        except BaseException:
            response.close()
            raise
        return response

    async def close(self) -> None:
        """Closes all channels; calls under way are cancelled."""
        channels = tuple(self._channels.values())
        self._channels.clear()
        for channel in channels:
            await channel.close()

    def _open(self, base_url: str) -> grpc.aio.Channel:
        parts = urlsplit(base_url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        address = f"{host}:{parts.port or _PORTS[parts.scheme]}"
        if parts.scheme == "grpcs":
            channel = grpc.aio.secure_channel(address, self._credentials(), options=_OPTIONS)
        else:
            channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
        self._channels[base_url] = channel
        return channel

    def _credentials(self) -> grpc.ChannelCredentials:
        """The authorities that other connections of this service trust; gRPC would bring its own."""
        trusted = self._ca_file or ssl.get_default_verify_paths().cafile
        return grpc.ssl_channel_credentials(Path(trusted).read_bytes() if trusted else None)


class _Call(Protocol):
    """One method of a service, messages as bytes."""

    def __call__(self, request: bytes, *, timeout: float | None, metadata: Sequence[tuple[str, str]]) -> Rpc: ...


def _call(channel: grpc.aio.Channel) -> Callable[[str], _Call]:
    """How a call is made; the library's types know nothing of messages that are bytes."""
    return cast("Callable[[str], _Call]", channel.unary_stream)


def _is_metadata(name: str, value: str) -> bool:
    """Whether gRPC can send it (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)."""
    return _NAME.fullmatch(name) is not None and value.isascii() and value.isprintable()


async def _reach(channel: grpc.aio.Channel, target: Target) -> None:
    """Waits for a connection; a channel whose last attempt failed is not waited for until it has made its next."""
    limit = target.timeouts.connect
    try:
        async with asyncio.timeout(limit):
            state = channel.get_state(try_to_connect=True)
            while state is not grpc.ChannelConnectivity.READY:
                if state in {grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN}:
                    raise failure(Kind.CONNECT_FAILED, target.vendor, "could not be reached")
                await channel.wait_for_state_change(state)
                state = channel.get_state(try_to_connect=True)
    except TimeoutError:
        raise failure(Kind.CONNECT_TIMEOUT, target.vendor, f"could not be reached within {limit:g} s") from None
