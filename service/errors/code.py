"""Every code that an error can have: what it means, and what whoever sees it is to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NewType

Code = Literal[
    "bad_request",
    "bad_upstream",
    "between_chunks_timeout",
    "connect_timeout",
    "content_filter",
    "context_length_exceeded",
    "first_token_timeout",
    "guide_not_followed",
    "headers_too_large",
    "idempotency_key_reused",
    "insufficient_quota",
    "internal_error",
    "invalid_api_key",
    "invalid_image_url",
    "invalid_json",
    "invalid_request",
    "invalid_value",
    "method_not_allowed",
    "model_not_allowed",
    "model_not_found",
    "not_found",
    "overloaded",
    "permission_denied",
    "queue_full",
    "rate_limit_exceeded",
    "request_timeout",
    "request_too_large",
    "stopping",
    "stream_interrupted",
    "total_timeout",
    "unavailable",
    "unsupported_encoding",
    "unsupported_parameter",
    "upgrade_not_allowed",
    "upstream_auth",
    "upstream_error",
    "upstream_request_timeout",
    "upstream_timeout",
    "upstream_unreachable",
    "worker_lost",
]
"""No error is told by any other word: a new one is added here and to CODES, from which docs/errors.md is made."""

Relayed = NewType("Relayed", str)
"""A code that another Parley told, which may be of another version, and is passed on as it came."""

By = Literal["service", "edge", "vendor"]
"""Whose finding an error is: this service's, its Envoy's, or the vendor's that was asked."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a code says."""

    by: tuple[By, ...]
    meaning: str
    advice: str
    """What is to be done, by the caller where nobody else is named."""


_SERVICE: tuple[By, ...] = ("service",)
_EDGE: tuple[By, ...] = ("edge",)
_VENDOR: tuple[By, ...] = ("vendor",)

CODES: Mapping[Code, Said] = MappingProxyType(
    {
        "bad_request": Said(_EDGE, "The HTTP itself is malformed.", "Mend the client; the message names the fault."),
        "unsupported_encoding": Said(_EDGE, "The body is compressed.", "Send it without `content-encoding`."),
        "upgrade_not_allowed": Said(_EDGE, "The protocol that is asked for is not spoken.", "Do not use WebSocket."),
        "not_found": Said(_EDGE, "No such path.", "Mend the base URL; the message names the paths there are."),
        "method_not_allowed": Said(_EDGE, "The path is not asked by this method.", "Use the one in `allow`."),
        "request_timeout": Said(_EDGE, "The request did not come whole in time.", "Send it again, faster."),
        "headers_too_large": Said(_EDGE, "The request's headers are too many or too long.", "Send fewer cookies."),
        "worker_lost": Said(
            _EDGE,
            "The process that served the request ended.",
            "Try again where doing it twice is harmless; operators: the log before its end.",
        ),
        "invalid_json": Said(_SERVICE, "The body is not JSON, or no object.", "Mend it; the message names the place."),
        "invalid_value": Said(_SERVICE, "A field holds what it may not.", "Mend the field in `param`."),
        "invalid_image_url": Said(_SERVICE, "An image could not be had from its URL.", "See that it is public."),
        "unsupported_parameter": Said(
            ("service", "vendor"),
            "The vendor cannot honour a field.",
            "Leave it out, ask another vendor, or send `x-parley-unsupported: drop`.",
        ),
        "context_length_exceeded": Said(
            ("service", "vendor"),
            "The conversation does not fit the model.",
            "Shorten it, or set `memory_strategy`.",
        ),
        "content_filter": Said(_VENDOR, "The vendor's filter refused the content.", "Change the content."),
        "invalid_request": Said(_VENDOR, "The vendor refused the request.", "Mend what the message says."),
        "idempotency_key_reused": Said(_SERVICE, "The key was used with another request.", "Use a new key."),
        "request_too_large": Said(
            ("service", "edge", "vendor"), "The request is larger than is taken.", "Send less, or smaller images."
        ),
        "invalid_api_key": Said(_SERVICE, "No key, or one that is not known here.", "Send a key of this service."),
        "permission_denied": Said(
            _VENDOR, "The vendor does not let this service do that.", "Operators: the vendor's account or region."
        ),
        "model_not_allowed": Said(
            _SERVICE, "The caller's key may not use the model.", "Use one of `GET /v1/models`, or ask the operators."
        ),
        "model_not_found": Said(
            ("service", "vendor"), "No such model, here or at the vendor.", "Use one of `GET /v1/models`."
        ),
        "insufficient_quota": Said(
            _VENDOR, "The account at the vendor has no credit left.", "Operators: the vendor's bill."
        ),
        "rate_limit_exceeded": Said(_VENDOR, "The vendor's rate limit is reached.", "Wait for `Retry-After`."),
        "queue_full": Said(
            _SERVICE,
            "`max_concurrent` is reached and the line before the deployment is full.",
            "Wait for `Retry-After`; operators: more room or another deployment.",
        ),
        "overloaded": Said(_VENDOR, "The vendor has too much to do.", "Try again later."),
        "unavailable": Said(
            ("service", "edge", "vendor"),
            "The vendor, or every worker of this service, cannot take the request now.",
            "Try again after `Retry-After`.",
        ),
        "upstream_unreachable": Said(
            _SERVICE, "No connection to the vendor.", "Try again; operators: DNS, network, proxy, `base_url`."
        ),
        "bad_upstream": Said(
            ("service", "vendor"), "The vendor's answer cannot be understood.", "Try again; operators: `base_url`."
        ),
        "guide_not_followed": Said(_SERVICE, "The answer does not follow the `guided_*` field.", "Try again."),
        "stream_interrupted": Said(_SERVICE, "The vendor's answer ended before its end.", "Try again."),
        "upstream_error": Said(_VENDOR, "The vendor failed.", "Try again; operators: the vendor's status page."),
        "upstream_auth": Said(
            ("service", "vendor"),
            "The vendor refused the key that this service has, or it has none.",
            "Operators: the vendor's key in parley.yaml. The caller's key is good.",
        ),
        "upstream_timeout": Said(_VENDOR, "The vendor's own time was over.", "Try again."),
        "upstream_request_timeout": Said(
            _VENDOR, "The vendor did not get the request whole in its time.", "Try again."
        ),
        "connect_timeout": Said(_SERVICE, "No connection within `timeouts.connect`.", "Try again."),
        "first_token_timeout": Said(_SERVICE, "No token within `timeouts.first_token`.", "Try again."),
        "between_chunks_timeout": Said(_SERVICE, "The stream was silent for `timeouts.between_chunks`.", "Try again."),
        "total_timeout": Said(
            _SERVICE,
            "`timeouts.total`, `inference_timeout` or the caller's gRPC deadline was over.",
            "Ask for less, or give more time.",
        ),
        "stopping": Said(_SERVICE, "The service is about to stop.", "Try again."),
        "internal_error": Said(
            ("service", "edge"),
            "A defect of this service.",
            "Operators: the traceback in the log, by the request's id.",
        ),
    }
)

UPSTREAM_CODES: Mapping[str, str] = MappingProxyType(
    {
        "no_credentials": "`upstream_auth`: neither a key nor a credential of the cloud is to be had",
        "no_region": "`upstream_auth`: no region is configured to sign requests for",
    }
)
"""What stands in `upstream_code` of gRPC's ErrorInfo and of the log though no vendor said it."""
