"""A name server for one headless Service: the addresses of the pods that are ready and not about to end."""

import asyncio
import ipaddress
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

_A = 1
_AUTHORITATIVE_ANSWER = 0x8580
_POINTER_TO_QUESTION = 0xC00C


@dataclass(slots=True)
class Names(asyncio.DatagramProtocol):
    """Answers every name with the same addresses, in UDP."""

    addresses: set[str] = field(default_factory=set[str])
    port: int = 0
    _transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        end = data.index(b"\0", 12) + 5
        (kind,) = struct.unpack_from("!H", data, end - 4)
        addresses = sorted(self.addresses) if kind == _A else []
        head = data[:2] + struct.pack("!HHHHH", _AUTHORITATIVE_ANSWER, 1, len(addresses), 0, 0)
        records = [
            struct.pack("!HHHIH", _POINTER_TO_QUESTION, _A, 1, 1, 4) + ipaddress.IPv4Address(address).packed
            for address in addresses
        ]
        self._transport.sendto(head + data[12:end] + b"".join(records), addr)


@asynccontextmanager
async def serving_names() -> AsyncGenerator[Names]:
    """A name server on a loopback port of the kernel's choice."""
    transport, names = await asyncio.get_running_loop().create_datagram_endpoint(Names, local_addr=("127.0.0.1", 0))
    try:
        yield names
    finally:
        transport.close()
