"""Tokens of Microsoft Entra ID for Azure, by the client-credentials flow: kept, and renewed ahead of time.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
"""

import asyncio
import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from service.backends.dialect import HttpCall, Target
from service.codec import DecodeError, JsonObject, parse_object
from service.errors import ApiError, Kind, Upstream
from service.upstream.versions import Send

AHEAD_S = 300.0
"""How long before its end a token is replaced; a token of less than twice that, at half its time."""

_RETRY_S = 30.0
"""How long a token that is still good is used on after an attempt to replace it has failed."""

_MOST_BYTES = 64 * 1024

_SCOPES = {
    ".azure.us": "https://cognitiveservices.azure.us/.default",
    ".azure.cn": "https://cognitiveservices.azure.cn/.default",
}
"""Of the sovereign clouds, by how their hosts end."""

_SCOPE = "https://cognitiveservices.azure.com/.default"

_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_log = logging.getLogger("parley.upstream")


@dataclass(slots=True)
class _Place:
    """What is known of the tokens for one scope."""

    token: str = field(default="", repr=False)
    renew: float = 0.0
    """When to look for a new one."""
    until: float = 0.0
    """When it ends."""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class EntraTokens:
    """Belongs to one event loop.

    The service says who it is with the variables of Azure's own tools: AZURE_TENANT_ID, AZURE_CLIENT_ID, and
    AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE (workload identity on Kubernetes); AZURE_AUTHORITY_HOST where it
    is not https://login.microsoftonline.com.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    clock: Callable[[], float] = time.monotonic
    _places: defaultdict[str, _Place] = field(default_factory=lambda: defaultdict(_Place))

    async def token(self, target: Target, send: Send) -> str:
        """The token for a target: its own key where it has one, else one of Entra ID.

        ApiError: UPSTREAM_AUTH where there are no credentials or Entra ID refuses them, UNAVAILABLE where it fails.
        """
        if target.credential is not None:
            return target.credential
        scope = _scope(target)
        place = self._places[scope]
        clock = self.clock
        if clock() < place.renew or (clock() < place.until and place.asking.locked()):
            return place.token
        async with place.asking:
            if clock() >= place.renew:
                try:
                    token, seconds = await self._fetch(scope, target, send)
                except ApiError as error:
                    if clock() >= place.until:
                        raise
                    _log.warning("token not renewed", extra={"fields": {"vendor": target.vendor, "code": error.code}})
                    place.renew = clock() + _RETRY_S
                else:
                    place.token, place.until = token, clock() + seconds
                    place.renew = place.until - min(AHEAD_S, seconds / 2)
        return place.token

    async def _fetch(self, scope: str, target: Target, send: Send) -> tuple[str, float]:
        call, authority = self._call(scope, target)
        # Certificates that are for a vendor are none for Microsoft.
        response = await send(call, replace(target, base_url=authority, socket=None, tls=None))
        try:
            body = bytearray()
            while len(body) < _MOST_BYTES and (data := await response.read()):
                body += data
        except BaseException:
            response.close()
            raise
        response.finish()
        try:
            answer = parse_object(bytes(body))
        except DecodeError:
            answer: JsonObject = {}
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if response.status == 200 and isinstance(token, str) and token and isinstance(seconds, int | float):
            return token, float(seconds)
        raise _refusal(target, response.status, answer)

    def _call(self, scope: str, target: Target) -> tuple[HttpCall, str]:
        tenant, client = self.environ.get("AZURE_TENANT_ID"), self.environ.get("AZURE_CLIENT_ID")
        proof = self._proof(target)
        if not tenant or not client or proof is None:
            raise _no_credentials(target)
        form = {"grant_type": "client_credentials", "client_id": client, "scope": scope, **proof}
        authority = self.environ.get("AZURE_AUTHORITY_HOST") or "https://login.microsoftonline.com"
        if "://" not in authority:
            authority = f"https://{authority}"
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        path = f"/{quote(tenant, safe='')}/oauth2/v2.0/token"
        return HttpCall(path, headers, urlencode(form).encode()), authority.rstrip("/")

    def _proof(self, target: Target) -> dict[str, str] | None:
        if secret := self.environ.get("AZURE_CLIENT_SECRET"):
            return {"client_secret": secret}
        if file := self.environ.get("AZURE_FEDERATED_TOKEN_FILE"):
            try:
                # Kubernetes replaces the file from time to time.
                assertion = Path(file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise _no_credentials(target) from None
            return {"client_assertion_type": _JWT_BEARER, "client_assertion": assertion}
        return None


def _scope(target: Target) -> str:
    host = urlsplit(target.base_url).hostname or ""
    return next((scope for end, scope in _SCOPES.items() if host.endswith(end)), _SCOPE)


def _no_credentials(target: Target) -> ApiError:
    return ApiError(
        Kind.UPSTREAM_AUTH,
        f"{target.vendor}: this service has no credentials for it",
        upstream=Upstream(target.vendor, code="no_credentials"),
    )


def _refusal(target: Target, status: int, answer: JsonObject) -> ApiError:
    # The description may quote what was sent.
    word = answer.get("error")
    code = word if isinstance(word, str) else ""
    upstream = Upstream(target.vendor, status, code)
    if 400 <= status < 500 and status != 429:
        problem = f"{target.vendor}: Microsoft Entra ID refused the credentials that this service is configured with"
        return ApiError(Kind.UPSTREAM_AUTH, problem, upstream=upstream)
    problem = f"{target.vendor}: Microsoft Entra ID gave no token (HTTP status {status})"
    return ApiError(Kind.UNAVAILABLE, problem, upstream=upstream)
