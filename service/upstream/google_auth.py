"""Access tokens of Google Cloud, whose own library finds the credentials and whose calls block, kept out of the way."""

import asyncio
import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

from service.backends.dialect import HttpCall, Target
from service.errors import ApiError, Kind, Upstream

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"

_RENEW_BEFORE = timedelta(seconds=225)
"""The library's own threshold; metadata servers give no newer token earlier."""

_REQUEST_SECONDS = 10.0
"""Of one request for a token. The library tries again itself."""

_log = logging.getLogger("parley.google_auth")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a request to Google carries, and until when."""

    headers: Mapping[str, str] = field(repr=False)
    """The token, and whose quota is used where the credentials say it; names in lower case."""
    expires: datetime | None
    """None: it does not say."""

    def good(self, now: datetime) -> bool:
        """Whether it can still be used."""
        return self.expires is None or now < self.expires

    def fresh(self, now: datetime) -> bool:
        """Whether it can be used for some time to come."""
        return self.expires is None or now < self.expires - _RENEW_BEFORE


class Issuer(Protocol):
    """Where grants come from. Called from a thread, by one at a time; it may block."""

    def __call__(self) -> Grant:
        """A new grant. TokenError where there is none."""
        ...


class TokenError(Exception):
    """No token could be had. Says why, without anything secret."""


@dataclass(slots=True)
class GoogleAuth:
    """The scheme `google`. Belongs to one event loop."""

    new_issuer: Callable[[], Issuer] = field(default_factory=lambda: _DefaultCredentials)
    """Finds the credentials, once: application default credentials, or the file of GOOGLE_APPLICATION_CREDENTIALS."""
    _issuer: Issuer | None = None
    _grant: Grant | None = None
    _renewal: "asyncio.Task[Grant] | None" = None

    async def __call__(self, call: HttpCall, target: Target) -> None:
        """Puts a token into a call. ApiError (UPSTREAM_AUTH) where none can be had.

        However many ask, one renewal is under way at a time; while the old token is good nobody waits for it.
        """
        now = datetime.now(UTC)
        grant = self._grant
        if grant is None or not grant.fresh(now):
            renewal = self._renew()
            if grant is None or not grant.good(now):
                try:
                    # The renewal serves all who wait, so that one who goes away must not end it.
                    grant = await asyncio.shield(renewal)
                except TokenError as error:
                    vendor = target.vendor
                    raise ApiError(
                        Kind.UPSTREAM_AUTH,
                        f"{vendor}: this service could not get an access token from Google",
                        upstream=Upstream(vendor),
                    ) from error
        call.headers.update(grant.headers)

    def _renew(self) -> "asyncio.Task[Grant]":
        if self._renewal is None:
            self._renewal = asyncio.get_running_loop().create_task(asyncio.to_thread(self._issue))
            self._renewal.add_done_callback(self._renewed)
        return self._renewal

    def _issue(self) -> Grant:
        if self._issuer is None:
            self._issuer = self.new_issuer()
        return self._issuer()

    def _renewed(self, renewal: "asyncio.Task[Grant]") -> None:
        self._renewal = None
        if renewal.cancelled():
            return
        if error := renewal.exception():
            reason = str(error) if isinstance(error, TokenError) else type(error).__name__
            _log.warning("no access token", extra={"fields": {"reason": reason}})
        else:
            self._grant = renewal.result()


class _Credentials(Protocol):
    """What is used of the library's credentials, which it leaves untyped."""

    expiry: datetime | None
    """In UTC, but naive."""

    def refresh(self, request: Callable[..., Any]) -> None: ...
    def apply(self, headers: dict[str, str]) -> None: ...


class _DefaultCredentials:
    """Google's own search for credentials (https://google.aip.dev/auth/4110)."""

    def __init__(self) -> None:
        # Imported where they are used: they take a quarter of a second, and few have models at Google.
        import google.auth  # noqa: PLC0415
        import google.auth.transport.urllib3  # noqa: PLC0415
        import urllib3  # noqa: PLC0415

        pool = google.auth.transport.urllib3.Request(urllib3.PoolManager())
        self._request = functools.partial(pool, timeout=_REQUEST_SECONDS)
        try:
            find = cast("Callable[..., tuple[_Credentials, str | None]]", google.auth.default)  # pyright: ignore[reportUnknownMemberType]
            self._credentials, _ = find(scopes=[_SCOPE], request=self._request)
        except Exception as error:
            raise _told(error) from error

    def __call__(self) -> Grant:
        """A new grant."""
        try:
            self._credentials.refresh(self._request)
            headers: dict[str, str] = {}
            self._credentials.apply(headers)
        except Exception as error:
            raise _told(error) from error
        expiry = self._credentials.expiry
        expires = expiry.replace(tzinfo=UTC) if expiry else None
        return Grant({name.lower(): value for name, value in headers.items()}, expires)


def _told(error: Exception) -> TokenError:
    """Why there is no token, in words that are certainly not the token server's answer."""
    answer: object = error.args[1] if len(error.args) > 1 else None
    # RFC 6749, 5.2: one word for the cause, such as invalid_grant.
    code = cast("dict[str, object]", answer).get("error") if isinstance(answer, dict) else None
    return TokenError(f"{type(error).__name__}: {code}" if isinstance(code, str) else type(error).__name__)
