"""Chooses the transport of a call by the scheme of the target's URL."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import CoroutineType

from service.backends.dialect import HttpCall, Target
from service.errors import Kind
from service.upstream.failure import failure
from service.upstream.transport import Response, Transport


@dataclass(frozen=True, slots=True)
class SchemeTransport:
    """Several transports as one. Belongs to one event loop."""

    transports: Mapping[str, Transport]
    """By scheme, such as https."""

    def send(self, call: HttpCall, target: Target) -> "CoroutineType[None, None, Response]":
        """Sends a request by the transport of its URL's scheme; INTERNAL where there is none."""
        transport = self.transports.get(target.base_url.partition("://")[0])
        if transport is None:
            raise failure(Kind.INTERNAL, target.vendor, "the request cannot be sent: no transport for its base_url")
        return transport.send(call, target)

    async def close(self) -> None:
        """Closes all connections."""
        for transport in {id(each): each for each in self.transports.values()}.values():
            await transport.close()
