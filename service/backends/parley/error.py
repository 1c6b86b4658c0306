"""What a status of another Parley means: the error that it told, as if it were our own."""

from service.backends.grpc_status import BY_CODE, HTTP_STATUS, Told
from service.backends.status import failure, kind_of
from service.errors import ApiError, Kind, Relayed, Upstream

DOMAIN = "parley"
"""Domain of the ErrorInfo that a Parley adds to each of its errors."""


def error_of(vendor: str, status: int, told: Told) -> ApiError:
    """The error of a call that ended with a status.

    :param status: HTTP's equivalent of the status, or what an HTTP server between had instead of one; 0: not known.
    """
    status = status or HTTP_STATUS.get(told.code, 500)
    if told.domain != DOMAIN:
        kind = BY_CODE.get(told.code, Kind.UPSTREAM_ERROR) if status == HTTP_STATUS.get(told.code) else kind_of(status)
        return failure(vendor, status, {}, message=told.message, kind=kind)
    kind = _kind(told)
    if kind is Kind.INVALID_KEY or (kind is Kind.PERMISSION and "vendor" not in told.facts):
        # It was our key that it refused, not its vendor its own.
        return failure(vendor, status, {}, kind=Kind.UPSTREAM_AUTH)
    error = ApiError(
        kind,
        told.message,
        param=told.param,
        code=Relayed(told.reason.lower()),
        retry_after=told.retry_after,
        upstream=Upstream(
            vendor=vendor,
            status=_upstream_status(told) if "vendor" in told.facts else kind.value.http,
            code=told.facts.get("upstream_code", ""),
            request_id=told.facts.get("upstream_request_id", ""),
        ),
    )
    attempts = told.facts.get("attempts", "").split(", ")
    if len(attempts) > 1:
        # By the names that those places have here.
        error.attempts = tuple(f"{vendor}/{attempt}" for attempt in attempts)
    return error


def _upstream_status(told: Told) -> int:
    """What the other's own vendor answered with; 0 where it did not."""
    text = told.facts.get("upstream_status", "")
    return int(text) if text.isdecimal() else 0


def _kind(told: Told) -> Kind:
    """The row of the error table; several have the same status, and a vendor's own code may stand for a row's."""
    http = told.facts.get("http_status", "")
    rows = [
        kind for kind in Kind if kind.value.grpc.value[0] == told.code and (not http or str(kind.value.http) == http)
    ]
    code = told.reason.lower()
    usual = BY_CODE.get(told.code, Kind.UPSTREAM_ERROR)
    return next((kind for kind in rows if kind.value.code == code), usual if usual in rows or not rows else rows[0])
