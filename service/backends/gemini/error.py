"""Reads Google's error objects (https://google.aip.dev/193)."""

import re
from collections.abc import Mapping

from service.backends.dialect import Target
from service.backends.gemini.wire import object_of, objects_of, text_of
from service.backends.status import failure
from service.codec import DecodeError, JsonObject, parse_value
from service.errors import ApiError, Kind

BY_STATUS: dict[str, Kind] = {
    "UNAUTHENTICATED": Kind.UPSTREAM_AUTH,
    "UNIMPLEMENTED": Kind.REFUSED,
    "ABORTED": Kind.UPSTREAM_ERROR,
    "CANCELLED": Kind.UPSTREAM_ERROR,
}
"""Kinds by google.rpc.Code, where the HTTP status that goes with it says less."""

BY_REASON: dict[str, Kind] = dict.fromkeys(
    (
        *"API_KEY_INVALID API_KEY_SERVICE_BLOCKED API_KEY_HTTP_REFERRER_BLOCKED API_KEY_IP_ADDRESS_BLOCKED".split(),
        *"API_KEY_ANDROID_APP_BLOCKED API_KEY_IOS_APP_BLOCKED CONSUMER_INVALID CONSUMER_SUSPENDED".split(),
        *"ACCESS_TOKEN_EXPIRED ACCESS_TOKEN_SCOPE_INSUFFICIENT ACCESS_TOKEN_TYPE_UNSUPPORTED".split(),
        *"ACCOUNT_STATE_INVALID CREDENTIALS_MISSING SERVICE_DISABLED USER_PROJECT_DENIED IAM_PERMISSION_DENIED".split(),
    ),
    Kind.UPSTREAM_AUTH,
) | {"BILLING_DISABLED": Kind.NO_QUOTA}
"""Kinds by google.api.ErrorReason: what is wrong with this service's own key, account or project
(https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto)."""

_TOO_LONG = "exceeds the maximum number of tokens allowed"
"""The only mark of a prompt that is too long: it is an INVALID_ARGUMENT without a reason."""

_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")


def read_error(target: Target, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """What an answer with an error status means; a body that is not JSON is not shown to the caller."""
    try:
        value = parse_value(body)
        # Without alt=sse a stream is a list, of an error as of anything.
        first = value[0] if isinstance(value, list) and value else value
        return error_of(target.vendor, status, headers, first if isinstance(first, dict) else {}, target.credential)
    except DecodeError:
        return failure(target.vendor, status, headers)


def error_of(
    vendor: str, status: int, headers: Mapping[str, str], body: JsonObject, credential: str | None = None
) -> ApiError:
    """What an error object means: `{"error": {"code", "message", "status", "details"}}`.

    :param status: 0 where it came in the middle of an answer.
    :param credential: our key, which the vendor's words may quote.
    """
    error = object_of(body, "error")
    word, message = text_of(error, "status"), text_of(error, "message")
    if credential:
        message = message.replace(credential, "…")
    reason, delay = "", None
    for detail in objects_of(error, "details"):
        match text_of(detail, "@type").rpartition("/")[2]:
            case "google.rpc.ErrorInfo":
                reason = text_of(detail, "reason")
            case "google.rpc.RetryInfo":
                found = _DELAY.fullmatch(text_of(detail, "retryDelay"))
                delay = float(found[1]) if found else None
            case _:
                # Help, LocalizedMessage, QuotaFailure and BadRequest say again what the message says.
                pass
    if not status:
        code = error.get("code")
        status = code if isinstance(code, int) and 400 <= code < 600 else 500
    kind = BY_REASON.get(reason) or BY_STATUS.get(word)
    if kind is None and status == 400 and _TOO_LONG in message:
        kind = Kind.CONTEXT_LENGTH
    failed = failure(vendor, status, headers, message=message, kind=kind, code=reason or word)
    if failed.retry_after is None:
        failed.retry_after = delay
    return failed
