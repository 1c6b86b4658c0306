"""How the service says to a vendor who it is: credentials enter a request here, and nowhere else."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from service.backends.dialect import HttpCall, Target
from service.config.model import AuthScheme

Scheme = Callable[[HttpCall, Target], Awaitable[None]]
"""Puts credentials into the headers of a call, in place. ApiError (UPSTREAM_AUTH) where there are none."""


async def bearer(call: HttpCall, target: Target) -> None:
    """`authorization: Bearer KEY` (RFC 6750); nothing where no key is configured."""
    if target.credential is not None:
        call.headers["authorization"] = f"Bearer {target.credential}"


def header(name: str) -> Scheme:
    """The key as a header of its own."""

    async def send(call: HttpCall, target: Target) -> None:
        if target.credential is not None:
            call.headers[name] = target.credential

    return send


async def none(call: HttpCall, target: Target) -> None:
    """No credentials."""


SCHEMES: Mapping[AuthScheme, Scheme] = MappingProxyType(
    {
        "bearer": bearer,
        "x-api-key": header("x-api-key"),
        "api-key": header("api-key"),
        "x-goog-api-key": header("x-goog-api-key"),
        "none": none,
    }
)
"""Schemes by the name that parley.yaml gives them."""


@dataclass(frozen=True, slots=True)
class Authenticator:
    """The schemes of one process; those that keep tokens keep them here."""

    schemes: Mapping[AuthScheme, Scheme] = field(default_factory=lambda: SCHEMES)

    async def authenticate(self, call: HttpCall, target: Target) -> None:
        """Puts the service's credentials into a call, in place."""
        await self.schemes[target.auth](call, target)
