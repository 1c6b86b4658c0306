"""What the status that a gRPC call ended with means, for every dialect whose vendor does not say it more exactly."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status

from service.backends.grpc_frames import DETAILS, MESSAGE, STATUS, Metadata, binary
from service.errors import Kind

HTTP_STATUS: Mapping[int, int] = MappingProxyType(
    # https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
    {0: 200, 1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 11: 400, 12: 501, 13: 500,
     14: 503, 15: 500, 16: 401}
)  # fmt: skip
"""HTTP's equivalent of gRPC's codes."""

BY_CODE: Mapping[int, Kind] = MappingProxyType(
    {
        1: Kind.BAD_UPSTREAM,
        2: Kind.UPSTREAM_ERROR,
        3: Kind.REFUSED,
        4: Kind.UPSTREAM_TIMEOUT,
        5: Kind.MODEL_NOT_FOUND,
        6: Kind.REFUSED,
        7: Kind.PERMISSION,
        8: Kind.RATE_LIMIT,
        9: Kind.REFUSED,
        10: Kind.REFUSED,
        11: Kind.REFUSED,
        # A server of gRPC, but not of this API.
        12: Kind.BAD_UPSTREAM,
        13: Kind.UPSTREAM_ERROR,
        14: Kind.UNAVAILABLE,
        15: Kind.UPSTREAM_ERROR,
        16: Kind.UPSTREAM_AUTH,
    }
)
"""Kinds of failure by gRPC's codes."""

BROKEN = frozenset((1, 2, 13, 14))
"""Codes that proxies, too, end a call with when the connection behind them breaks."""


@dataclass(frozen=True, slots=True)
class Told:
    """A status with its details (https://google.aip.dev/193)."""

    code: int
    message: str
    detailed: bool = False
    """Whether it has details, which only a server's own program adds."""
    domain: str = ""
    reason: str = ""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Metadata of ErrorInfo."""
    param: str | None = None
    """The first field at fault."""
    retry_after: float | None = None


def read_status(trailers: Metadata) -> Told:
    """The status in the metadata that a call ended with; UNKNOWN where there is none that can be read."""
    text = trailers.get(STATUS, "")
    code = int(text) if text.isdecimal() else 2
    message = trailers.get(MESSAGE, "")
    try:
        packed = Status.FromString(binary(trailers, DETAILS))
    except DecodeError:
        packed = Status()
    info = error_details_pb2.ErrorInfo()
    request = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    param: str | None = None
    retry_after: float | None = None
    for detail in packed.details:
        try:
            detail.Unpack(info)
            if detail.Unpack(request) and request.field_violations:
                param = request.field_violations[0].field
            if detail.Unpack(retry):
                retry_after = retry.retry_delay.ToTimedelta().total_seconds()
        except (DecodeError, OverflowError, ValueError):
            continue
    return Told(
        code,
        message or packed.message,
        detailed=bool(packed.details),
        domain=info.domain,
        reason=info.reason,
        facts=dict(info.metadata),
        param=param,
        retry_after=retry_after,
    )
