"""Which HTTP proxy leads to a vendor, as the environment says: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY."""

import base64
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_VARIABLES = {"http": "http_proxy", "https": "https_proxy", "grpc": "http_proxy", "grpcs": "https_proxy"}
"""By the scheme of what is to be reached; all_proxy stands in for each."""
_PORTS = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}


class ProxyError(ValueError):
    """The environment names a proxy that cannot be used. The text names the variable, never its value's secrets."""


@dataclass(frozen=True, slots=True)
class Address:
    """A place to connect to."""

    host: str
    """In ASCII; an IPv6 address without brackets."""
    port: int

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy."""

    address: Address
    authorization: str = field(default="", repr=False)
    """Value of `proxy-authorization`; empty where the proxy asks for none."""
    tls: bool = False
    """Whether the proxy itself is reached over TLS."""


def proxy_for(url: str, environ: Mapping[str, str] = os.environ) -> Proxy | None:
    """The proxy for a base URL; none for this machine itself, nor for what NO_PROXY names. ProxyError.

    Lower-case names go before upper-case ones; an empty value is as none.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    for name in (_VARIABLES[parts.scheme], "all_proxy"):
        variable = next((each for each in (name, name.upper()) if environ.get(each)), None)
        if variable is not None:
            break
    else:
        return None
    if _is_loopback(host) or _passed_by(host, parts.port or _PORTS[parts.scheme], environ):
        return None
    try:
        proxy = parse_proxy(environ[variable])
    except ValueError as error:
        raise ProxyError(f"the environment's {variable}: {error}") from None
    if proxy.tls and parts.scheme.startswith("grpc"):
        raise ProxyError(
            f"the environment's {variable}: gRPC cannot be led through https://; expected http://HOST:PORT"
        )
    return proxy


def parse_proxy(url: str) -> Proxy:
    """Takes a proxy's URL apart. ValueError, without the URL since it may hold a password, where it is none."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in {"http", "https"}:
        kind = parts.scheme if re.fullmatch(r"socks\w{0,2}", parts.scheme) else "this"
        raise ValueError(f"{kind} is no kind of proxy that can be used; expected http://HOST:PORT or https://HOST:PORT")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if not parts.hostname or port == 0:
        raise ValueError("expected http://HOST:PORT or https://HOST:PORT")
    authorization = ""
    if parts.username:
        pair = unquote(f"{parts.username}:{parts.password or ''}").encode()
        authorization = "Basic " + base64.b64encode(pair).decode()
    tls = parts.scheme == "https"
    return Proxy(Address(parts.hostname, port or _PORTS[parts.scheme]), authorization, tls)


def bracketed(host: str) -> str:
    """A host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def _passed_by(host: str, port: int, environ: Mapping[str, str]) -> bool:
    """Whether NO_PROXY names a host.

    By `*`; by a domain, which stands for what is below it too, as `.domain` does; by `*.domain`, which stands for only
    what is below it; or by an address or a network. Each but the first may have a port.
    """
    named = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    address = _address(host)
    return any(_names(entry, host.lower(), address, port) for entry in re.split(r"[\s,]+", named.lower()) if entry)


def _names(entry: str, host: str, address: "_Ip | None", port: int) -> bool:
    if entry == "*":
        return True
    place, only = _without_port(entry)
    if only is not None and only != port:
        return False
    if address is not None:
        try:
            network = ipaddress.ip_network(place, strict=False)
        except ValueError:
            return False
        return address.version == network.version and address in network
    place = place.rstrip(".")
    if place.startswith("*."):
        return host.endswith(place[1:])
    place = place.lstrip(".")
    return bool(place) and (host == place or host.endswith(f".{place}"))


def _without_port(entry: str) -> tuple[str, int | None]:
    if found := re.fullmatch(r"\[([^\]]+)\](?::(\d{1,5}))?|([^:]+):(\d{1,5})", entry):
        port = found[2] or found[4]
        return found[1] or found[3], int(port) if port else None
    return entry, None


_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(host: str) -> _Ip | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return (address.version == 6 and address.ipv4_mapped) or address


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback
