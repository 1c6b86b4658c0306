"""Checks the free texts of a request: JSON Schemas that are none, templates that do not parse."""

import json
from functools import lru_cache
from typing import Any, cast

from jinja2 import TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jsonschema_rs import ValidationError, meta

from service.errors import ApiError, Kind


def check_schema(path: str, text: str) -> None:
    """Refuses a JSON Schema that is not one; an empty text is none."""
    if text and (problem := _schema_problem(text)):
        raise ApiError(Kind.INVALID_VALUE, f"{path}{problem}", param=path)


def check_template(path: str, text: str) -> None:
    """Refuses a Jinja template that does not parse."""
    if problem := _template_problem(text):
        raise ApiError(Kind.INVALID_VALUE, f"{path}: {problem}", param=path)


@lru_cache(maxsize=1024)
def _schema_problem(text: str) -> str:
    """What is wrong, with the place within; services send the same few schemas again and again."""
    schema: object = json.loads(text)
    if not isinstance(schema, dict | bool):
        return ": not a JSON Schema: expected an object"
    schema = cast("dict[str, Any] | bool", schema)
    try:
        meta.validate(schema)
    except ValidationError as error:
        # Many callers write draft 7 without saying so; where it says something else, vendors mean that.
        if "$schema" not in text and meta.is_valid(_as_draft_7(schema)):
            return ""
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
        return f"{where}: not a JSON Schema: {error.message[:300]}"
    return ""


def _as_draft_7(schema: dict[str, Any] | bool) -> dict[str, Any] | bool:
    return schema if isinstance(schema, bool) else {**schema, "$schema": "http://json-schema.org/draft-07/schema#"}


@lru_cache(maxsize=256)
def _template_problem(text: str) -> str:
    try:
        ImmutableSandboxedEnvironment(extensions=["jinja2.ext.loopcontrols"]).parse(text)
    except TemplateSyntaxError as error:
        return f"line {error.lineno}: not a Jinja template: {error.message}"
    except RecursionError:
        return "not a Jinja template that can be read: nested too deep"
    return ""
