"""How a failure is told: google.rpc.Status over gRPC, OpenAI's error object over REST."""

import json
import logging
import math
from types import TracebackType
from typing import Generic

import grpc.aio
import orjson
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status

from service.errors import ApiError, Kind, bounds
from service.faces.metadata import REQUEST_ID, CallMetadata, Request, Response, read_metadata

DOMAIN = "parley"
"""Domain of ErrorInfo (https://google.aip.dev/193)."""

_log = logging.getLogger("parley.bug")


def told(error: Exception, request_id: str) -> ApiError:
    """The error that the caller is told: itself, or INTERNAL, with a traceback in the log, for a bug."""
    if isinstance(error, ApiError):
        return error
    _log.error("unexpected error", exc_info=error, extra={"fields": {"request_id": request_id}})
    return ApiError(Kind.INTERNAL, f"internal error; the service's log tells more under the request id {request_id}")


def body(error: ApiError) -> dict[str, object]:
    """The JSON body of a REST answer: https://platform.openai.com/docs/guides/error-codes/api-errors."""
    return {
        "error": {
            "message": error.message,
            "type": error.kind.value.type,
            "param": error.param,
            "code": error.code,
        }
    }


def body_bytes(error: ApiError) -> bytes:
    """The JSON body of a REST answer, as text."""
    return orjson.dumps(body(error))


def headers(error: ApiError, request_id: str) -> list[tuple[str, str]]:
    """The metadata that Envoy turns into the status and headers of a REST answer."""
    pairs = [("x-http-code", str(error.kind.value.http)), (REQUEST_ID, request_id)]
    if error.retry_after is not None:
        pairs.append(("retry-after", str(math.ceil(error.retry_after))))
    if len(error.attempts) > 1:
        pairs.append(("x-parley-attempts", bounds.joined(error.attempts)))
    return pairs


def status(error: ApiError, request_id: str) -> Status:
    """The status of a gRPC answer, with its details."""
    row = error.kind.value
    info = {"request_id": request_id, "retryable": str(row.retryable).lower(), "http_status": str(row.http)}
    if upstream := error.upstream:
        facts = {
            "vendor": upstream.vendor,
            "upstream_status": str(upstream.status or ""),
            "upstream_code": upstream.code,
            "upstream_request_id": upstream.request_id,
        }
        info |= {name: bounds.cut_bytes(value, bounds.DETAIL) for name, value in facts.items() if value}
    if error.attempts:
        info["attempts"] = bounds.joined(error.attempts, bounds.DETAIL)
    details: list[Any] = [
        _any(error_details_pb2.ErrorInfo(reason=bounds.header(error.code).upper(), domain=DOMAIN, metadata=info))
    ]
    if error.param:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=bounds.cut_bytes(error.param, bounds.DETAIL),
            description=bounds.cut_bytes(error.message, bounds.DETAIL),
        )
        details.append(_any(error_details_pb2.BadRequest(field_violations=[violation])))
    if error.retry_after is not None:
        delay = Duration()
        delay.FromNanoseconds(int(error.retry_after * 1e9))
        details.append(_any(error_details_pb2.RetryInfo(retry_delay=delay)))
    code: int = row.grpc.value[0]
    return Status(code=code, message=bounds.cut_status(error.message), details=details)


class Answering(Generic[Request, Response]):
    """Covers the answer to one typed call, as an async context manager: what it raises ends the call as a status."""

    def __init__(self, context: grpc.aio.ServicerContext[Request, Response]) -> None:
        self.metadata = read_metadata(context)
        self._context = context

    async def __aenter__(self) -> CallMetadata:
        self._context.set_trailing_metadata(((REQUEST_ID, self.metadata.request_id),))
        return self.metadata

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not isinstance(error, Exception):
            return
        request_id = self.metadata.request_id
        error = told(error, request_id)
        trailers: list[tuple[str, str | bytes]] = [
            (REQUEST_ID, request_id),
            ("grpc-status-details-bin", status(error, request_id).SerializeToString()),
        ]
        if self.metadata.transcoded:
            # One shape of error on REST, whatever the path; headers are ASCII, so JSON's escapes are used.
            trailers += [("x-parley-error", json.dumps(body(error))), *headers(error, request_id)[:1]]
        await self._context.abort(error.kind.value.grpc, bounds.cut_status(error.message), tuple(trailers))


def _any(message: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed
