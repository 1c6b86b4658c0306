"""Checks what every vendor needs of a request, before any is called."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.errors import ApiError, Kind
from service.pipeline.context import RequestContext
from service.pipeline.conversation import check_conversation
from service.pipeline.functions import functions_to_tools
from service.pipeline.memory import keep_last
from service.pipeline.validate import GUIDES, validate

FORBIDDEN_HEADERS = frozenset(
    (
        "accept-encoding api-key authorization connection content-encoding content-length content-type cookie expect "
        "host keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade "
        "x-amz-security-token x-api-key x-goog-api-key x-request-id"
    ).split()
)
"""Headers that would change whose request it is or how it is framed."""

_OF_FUNCTIONS = frozenset(("functions", "function_call"))
"""Fields of the time before there were tools."""
_OF_TOOLS = frozenset(("tools", "tool_choice"))
"""Fields that say the same today."""
_GUIDES = frozenset(GUIDES)
_NAMES: Mapping[object, str] = MappingProxyType({field: field.name for field in CompletionRequest.DESCRIPTOR.fields})
"""Read once: a descriptor makes a new text each time that it is asked for its name."""


@dataclass(slots=True)
class Prepared:
    """What was found while a request was checked, so that nobody has to look for it again."""

    functions: bool
    """Whether the caller speaks of functions, so that calls in the answer are to be said so too."""
    guided: bool
    """Whether it has a guided_* field."""
    uses: AbstractSet[str]
    """What the request uses that a vendor may not know, by the names that service.backends.fields has for it."""


def prepare(request: CompletionRequest, context: RequestContext, *, stream: bool) -> Prepared:
    """Checks a request, and brings it, in place, into the form that every dialect knows.

    ApiError names the path of what is wrong and what would be right.
    """
    if not request.model:
        raise _invalid("model", "required, such as vendor/model_name")
    fields: dict[str, Any] = {}
    for field, value in request.ListFields():
        fields[_NAMES[field]] = value
    uses = {*fields}
    functions = check_conversation(request, uses) or not _OF_FUNCTIONS.isdisjoint(fields)
    validate(request, fields, stream=stream)
    if "inference_extra_headers" in fields:
        _check_headers(request)
    if functions:
        functions_to_tools(request)
        uses.update(_OF_TOOLS)
    if "tools" in uses and any(tool.HasField("cache_control") for tool in request.tools):
        uses.add("cache_control")
    if "response_format" in uses and request.response_format.json_schema.description:
        uses.add("response_format.json_schema.description")
    if "memory_strategy" in fields:
        context.report.left_out = keep_last(request, request.memory_strategy.k)
        request.ClearField("memory_strategy")
    return Prepared(functions, not _GUIDES.isdisjoint(fields), uses)


def _check_headers(request: CompletionRequest) -> None:
    """Checks the extra headers, and writes their names in lower case, in which dialects know headers."""
    given = dict(request.inference_extra_headers)
    request.inference_extra_headers.clear()
    for name, value in given.items():
        path = f"inference_extra_headers.{name}"
        if name.lower() in FORBIDDEN_HEADERS:
            raise _invalid(path, "this header belongs to the service and cannot be set")
        if not name or not name.isascii() or not all(c.isalnum() or c in "!#$%&'*+-.^_`|~" for c in name):
            raise _invalid(path, "not the name of a header")
        if not value.isascii() or not value.isprintable():
            raise _invalid(path, "expected printable ASCII")
        request.inference_extra_headers[name.lower()] = value


def _invalid(path: str, problem: str) -> ApiError:
    return ApiError(Kind.INVALID_VALUE, f"{path}: {problem}", param=path)
