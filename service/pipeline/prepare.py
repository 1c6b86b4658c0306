"""Checks what every vendor needs of a request, before any is called."""

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.auth import Caller
from service.errors import ApiError, Kind

FORBIDDEN_HEADERS = frozenset(
    (
        "accept-encoding api-key authorization connection content-encoding content-length content-type cookie expect "
        "host keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade "
        "x-amz-security-token x-api-key x-goog-api-key x-request-id"
    ).split()
)
"""Headers that would change whose request it is or how it is framed."""

NOT_YET = {
    "memory_strategy": "leave it out and send only the messages that the model should see",
}
"""Fields that this service answers for itself and does not honour yet, with what to do instead."""


def prepare(request: CompletionRequest, caller: Caller) -> None:
    """Checks a request; ApiError names the path of what is wrong and what would be right."""
    if not request.model:
        raise _invalid("model", "required, such as vendor/model_name")
    if not request.messages:
        raise _invalid("messages", "expected at least one message")
    for index, message in enumerate(request.messages):
        if not message.role:
            raise _invalid(f"messages[{index}].role", "required, such as user")
    if request.HasField("inference_timeout") and not 0 < request.inference_timeout < float("inf"):
        raise _invalid("inference_timeout", "expected a number of seconds above 0")
    for name in request.inference_extra_headers:
        if name.lower() in FORBIDDEN_HEADERS:
            raise _invalid(f"inference_extra_headers.{name}", "this header belongs to the service and cannot be set")
        if not name.isascii() or not all(c.isalnum() or c in "!#$%&'*+-.^_`|~" for c in name):
            raise _invalid(f"inference_extra_headers.{name}", "not the name of a header")
        value = request.inference_extra_headers[name]
        if not value.isascii() or not value.isprintable():
            raise _invalid(f"inference_extra_headers.{name}", "expected printable ASCII")
    for name, hint in NOT_YET.items():
        if request.HasField(name):
            raise ApiError(Kind.UNSUPPORTED, f"{name}: not supported yet; {hint}", param=name)
    if not caller.may_use(request.model):
        raise ApiError(
            Kind.PERMISSION,
            f"model: this API key may not use {request.model!r}",
            param="model",
            code="model_not_allowed",
        )


def _invalid(path: str, problem: str) -> ApiError:
    return ApiError(Kind.INVALID_VALUE, f"{path}: {problem}", param=path)
