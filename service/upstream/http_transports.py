"""The HTTP transports by their names in parley.yaml; only the one that is chosen is loaded."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from service.config.model import TransportName
from service.upstream.http_transport import HttpTransport
from service.upstream.transport import Transport


def http_transport(name: TransportName) -> Transport:
    """A new transport for http:// and https:// URLs. Belongs to the event loop that runs."""
    return _MAKERS[name]()


def _aiohttp() -> Transport:
    # aiohttp takes 12 MB and a fifth of a second, which only those pay for who choose it.
    from service.upstream.aiohttp_transport import AiohttpTransport  # noqa: PLC0415

    return AiohttpTransport()


_MAKERS: Mapping[TransportName, Callable[[], Transport]] = MappingProxyType(
    {"built-in": HttpTransport, "aiohttp": _aiohttp}
)
