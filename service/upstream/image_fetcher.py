"""Fetches callers' images for vendors that take only bytes, without becoming a way into the network that it runs in."""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from service.config.model import FetchImages
from service.upstream.image import FetchError, Image
from service.upstream.public_address import IpAddress, IpNetwork, is_public

MOST_REDIRECTS = 3

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_UNSAID = frozenset(("", "application/octet-stream", "binary/octet-stream"))
"""Media types of servers that do not know what they serve."""
_SIGNATURES: Mapping[bytes, str] = MappingProxyType(
    {
        b"\x89PNG\r\n\x1a\n": "image/png",
        b"\xff\xd8\xff": "image/jpeg",
        b"GIF87a": "image/gif",
        b"GIF89a": "image/gif",
    }
)

_Address = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ImageFetcher:
    """Holds nothing between fetches: no connection, no cookie, no address."""

    settings: FetchImages = field(default_factory=FetchImages)
    resolver: AbstractResolver | None = None
    """Looks up hosts. Default: as aiohttp does."""

    async def fetch(self, url: str) -> Image:
        """The image at an http(s) URL. FetchError where there is none, or none that may be fetched.

        Every address is judged when its socket is made, so that nothing can change between judgement and use, and
        that a redirect is judged like the URL itself.
        """
        try:
            async with asyncio.timeout(self.settings.timeout):
                place = _parsed(url)
                for _ in range(MOST_REDIRECTS + 1):
                    found = await self._get(place)
                    if isinstance(found, Image):
                        return found
                    place = found
        except TimeoutError:
            raise FetchError(f"was not fetched within {self.settings.timeout:g} s") from None
        raise FetchError(f"leads on more than {MOST_REDIRECTS} times")

    async def _get(self, url: URL) -> Image | URL:
        """The image, or where it is instead."""
        gate = _Gate(self.settings, url.host or "")
        connector = aiohttp.TCPConnector(
            resolver=self.resolver, use_dns_cache=False, socket_factory=gate.socket, force_close=True
        )
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    # A compressed image may be larger than it says.
                    headers={"accept": "image/*", "accept-encoding": "identity", "user-agent": "parley"},
                    auto_decompress=False,
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as session,
                session.get(url, allow_redirects=False) as response,
            ):
                if response.status in _REDIRECTS:
                    return _parsed(response.headers.get("location", ""), url)
                if response.status != 200:
                    raise FetchError(f"could not be fetched: its server answers with HTTP status {response.status}")
                return await self._read(response)
        except (aiohttp.ClientError, OSError, ValueError):
            if gate.refused:
                raise FetchError("is not at a public address, and only those are fetched from") from None
            raise FetchError("could not be fetched: its server cannot be reached, or does not answer in HTTP") from None

    async def _read(self, response: aiohttp.ClientResponse) -> Image:
        said = response.content_type.lower() if "content-type" in response.headers else ""
        if said not in _UNSAID and not said.startswith("image/"):
            raise FetchError("is not an image: its server says that it is something else")
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise FetchError("could not be fetched: its server compresses it, unasked")
        limit = self.settings.max_bytes
        data = bytearray()
        if (response.content_length or 0) <= limit:
            async for piece in response.content.iter_any():
                data += piece
                if len(data) > limit:
                    break
        if len(data) > limit or (response.content_length or 0) > limit:
            raise FetchError(f"is larger than {limit} bytes")
        kind = _sniffed(bytes(data[:16])) or said
        if kind in _UNSAID:
            raise FetchError("is not an image of a kind that is known")
        return Image(kind, bytes(data))


class _Gate:
    """Makes sockets to addresses that may be fetched from, and to no others. For one host; never reused."""

    def __init__(self, settings: FetchImages, host: str) -> None:
        self._allowed = _networks(settings.allow)
        self._trusted = host.lower() in {name.lower() for name in settings.allow}
        self.refused = False
        """Whether there was an address that it made no socket to."""

    def socket(self, address: _Address) -> socket.socket:
        """A socket for an address as getaddrinfo gives it. OSError where it must not be connected to."""
        family, kind, protocol, _, place = address
        if not self._trusted and not self._may_reach(ipaddress.ip_address(str(place[0]).partition("%")[0])):
            self.refused = True
            raise ConnectionRefusedError("not a public address")
        return socket.socket(family=family, type=kind, proto=protocol)

    def _may_reach(self, address: IpAddress) -> bool:
        return is_public(address) or any(
            address.version == network.version and address in network for network in self._allowed
        )


def _networks(allow: tuple[str, ...]) -> tuple[IpNetwork, ...]:
    networks: list[IpNetwork] = []
    for text in allow:
        try:
            networks.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            # The name of a host.
            continue
    return tuple(networks)


def _parsed(url: str, base: URL | None = None) -> URL:
    try:
        parsed = URL(url)
        if base is not None and url:
            parsed = base.join(parsed)
        port = parsed.port
    except ValueError:
        raise FetchError("is not a URL") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host or port is None:
        raise FetchError("is not a URL that starts with http:// or https://")
    if parsed.user is not None or parsed.password is not None:
        raise FetchError("holds a user's name or password, which is not sent on")
    return parsed


def _sniffed(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES.items() if data.startswith(start)), "")
