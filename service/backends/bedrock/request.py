"""The body of a Converse request."""

from collections.abc import Mapping

from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.bedrock.fields import VALUES
from service.backends.bedrock.messages import Conversation
from service.backends.bedrock.refusal import invalid, refuse_members, unsupported
from service.backends.bedrock.tools import add_tools
from service.backends.fields import Fields, Sent
from service.backends.merge import merge
from service.codec import JsonObject, JsonValue, parse_object

_HIGHEST_TEMPERATURE = 1.0
_EFFORTS: Mapping[str, str] = {"minimal": "low"}
"""Levels that Converse calls otherwise."""
_NOT_IN_BODY = ("model", "modelId", "stream")
"""What the path says."""


def body_of(request: CompletionRequest, fields: Fields) -> JsonObject:
    """The body. ApiError for what Converse has no form for, with its path."""
    conversation = Conversation.of(request)
    body: JsonObject = {"messages": conversation.turns}
    if conversation.system:
        body["system"] = conversation.system
    add_tools(body, request, conversation.called, claude=isinstance(fields["parallel_tool_calls"], Sent))
    for name in VALUES:
        handling = fields[name]
        if isinstance(handling, Sent) and (value := _value(request, name)) is not None:
            _place(body, handling.name, value)
    if form := _format(request):
        merge(body, {"outputConfig": {"textFormat": form}})
    if request.inference_extra_params:
        extra = parse_object(request.inference_extra_params)
        for name in _NOT_IN_BODY:
            extra.pop(name, None)
        merge(body, extra)
    return body


def _value(request: CompletionRequest, name: str) -> JsonValue:
    """The value of a field as it goes out; None where it does not."""
    match name:
        case "stop":
            return list(request.stop) or None
        case "metadata":
            return dict(request.metadata) or None
        case _ if not request.HasField(name):
            return None
        case "top_k":
            # 0 and -1 ask for no limit, as other engines write it.
            return request.top_k if request.top_k > 0 else None
        case "temperature" if request.temperature > _HIGHEST_TEMPERATURE:
            raise unsupported(name, f"Converse takes 0 to {_HIGHEST_TEMPERATURE:g}, got {request.temperature:g}")
        case "reasoning_effort" if request.reasoning_effort == "none":
            raise unsupported(name, "Converse has the levels low, medium, high, xhigh and max, and none to say none")
        case "reasoning_effort":
            return _EFFORTS.get(request.reasoning_effort, request.reasoning_effort)
        case _:
            return getattr(request, name)


def _place(body: JsonObject, path: str, value: JsonValue) -> None:
    for name in reversed(path.split(".")):
        value = {name: value}
    assert isinstance(value, dict)
    merge(body, value)


def _format(request: CompletionRequest) -> JsonObject | None:
    if request.guided_json:
        return _schema({"schema": request.guided_json})
    form = request.response_format
    if form.type == "json_schema":
        schema = form.json_schema
        refuse_members("response_format", form.extra_fields)
        refuse_members("response_format.json_schema", schema.extra_fields)
        if not schema.schema:
            raise invalid("response_format.json_schema.schema", "required")
        definition: JsonObject = {"schema": schema.schema, "name": schema.name}
        if schema.description:
            definition["description"] = schema.description
        return _schema(definition)
    if form.type not in {"", "text"}:
        raise unsupported("response_format.type", f"Converse enforces json_schema only, got {form.type}")
    return None


def _schema(definition: JsonObject) -> JsonObject:
    return {"type": "json_schema", "structure": {"jsonSchema": definition}}
