"""The only code that opens a socket to a vendor."""

from service.upstream.aiohttp_transport import AiohttpTransport
from service.upstream.driver import Driver

__all__ = ["AiohttpTransport", "Driver"]
