"""The scalar values that parley.yaml writes as text: durations, addresses, references to secrets."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")


def parse_duration(value: object) -> float:
    """Seconds of `"500ms"`, `"2s"`, `"10m"`, `"1h"` or a plain number of seconds; above 0."""
    seconds: float | None = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        seconds = float(match[1]) * _UNITS[match[2]]
    if seconds is None or not 0 < seconds < float("inf"):
        raise ValueError("expected a duration above 0, such as 500ms, 2s, 10m or 1h")
    return seconds


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^{_DURATION.pattern}$"}, {"type": "number"}]}),
]
"""A time span in seconds, written `500ms`, `2s`, `10m` or `1h`."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where Envoy listens."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(value: object) -> Address:
    """`127.0.0.1:8080`, `[::1]:8080` or `0.0.0.0:80`."""
    if isinstance(value, Address):
        return value
    match = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})", value) if isinstance(value, str) else None
    if match is None or not 0 < int(match[3]) < 65536:
        raise ValueError("expected an address and a port, such as 127.0.0.1:8080")
    host = match[1] or match[2]
    if host != "localhost":
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise ValueError(f"expected an IP address or localhost, got {host!r}") from None
    return Address(host, int(match[3]))


ListenAddress = Annotated[
    Address,
    BeforeValidator(parse_address),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^.+:\d+$"}),
]


def parse_place(value: object) -> str:
    """A network such as `10.1.0.0/16`, an IP address, or a host's name."""
    if isinstance(value, str):
        try:
            return str(ipaddress.ip_network(value, strict=False))
        except ValueError:
            if _HOST.fullmatch(value) and not value.rpartition(".")[2].isdigit():
                return value.lower()
    raise ValueError("expected a host's name, an IP address or a network, such as images.internal or 10.1.0.0/16")


_ORIGIN = re.compile(r"https?://(?:\*\.)?(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")


def parse_origin(value: object) -> str:
    """A web page's origin: `*` for any, and `https://*.example.com` for any below."""
    if isinstance(value, str) and (value == "*" or _ORIGIN.fullmatch(value.lower())):
        return value.lower()
    raise ValueError(
        "expected *, or an origin without a path, such as https://app.example.com or https://*.example.com"
    )


Origin = Annotated[str, BeforeValidator(parse_origin)]
"""As browsers send it, in lower case."""

Place = Annotated[str, BeforeValidator(parse_place)]
"""A network in CIDR notation, or a host's name in lower case."""


_MOST_WORKERS = 256


def parse_workers(value: object) -> int | Literal["auto"]:
    """A number of processes from 1 to 256, or `auto`."""
    if value == "auto":
        return "auto"
    if isinstance(value, str) and re.fullmatch(r"\d{1,3}", value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST_WORKERS:
        return value
    raise ValueError(f"expected a number from 1 to {_MOST_WORKERS}, or auto")


Workers = Annotated[
    int | Literal["auto"],
    PlainValidator(parse_workers),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": _MOST_WORKERS}, {"type": "string", "enum": ["auto"]}]}
    ),
]
"""A number of processes; `auto`: as many as there are cores for them."""
