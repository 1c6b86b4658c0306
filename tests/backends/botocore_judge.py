"""AWS's own SDK as the judge of what is sent to Bedrock, and of what the tests answer in Bedrock's name."""

import base64
import io
import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, cast
from urllib.parse import unquote

from botocore.eventstream import EventStream
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, StructureShape
from botocore.parsers import EventStreamJSONParser, RestJSONParser
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

from service.backends.dialect import HttpCall


@cache
def operation(name: str) -> OperationModel:
    return ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2")).operation_model(name)


def stop_reasons() -> Sequence[str]:
    """The stop reasons that the SDK knows."""
    shape: Any = _output("Converse").members["stopReason"]
    return shape.enum


def accept(call: HttpCall) -> dict[str, Any]:
    """Asserts that botocore takes a call's content and makes the same call of it; its body."""
    model_id, _, last = call.path.removeprefix("/model/").partition("/")
    model = operation("ConverseStream" if last == "converse-stream" else "Converse")
    assert model.input_shape is not None
    body = json.loads(call.body)
    parameters = {"modelId": unquote(model_id), **_native(model.input_shape, body)}
    report = ParamValidator().validate(parameters, model.input_shape)
    assert not report.has_errors(), report.generate_report()
    request: Any = create_serializer("rest-json").serialize_to_request(parameters, model)
    assert json.loads(request["body"]) == body
    assert request["url_path"] == call.path
    assert request["headers"]["Content-Type"] == call.headers["content-type"]
    return body


def events(data: bytes) -> Iterator[dict[str, Any]]:
    """The events that botocore reads; raises its EventStreamError or ChecksumMismatch."""
    shape = cast("StructureShape", _output("ConverseStream").members["stream"])
    stream: Any = EventStream(_Raw(data), shape, EventStreamJSONParser(), "ConverseStream")  # pyright: ignore[reportUnknownVariableType]
    return iter(stream)


def answer(data: bytes) -> dict[str, Any]:
    """The whole answer that botocore reads."""
    return _parsed(200, {}, data)


def error(status: int, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """The error that botocore reads."""
    return _parsed(status, headers, body)["Error"]


def _parsed(status: int, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    response: Any = {"status_code": status, "headers": headers, "body": body, "context": {"operation_name": "Converse"}}
    return RestJSONParser().parse(response, _output("Converse"))


def _output(name: str) -> StructureShape:
    shape = operation(name).output_shape
    assert shape is not None
    return shape


class _Raw:
    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def stream(self) -> Iterator[bytes]:
        return iter(lambda: self._data.read(64), b"")

    def close(self) -> None:
        pass


def _native(shape: Any, value: Any) -> Any:
    """A JSON value as callers of the SDK write it: blobs as bytes."""
    match shape.type_name:
        case "structure" if not getattr(shape, "is_document_type", False):
            members = shape.members
            return {name: _native(members[name], each) if name in members else each for name, each in value.items()}
        case "list":
            return [_native(shape.member, each) for each in value]
        case "map":
            return {name: _native(shape.value, each) for name, each in value.items()}
        case "blob":
            return base64.b64decode(value, validate=True)
        case _:
            return value
