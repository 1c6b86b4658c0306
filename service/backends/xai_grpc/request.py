"""A request in xAI's form."""

from google.protobuf import json_format
from parley.chat.v1.completion_pb2 import CompletionRequest
from parley.chat.v1.tool_pb2 import Tool

from service.backends.dialect import Target
from service.backends.xai_grpc import wire_pb2 as wire
from service.backends.xai_grpc.messages import messages_of
from service.backends.xai_grpc.refusal import invalid, unsupported

_AS_IT_IS = ("temperature", "top_p", "top_logprobs", "frequency_penalty", "presence_penalty", "parallel_tool_calls")
_MODES = {"auto": 1, "none": 2, "required": 3}
_FORMATS = {"text": 1, "json_object": 2, "json_schema": 3}
_EFFORTS = {"low": 1, "medium": 2, "high": 3, "none": 4, "xhigh": 5}
_OURS = frozenset(("model", "messages"))


def request_of(request: CompletionRequest, target: Target) -> wire.Request:
    """The request. ApiError for what xAI's API has no form for."""
    body = wire.Request(model=target.model, messages=messages_of(request), stop=request.stop, user=request.user)
    for name in _AS_IT_IS:
        if request.HasField(name):
            setattr(body, name, getattr(request, name))
    # One answer is what its own client always asks for in so many words.
    body.n = request.n or 1
    body.logprobs = request.logprobs
    body.store_messages = request.store
    if request.HasField("max_completion_tokens") or request.HasField("max_tokens"):
        body.max_tokens = request.max_completion_tokens or request.max_tokens
    if request.HasField("seed"):
        if not -(2**31) <= request.seed < 2**31:
            raise unsupported("seed", "xAI takes seeds of 32 bits only")
        body.seed = request.seed
    if request.HasField("reasoning_effort"):
        effort = _EFFORTS.get(request.reasoning_effort)
        if effort is None:
            raise unsupported("reasoning_effort", f"xAI knows {', '.join(_EFFORTS)}, not {request.reasoning_effort!r}")
        body.reasoning_effort = effort
    body.tools.extend(_tool(tool, f"tools[{at}]") for at, tool in enumerate(request.tools))
    _choose(body, request)
    _shape(body, request)
    if request.inference_extra_params:
        _add(body, request.inference_extra_params)
    return body


def _tool(tool: Tool, path: str) -> wire.Tool:
    if tool.type not in {"", "function"}:
        raise unsupported(f"{path}.type", f"only functions can be passed on to xAI, not {tool.type!r}")
    function = tool.function
    return wire.Tool(
        function=wire.Function(
            name=function.name,
            description=function.description,
            strict=function.strict,
            parameters=function.parameters or '{"type":"object","properties":{}}',
        )
    )


def _choose(body: wire.Request, request: CompletionRequest) -> None:
    if not request.HasField("tool_choice"):
        return
    choice = request.tool_choice
    if choice.function.name:
        body.tool_choice.function_name = choice.function.name
    elif choice.mode in _MODES:
        body.tool_choice.mode = _MODES[choice.mode]
    else:
        raise unsupported("tool_choice", f"xAI knows {', '.join(_MODES)} and a function, not {choice.mode!r}")


def _shape(body: wire.Request, request: CompletionRequest) -> None:
    if request.guided_json:
        body.response_format.format_type, body.response_format.schema = 3, request.guided_json
    if not request.HasField("response_format"):
        return
    shape = request.response_format
    kind = _FORMATS.get(shape.type)
    if kind is None:
        raise unsupported("response_format.type", f"xAI knows {', '.join(_FORMATS)}, not {shape.type!r}")
    body.response_format.format_type = kind
    if shape.json_schema.schema:
        body.response_format.schema = shape.json_schema.schema


def _add(body: wire.Request, text: str) -> None:
    """Merges further fields, those of messages member by member."""
    extra = wire.Request()
    try:
        json_format.Parse(text, extra)
    except json_format.ParseError as error:
        raise invalid("inference_extra_params", f"xAI's API has no such field, or not of this kind: {error}") from None
    for descriptor, _ in extra.ListFields():
        if descriptor.name in _OURS:
            extra.ClearField(descriptor.name)
    body.MergeFrom(extra)
