"""The only code that opens a socket to a vendor."""

from service.upstream.driver import Driver
from service.upstream.grpc_transport import GrpcTransport
from service.upstream.http_limits import HttpLimits
from service.upstream.http_transport import HttpTransport
from service.upstream.http_transports import http_transport
from service.upstream.image import Images
from service.upstream.schemes import SchemeTransport

__all__ = ["Driver", "GrpcTransport", "HttpLimits", "HttpTransport", "Images", "SchemeTransport", "http_transport"]
