"""The one exception that a caller is told of; everything else that reaches a face is a bug and becomes INTERNAL."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from service.errors import bounds
from service.errors.code import Code, Relayed
from service.errors.kind import Kind

INSTEAD: Mapping[Code, Kind] = MappingProxyType(
    {
        "invalid_image_url": Kind.INVALID_VALUE,
        "model_not_allowed": Kind.PERMISSION,
        "queue_full": Kind.RATE_LIMIT,
    }
)
"""Codes that say more exactly what is wrong than their kind's own."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """What is known of the vendor's answer that an error came from. Holds no credential."""

    vendor: str
    status: int = 0
    """The vendor's HTTP status; 0 where there was none."""
    code: str = ""
    """The vendor's own typed code."""
    request_id: str = ""
    """The vendor's identifier of the request, to ask its support with."""

    def __post_init__(self) -> None:
        for name in ("code", "request_id"):
            if len(text := getattr(self, name)) > bounds.NAME:
                object.__setattr__(self, name, bounds.cut(text))


class ApiError(Exception):
    """A failure that the caller is told of, by its row in the error table.

    :param message: what is wrong and what would be right; shown to the caller. Cut where it is very long.
    :param param: path of the request's field that is at fault.
    :param code: replaces the row's code by one that is more exact.
    :param retry_after: seconds after which trying again may help.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        param: str | None = None,
        code: Code | Relayed | None = None,
        retry_after: float | None = None,
        upstream: Upstream | None = None,
    ) -> None:
        message = bounds.cut(message, bounds.MESSAGE)
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.param = param and bounds.cut(param)
        self.code: Code | Relayed = code or kind.value.code
        self.retry_after = retry_after
        self.upstream = upstream
        self.attempts: tuple[str, ...] = ()
        """Where the request went before it failed, in order, and how that ended."""
