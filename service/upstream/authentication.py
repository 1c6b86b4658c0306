"""How the service says to a vendor who it is: credentials enter a request here, and nowhere else."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from service.backends.dialect import HttpCall, Target
from service.config.model import AuthScheme
from service.upstream.aws_auth import AwsAuth
from service.upstream.entra_auth import EntraTokens
from service.upstream.google_auth import GoogleAuth
from service.upstream.versions import Send

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
"""Schemes that keep nothing, by the name that parley.yaml gives them."""


class TokenSource(Protocol):
    """Fetches bearer tokens, and keeps them while they are good."""

    async def token(self, target: Target, send: Send) -> str:
        """A token that a target accepts. ApiError where there is none.

        :param send: sends a request as the driver does, to any target.
        """
        ...


def _schemes() -> dict[AuthScheme, Scheme]:
    """The schemes, those that keep something made anew."""
    return {**SCHEMES, "google": GoogleAuth(), "sigv4": AwsAuth()}


def _sources() -> dict[AuthScheme, TokenSource]:
    return {"entra": EntraTokens()}


@dataclass(frozen=True, slots=True)
class Authenticator:
    """The schemes of one process; those that keep tokens keep them here."""

    schemes: Mapping[AuthScheme, Scheme] = field(default_factory=_schemes)
    sources: Mapping[AuthScheme, TokenSource] = field(default_factory=_sources)
    """The schemes whose bearer token has to be fetched first."""

    async def authenticate(self, call: HttpCall, target: Target, send: Send) -> None:
        """Puts the service's credentials into a call, in place.

        :param send: sends a request, credentials and all, to where tokens come from.
        """
        if source := self.sources.get(target.auth):
            call.headers["authorization"] = f"Bearer {await source.token(target, send)}"
        else:
            await self.schemes[target.auth](call, target)
