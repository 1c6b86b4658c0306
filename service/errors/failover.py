"""Whose fault a kind of failure is, and so what is asked next: the rule of failover, as one table."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from service.errors.kind import Kind


class Fault(Enum):
    """Whose fault a failure is."""

    REQUEST = "the request"
    """It would fail elsewhere too: the caller is told. `fallback` has lists of its own for two of these."""
    PLACE = "the deployment, or the account there"
    """Asking there again does not help: an untried sibling is asked, then the models of `fallback.any`."""
    VENDOR = "the vendor, in passing"
    """An untried sibling is asked, or the same place once more, then the models of `fallback.any`."""
    TIME = "the request's time"
    """Nothing more is asked."""


FAULTS: Mapping[Kind, tuple[Fault, str]] = MappingProxyType(
    {
        Kind.INVALID_JSON: (Fault.REQUEST, "what cannot be read here can be read nowhere"),
        Kind.INVALID_VALUE: (Fault.REQUEST, "the value is wrong by the contract, whoever answers"),
        Kind.UNSUPPORTED: (Fault.REQUEST, "refused before it was sent; an untried sibling may honour it and is asked"),
        Kind.CONTEXT_LENGTH: (Fault.REQUEST, "too long for the model; `fallback.context_length` names longer ones"),
        Kind.CONTENT_FILTER: (Fault.REQUEST, "its text was refused; `fallback.content_filter` names other models"),
        Kind.REFUSED: (Fault.REQUEST, "400: the vendor says that the request is wrong"),
        Kind.UNPROCESSABLE: (Fault.REQUEST, "422: the vendor says that the request is wrong"),
        Kind.KEY_REUSED: (Fault.REQUEST, "the idempotency key belongs to another request"),
        Kind.TOO_LARGE: (Fault.REQUEST, "413: the request is too large"),
        Kind.INVALID_KEY: (Fault.REQUEST, "the caller's key is not known"),
        Kind.PERMISSION: (Fault.PLACE, "403: this account may not use the model there"),
        Kind.MODEL_NOT_FOUND: (Fault.PLACE, "404: the model is not served there, or not yet"),
        Kind.NO_QUOTA: (Fault.PLACE, "402: this account's credit ran out"),
        Kind.UPSTREAM_AUTH: (Fault.PLACE, "401: the service's key is refused there"),
        Kind.RATE_LIMIT: (Fault.VENDOR, "429: more requests than it takes at the moment"),
        Kind.OVERLOADED: (Fault.VENDOR, "529, 498: no capacity at the moment"),
        Kind.UNAVAILABLE: (Fault.VENDOR, "503, 409, 424, 425: it cannot answer at the moment"),
        Kind.CONNECT_FAILED: (Fault.VENDOR, "it was not reached, so nothing was begun"),
        Kind.BAD_UPSTREAM: (Fault.VENDOR, "502, or an answer that cannot be read"),
        Kind.DISOBEYED: (Fault.VENDOR, "the answer does not follow its guide; another may"),
        Kind.STREAM_CUT: (Fault.VENDOR, "the answer was cut short before its first token"),
        Kind.UPSTREAM_ERROR: (Fault.VENDOR, "500: something broke there"),
        Kind.UPSTREAM_TIMEOUT: (Fault.VENDOR, "504: it took too long by its own clock"),
        Kind.REQUEST_TIMEOUT: (Fault.VENDOR, "408: the request took too long to reach it"),
        Kind.CONNECT_TIMEOUT: (Fault.VENDOR, "it was not reached in time, so nothing was begun"),
        Kind.FIRST_TOKEN_TIMEOUT: (Fault.VENDOR, "nothing was generated in time"),
        Kind.IDLE_TIMEOUT: (Fault.VENDOR, "it fell silent before its first token"),
        Kind.STOPPING: (Fault.VENDOR, "it is being stopped; another is not"),
        Kind.TOTAL_TIMEOUT: (Fault.TIME, "the request's own time is over"),
        Kind.INTERNAL: (Fault.PLACE, "a fault of a service of this kind that is asked as a vendor"),
    }
)
"""By kind: whose fault it is, and why. There is no default: a test asks for each kind."""


def fault_of(kind: Kind) -> Fault:
    """Whose fault a failure of a kind is."""
    return FAULTS[kind][0]
