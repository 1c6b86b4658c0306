"""The only code that opens a socket to a vendor."""

from service.upstream.aiohttp_transport import AiohttpTransport
from service.upstream.driver import Driver
from service.upstream.http_limits import HttpLimits
from service.upstream.http_transport import HttpTransport
from service.upstream.image_fetcher import ImageFetcher

__all__ = ["AiohttpTransport", "Driver", "HttpLimits", "HttpTransport", "ImageFetcher"]
