"""The form that an answer must have, in Anthropic's terms."""

import orjson
from parley.chat.v1.completion_pb2 import CompletionRequest

from service.codec import JsonObject
from service.errors import ApiError, Kind

JSON_OBJECT = "Answer with one JSON object and nothing else: no other text, and no code fence around it."
"""Anthropic has no mode for JSON without a schema, and its schemas name every member."""


def format_of(request: CompletionRequest) -> tuple[JsonObject, list[JsonObject]]:
    """The member `output_config`, and instructions that go with it (Anthropic has no place for a schema's description).

    ApiError (UNSUPPORTED) for a form that Anthropic has not
    (https://platform.claude.com/docs/en/build-with-claude/structured-outputs).
    """
    if request.guided_json:
        return _follows(request.guided_json), []
    form = request.response_format
    match form.type:
        case "" | "text":
            return {}, []
        case "json_object":
            return {}, [{"type": "text", "text": JSON_OBJECT}]
        case "json_schema":
            description = form.json_schema.description
            said: list[JsonObject] = [{"type": "text", "text": f"The answer is: {description}"}] if description else []
            if not form.json_schema.schema:
                return {}, [*said, {"type": "text", "text": JSON_OBJECT}]
            return _follows(form.json_schema.schema), said
        case other:
            problem = f"response_format: Anthropic has no form {other!r}"
            raise ApiError(Kind.UNSUPPORTED, problem, param="response_format")


def _follows(schema: str) -> JsonObject:
    return {"output_config": {"format": {"type": "json_schema", "schema": orjson.Fragment(schema)}}}
