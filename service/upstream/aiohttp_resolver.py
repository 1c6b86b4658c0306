"""The service's own look-ups, as aiohttp wants to call them."""

import socket
from typing import cast

from aiohttp.abc import AbstractResolver, ResolveResult

from service.upstream.resolver import Resolver


class ResolverForAiohttp(AbstractResolver):
    """Asks a resolver, whose answers it keeps no longer than that does."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host. OSError or UnicodeError where there are none.

        :param family: of addresses; AF_UNSPEC for all.
        """
        places = await self._resolver.resolve(host, port)
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(
                hostname=host,
                host=str(cast("tuple[str, int]", place.address)[0]),
                port=port,
                family=place.family,
                proto=socket.IPPROTO_TCP,
                flags=flags,
            )
            for place in places
            if family in {socket.AF_UNSPEC, place.family}
        ]

    async def close(self) -> None:
        """Does nothing: others may be asking it."""
