"""Where requests go and how their heads are written; what all requests to a target share is made once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from service.proxies import Address, Proxy, bracketed

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]++")
"""RFC 9110's, but in lower case, so that none is there twice."""
_TEXT = bytes((0x09, *range(0x20, 0x7F), *range(0x80, 0x100)))
"""What a header's value may hold (RFC 9110), with what Latin-1 has beyond ASCII."""
_FORMS = 256
"""How many forms of heads are kept; should more be met, as callers can name models and these stand in paths, they
are made anew."""
_PATH = re.compile(r"[!\x24-\x7e]*+")
_BAD = "a header's name or value holds characters that must not stand there"
_FRAMING = frozenset(("content-length", "expect", "te", "trailer", "transfer-encoding", "upgrade"))
_OWN = {"accept-encoding": "identity", "user-agent": "parley"}
"""Compression is declined because a compressed stream arrives late and in lumps."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One scheme, host and port, or unix socket: what connections are kept by."""

    tls: bool
    address: Address
    socket: str | None = None
    proxy: Proxy | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """What heads have in common whose paths and whose headers' names are the same."""

    text: str
    """A format, for the method, the headers' values and the length."""
    ends: bytes
    """All that such a head holds of line ends and other control characters."""
    closing: bool
    """Whether `connection` is among the headers."""


@dataclass(frozen=True, slots=True)
class Base:
    """A base URL, ready for requests below it."""

    origin: Origin
    path: str
    """Goes before each request's path; for a proxy with scheme and host."""
    headers: Mapping[str, str]
    """What each request sends unless it says otherwise."""
    _forms: dict[tuple[str, ...], Form] = field(default_factory=dict[tuple[str, ...], Form], repr=False, compare=False)
    """By path and names of headers."""

    def target(self, path: str) -> str:
        """What a request asks for."""
        target = self.path + path
        if not _PATH.fullmatch(target):
            # "#" would end it, blanks and controls would end the line.
            target = quote(target, safe="/%?=&:@!$'()*+,;~[]")
        return target

    def head(self, path: str, headers: Mapping[str, str], length: int, method: str = "POST") -> bytes:
        """The head of a request. ValueError, without any value, for what must not stand in a head."""
        form = self._forms.get((path, *headers)) or self._form(path, headers)
        if form.closing and headers["connection"] != "close":
            raise ValueError("the header connection can only be close")
        try:
            head = (form.text % (method, *headers.values(), length)).encode("latin-1")
        except UnicodeEncodeError:
            raise ValueError(_BAD) from None
        # A value with a line end in it would make well-formed lines, but too many of them.
        if head.translate(None, _TEXT) != form.ends:
            raise ValueError(_BAD)
        return head

    def _form(self, path: str, headers: Mapping[str, str]) -> Form:
        if not _FRAMING.isdisjoint(headers):
            raise ValueError(f"the header {', '.join(sorted(_FRAMING & headers.keys()))} is not for a call to set")
        if not all(map(_NAME.fullmatch, headers)):
            raise ValueError(_BAD)
        own = "".join([f"{name}: {value}\r\n" for name, value in self.headers.items() if name not in headers])
        first = f"{self.target(path)} HTTP/1.1\r\n{own}".replace("%", "%%")
        fields = "".join([f"{name.replace('%', '%%')}: %s\r\n" for name in headers])
        text = f"%s {first}{fields}content-length: %d\r\n\r\n"
        if len(self._forms) == _FORMS:
            self._forms.clear()
        form = self._forms[path, *headers] = Form(text, b"\r\n" * text.count("\n"), "connection" in headers)
        return form


def parse_base(url: str, socket: str | None, proxy: Proxy | None) -> Base:
    """Takes a target's base URL apart. ValueError where it is none, or holds more than scheme, host, port and path."""
    parts = urlsplit(url)
    default = _PORTS.get(parts.scheme)
    if default is None or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("a base URL is http:// or https://, a host, perhaps a port and a path")
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode("ascii")
    port = parts.port or default
    name = bracketed(host) if port == default else f"{bracketed(host)}:{port}"
    origin = Origin(parts.scheme == "https", Address(host, port), socket, proxy)
    headers = {"host": name, **_OWN}
    path = parts.path.rstrip("/")
    if proxy is not None and not origin.tls:
        path = f"http://{name}{path}"
        if proxy.authorization:
            headers["proxy-authorization"] = proxy.authorization
    return Base(origin, path, headers)
