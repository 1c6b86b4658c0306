"""What a vendor's HTTP status means, for every dialect whose body does not say it more exactly."""

import email.utils
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from service.errors import ApiError, Kind, Upstream

BY_STATUS: dict[int, Kind] = {
    400: Kind.REFUSED,
    401: Kind.UPSTREAM_AUTH,
    402: Kind.NO_QUOTA,
    403: Kind.PERMISSION,
    404: Kind.MODEL_NOT_FOUND,
    408: Kind.REQUEST_TIMEOUT,
    409: Kind.UNAVAILABLE,
    413: Kind.TOO_LARGE,
    422: Kind.UNPROCESSABLE,
    424: Kind.UNAVAILABLE,
    425: Kind.UNAVAILABLE,
    429: Kind.RATE_LIMIT,
    # https://console.groq.com/docs/errors: no capacity for the flexible tier.
    498: Kind.OVERLOADED,
    500: Kind.UPSTREAM_ERROR,
    502: Kind.BAD_UPSTREAM,
    503: Kind.UNAVAILABLE,
    504: Kind.UPSTREAM_TIMEOUT,
    529: Kind.OVERLOADED,
}

_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id", "cf-ray")


def kind_of(status: int) -> Kind:
    """The kind of failure of an HTTP status from 300 up."""
    if kind := BY_STATUS.get(status):
        return kind
    if status < 400:
        return Kind.BAD_UPSTREAM
    return Kind.REFUSED if status < 500 else Kind.UPSTREAM_ERROR


def failure(
    vendor: str,
    status: int,
    headers: Mapping[str, str],
    *,
    message: str = "",
    kind: Kind | None = None,
    code: str = "",
    param: str | None = None,
) -> ApiError:
    """The error for a vendor's answer; a refusal of the service's own key is told without the vendor's words.

    :param message: the vendor's words; empty where it had none that a person could read.
    :param code: the vendor's own typed code.
    """
    kind = kind or kind_of(status)
    if kind is Kind.UPSTREAM_AUTH:
        # The vendor's text may quote a part of the key.
        text = "refused the credentials that this service is configured with"
        code, param = "", None
    else:
        text = message.strip() or f"answered with HTTP status {status} and no explanation"
    return ApiError(
        kind,
        f"{vendor}: {text}",
        param=param,
        retry_after=retry_after(headers),
        upstream=Upstream(
            vendor=vendor,
            status=status,
            code=code,
            request_id=next((headers[name] for name in _REQUEST_ID_HEADERS if name in headers), ""),
        ),
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header, as a number or as a date (RFC 9110, 10.2.3); None for none or nonsense."""
    if (ms := headers.get("retry-after-ms", "")) and re.fullmatch(r"\d+(\.\d+)?", ms):
        return float(ms) / 1000
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    if value:
        try:
            at = email.utils.parsedate_to_datetime(value)
        except ValueError:
            return None
        # The vendor's own clock, where it tells it, makes the difference right on a machine whose clock is not.
        now = headers.get("date")
        try:
            since = email.utils.parsedate_to_datetime(now) if now else datetime.now(UTC)
        except ValueError:
            since = datetime.now(UTC)
        return max(0.0, (at - since).total_seconds())
    return None
