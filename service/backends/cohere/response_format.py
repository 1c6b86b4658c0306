"""The form of an answer: Cohere has one kind for both of OpenAI's, with or without a schema.

Source: https://docs.cohere.com/docs/structured-outputs.
"""

import orjson
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.backends.cohere.refusal import unsupported
from service.codec import JsonObject, dumps, parse_value


def format_of(request: CompletionRequest) -> JsonObject:
    """The body's `response_format`, if any. Cohere always holds an answer to its schema."""
    if request.guided_json:
        return _schema(request.guided_json)
    if not request.HasField("response_format"):
        return {}
    form = request.response_format
    match form.type:
        case "text":
            return {}
        case "json_object":
            return {"response_format": {"type": "json_object"}}
        case "json_schema" if form.json_schema.HasField("schema"):
            return _schema(_described(form.json_schema.schema, form.json_schema.description))
        case "json_schema":
            return {"response_format": {"type": "json_object"}}
        case _:
            raise unsupported("response_format.type", f"Cohere knows no {form.type!r}")


def _schema(schema: str) -> JsonObject:
    return {"response_format": {"type": "json_object", "json_schema": orjson.Fragment(schema)}}


def _described(schema: str, description: str) -> str:
    """The schema, verbatim, with what the form is for, which has no place of its own here."""
    value = parse_value(schema) if description else None
    if not isinstance(value, dict) or "description" in value:
        return schema
    start = schema.index("{") + 1
    rest = "," if value else ""
    return f'{schema[:start]}"description":{dumps(description).decode()}{rest}{schema[start:]}'
