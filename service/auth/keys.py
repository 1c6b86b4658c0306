"""Recognises callers by their keys, of which only SHA-256 hashes are known."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from service.config import Key
from service.errors import ApiError, Kind

_PREFIX = "parley-"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request it is, and what it may use."""

    name: str
    models: tuple[str, ...] = ("*",)
    unsupported: str | None = None
    """What the key's owner wants done with fields that a vendor cannot honour; None: what the service does."""

    def may_use(self, model: str) -> bool:
        """Whether the key is good for a model, by its name with or without a deployment."""
        return any(_matches(pattern, model) for pattern in self.models)


def _matches(pattern: str, model: str) -> bool:
    if pattern.endswith("*"):
        return model.startswith(pattern[:-1])
    return model == pattern or model.startswith(pattern + "/")


ANYONE = Caller("anonymous")
"""The caller where there are no keys."""


class Keyring:
    """The callers' keys. Comparing takes the same time whatever is presented."""

    def __init__(self, keys: Iterable[Key] | None) -> None:
        """:param keys: None lets everyone in; an empty list lets nobody in."""
        self._callers = (
            None
            if keys is None
            else [(bytes.fromhex(key.sha256), Caller(key.name, key.models, key.unsupported)) for key in keys]
        )

    def identify(self, key: str | None) -> Caller:
        """The caller whose key this is; INVALID_KEY for none or a wrong one."""
        if self._callers is None:
            return ANYONE
        if not key:
            raise ApiError(
                Kind.INVALID_KEY, "no API key: send it as the header x-api-key, or as Authorization: Bearer KEY"
            )
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
        found = None
        for known, caller in self._callers:
            if hmac.compare_digest(known, digest):
                found = caller
        if found is None:
            raise ApiError(Kind.INVALID_KEY, "the API key is not known here")
        return found


def new_key() -> str:
    """A new random key of 256 bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """What parley.yaml keeps of a key: its SHA-256 in hex. Keys are random, so no salt and no slow hash is needed."""
    return hashlib.sha256(key.encode()).hexdigest()
