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


KEYS: Mapping[AuthScheme, tuple[str, str] | None] = MappingProxyType(
    {
        "bearer": ("authorization", "Bearer "),
        "x-api-key": ("x-api-key", ""),
        "api-key": ("api-key", ""),
        "x-goog-api-key": ("x-goog-api-key", ""),
        "none": None,
    }
)
"""Schemes that send the configured key as it is, by the name that parley.yaml gives them: the header, and what goes
before the key in it."""


def put_key(call: HttpCall, target: Target) -> bool:
    """Puts the configured key, if there is one, into a call; false where the scheme needs more than that."""
    try:
        key = KEYS[target.auth]
    except KeyError:
        return False
    if key is not None and target.credential is not None:
        header, prefix = key
        call.headers[header] = prefix + target.credential
    return True


class TokenSource(Protocol):
    """Fetches bearer tokens, and keeps them while they are good."""

    async def token(self, target: Target, send: Send) -> str:
        """A token that a target accepts. ApiError where there is none.

        :param send: sends a request as the driver does, to any target.
        """
        ...


def _schemes() -> dict[AuthScheme, Scheme]:
    """The schemes that keep something, made anew."""
    return {"google": GoogleAuth(), "sigv4": AwsAuth()}


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
        if put_key(call, target):
            return
        if source := self.sources.get(target.auth):
            call.headers["authorization"] = f"Bearer {await source.token(target, send)}"
        else:
            await self.schemes[target.auth](call, target)
