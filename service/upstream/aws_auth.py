"""Signatures of AWS (Signature Version 4), by its own library, whose search for keys blocks and is kept out of the way.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, cast

from service.backends.dialect import HttpCall, Target
from service.errors import ApiError, Kind, Upstream

_SERVICE = "bedrock"
"""The name that Bedrock's signatures are made for, which is not that of its host."""

_FRESH_S = 900
"""How long before their end keys are renewed; the library's own threshold."""

_GOOD_S = 30
"""How long before their end keys are not used any more, for requests that are under way and clocks that differ."""

_MADE = ("authorization", "x-amz-date", "x-amz-security-token")
"""The headers that signing makes."""

_LARGE = 1024 * 1024
"""Bodies above this size are hashed in a thread: 1 MiB takes about a millisecond."""

_log = logging.getLogger("parley.aws_auth")


@dataclass(frozen=True, slots=True)
class Keys:
    """What a request is signed with."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    """Of a session, where the keys are of one."""


class NoKeysError(Exception):
    """No keys could be had. Says why, without anything secret."""


class KeyChain(Protocol):
    """Where keys come from."""

    def lasts(self, seconds: int) -> bool:
        """Whether the keys that were fetched last are good for so long. Does not block."""
        ...

    def fetch(self) -> Keys:
        """The keys, new ones where the old end soon. Called from a thread, by one at a time; it may block."""
        ...


@dataclass(slots=True)
class AwsAuth:
    """The scheme `sigv4`. Belongs to one event loop."""

    new_chain: Callable[[], KeyChain] = field(default_factory=lambda: _DefaultChain)
    """Finds the keys; called from a thread, where it may block."""
    retry: float = 30.0
    """Seconds between two attempts to renew keys that are still good."""
    _chain: KeyChain | None = None
    _keys: Keys | None = None
    _renewal: "asyncio.Task[Keys] | None" = None
    _pause: float = 0.0
    """When good keys may be renewed again, on the event loop's clock."""

    async def __call__(self, call: HttpCall, target: Target) -> None:
        """Signs a call, in place. ApiError (UPSTREAM_AUTH) where there are no keys.

        However many ask, one renewal is under way at a time; while the old keys are good nobody waits for it.
        """
        if not target.region:
            raise _failure(target, "no region is configured to sign requests for", "no_region")
        try:
            keys = await self._current()
        except NoKeysError as error:
            raise _failure(target, "this service has no AWS credentials that can be used", "no_credentials") from error
        if len(call.body) > _LARGE:
            await asyncio.to_thread(sign, call, target, keys)
        else:
            sign(call, target, keys)

    async def _current(self) -> Keys:
        chain, keys = self._chain, self._keys
        if chain is None or keys is None or not chain.lasts(_GOOD_S):
            # The renewal serves all who wait, so that one who goes away must not end it.
            return await asyncio.shield(self._renew())
        if not chain.lasts(_FRESH_S) and asyncio.get_running_loop().time() >= self._pause:
            self._renew()
        return keys

    def _renew(self) -> "asyncio.Task[Keys]":
        if self._renewal is None:
            self._renewal = asyncio.get_running_loop().create_task(asyncio.to_thread(self._fetch))
            self._renewal.add_done_callback(self._renewed)
        return self._renewal

    def _fetch(self) -> Keys:
        try:
            if self._chain is None:
                self._chain = self.new_chain()
            return self._chain.fetch()
        except NoKeysError:
            raise
        except Exception as error:  # noqa: BLE001
            # Of many kinds, and their words may quote an answer that holds keys.
            raise NoKeysError(type(error).__name__) from None

    def _renewed(self, renewal: "asyncio.Task[Keys]") -> None:
        self._renewal = None
        self._pause = asyncio.get_running_loop().time() + self.retry
        if renewal.cancelled():
            return
        if error := renewal.exception():
            _log.warning("no AWS credentials", extra={"fields": {"reason": str(error)}})
        else:
            self._keys = renewal.result()


class _Refreshable(Protocol):
    """What is used of the library's keys that end."""

    def refresh_needed(self, refresh_in: int) -> bool: ...


class _DefaultChain:
    """AWS's own search: environment, shared files, web identity, container, instance metadata.

    Source: https://docs.aws.amazon.com/boto3/latest/guide/credentials.html.
    """

    def __init__(self) -> None:
        try:
            # Imported where it is used: it takes half a second and 23 MB, and few have models at AWS.
            from botocore.session import Session  # noqa: PLC0415
        except ImportError:
            raise NoKeysError("botocore is not installed; it comes with parley[bedrock]") from None
        # At this level it would write signed headers, the session's token among them.
        logging.getLogger("botocore.auth").setLevel(logging.INFO)
        credentials = Session().get_credentials()
        if credentials is None:
            raise NoKeysError("none were found in the environment, in files, or at the machine's metadata")
        self._credentials = credentials

    def lasts(self, seconds: int) -> bool:
        """Whether the keys are good for so long; those that say no end are."""
        if not hasattr(self._credentials, "refresh_needed"):
            return True
        return not cast("_Refreshable", self._credentials).refresh_needed(seconds)

    def fetch(self) -> Keys:
        """The keys."""
        frozen = self._credentials.get_frozen_credentials()
        if not frozen.access_key or not frozen.secret_key:
            raise NoKeysError("those that were found are empty")
        return Keys(frozen.access_key, frozen.secret_key, frozen.token)


def sign(call: HttpCall, target: Target, keys: Keys) -> None:
    """Signs the body, the host, and of the headers those that cannot change on the way: content-type and x-amz-*."""
    from botocore.auth import SigV4Auth  # noqa: PLC0415  # as above
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    for name in _MADE:
        call.headers.pop(name, None)
    signed = {
        name: value for name, value in call.headers.items() if name == "content-type" or name.startswith("x-amz-")
    }
    request = AWSRequest(call.method, target.base_url + call.path, headers=signed, data=call.body)
    credentials = Credentials(keys.access_key, keys.secret_key, keys.token)
    SigV4Auth(credentials, _SERVICE, target.region).add_auth(request)
    for name in _MADE:
        if value := request.headers.get(name):
            call.headers[name] = value


def _failure(target: Target, problem: str, code: str) -> ApiError:
    return ApiError(Kind.UPSTREAM_AUTH, f"{target.vendor}: {problem}", upstream=Upstream(target.vendor, code=code))
