"""What a call's metadata say: who calls, under which id, until when."""

import asyncio
import re
import uuid
from dataclasses import dataclass
from typing import TypeVar, cast

from grpc.aio import ServicerContext

from service.auth import Keyring
from service.errors import ApiError, Kind
from service.pipeline import RequestContext, idempotency
from service.pipeline.report import HEADER, Policy

REQUEST_ID = "x-request-id"

Request = TypeVar("Request")
Response = TypeVar("Response")

_ORIGINAL_PATH = "x-envoy-original-path"
_VALID_ID = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(slots=True)
class CallMetadata:
    """The metadata of one call. Nobody changes it."""

    values: dict[str, str]
    """The textual ones. Of a name that was given twice, the last."""
    request_id: str
    """The caller's `x-request-id` where it is printable ASCII of at most 128 characters, else a new one."""

    @property
    def transcoded(self) -> bool:
        """Whether the call came in as JSON over HTTP, and Envoy's transcoder made gRPC of it."""
        return _ORIGINAL_PATH in self.values

    @property
    def path(self) -> str:
        """The path that a transcoded call was made at, without its query; else empty."""
        return self.values.get(_ORIGINAL_PATH, "").partition("?")[0]

    @property
    def key(self) -> str | None:
        """The caller's key: `x-api-key`, or else the token of `authorization: Bearer`."""
        if key := self.values.get("x-api-key"):
            return key
        scheme, _, token = self.values.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


def read_metadata(context: ServicerContext[Request, Response]) -> CallMetadata:
    """The metadata of a call."""
    # Those with bytes have names that end in -bin, and are not read here.
    values = cast("dict[str, str]", dict(context.invocation_metadata() or ()))
    given = values.get(REQUEST_ID, "")
    return CallMetadata(values, given if _VALID_ID.fullmatch(given) else str(uuid.uuid4()))


def admit(
    context: ServicerContext[Request, Response], metadata: CallMetadata, keyring: Keyring, *, face: str
) -> RequestContext:
    """The request's context, once its caller is known; INVALID_KEY where not."""
    # None without a deadline, which the stubs do not say.
    remaining = cast("float | None", context.time_remaining())
    caller = keyring.identify(metadata.key)
    say = metadata.values.get
    key = say(idempotency.HEADER, "")
    if len(key) > idempotency.LONGEST:
        problem = f"{idempotency.HEADER}: expected at most {idempotency.LONGEST} characters, got {len(key)}"
        raise ApiError(Kind.INVALID_VALUE, problem, param=idempotency.HEADER)
    word = say(HEADER) or caller.unsupported
    return RequestContext(
        metadata.request_id,
        caller,
        face,
        None if remaining is None else asyncio.get_running_loop().time() + remaining,
        account_id=say("x-selected-account-id", ""),
        idempotency_key=key,
        traceparent=say("traceparent", ""),
        tracestate=say("tracestate", ""),
        policy=_policy(word) if word else None,
    )


def _policy(word: str) -> Policy:
    try:
        return Policy(word.strip().lower())
    except ValueError:
        problem = f"{HEADER}: expected strict, warn or drop, got {word!r}"
        raise ApiError(Kind.INVALID_VALUE, problem, param=HEADER) from None
