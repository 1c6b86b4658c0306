"""Recognises callers by their keys, of which only SHA-256 hashes are known."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

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
    _beginnings: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """How the names of models begin that it may use, besides those that stand whole in `models`."""

    def __post_init__(self) -> None:
        # Once, because a caller asks often.
        beginnings = tuple(name[:-1] if name.endswith("*") else name + "/" for name in self.models)
        object.__setattr__(self, "_beginnings", beginnings)

    def may_use(self, model: str) -> bool:
        """Whether the key is good for a model, by its name with or without a deployment."""
        return model.startswith(self._beginnings) or model in self.models


ANYONE = Caller("anonymous")
"""The caller where there are no keys."""


class Keyring:
    """The callers' keys.

    How long it takes to find one tells nothing of the others: Python's dict places hashes by a hash of its own with a
    key that nobody knows, and compares them only where all 64 bits of that are equal.
    """

    def __init__(self, keys: Iterable[Key] | None) -> None:
        """:param keys: None lets everyone in; an empty list lets nobody in."""
        self._callers = (
            None
            if keys is None
            else {
                bytes.fromhex(each): Caller(key.name, key.models, key.unsupported)
                for key in keys
                for each in key.sha256
            }
        )

    def identify(self, key: str | None) -> Caller:
        """The caller whose key this is; INVALID_KEY for none or a wrong one."""
        if self._callers is None:
            return ANYONE
        if not key:
            raise ApiError(
                Kind.INVALID_KEY, "no API key: send it as the header x-api-key, or as Authorization: Bearer KEY"
            )
        caller = self._callers.get(hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest())
        if caller is None:
            raise ApiError(Kind.INVALID_KEY, "the API key is not known here")
        return caller


def new_key() -> str:
    """A new random key of 256 bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """What parley.yaml keeps of a key: its SHA-256 in hex. Keys are random, so no salt and no slow hash is needed."""
    return hashlib.sha256(key.encode()).hexdigest()
