"""Checks the free texts of a request: JSON Schemas that are none, templates that do not parse."""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn, cast

from jinja2 import TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jsonschema_rs import Draft7Validator, Draft202012Validator, ValidationError, ValidationErrorKind, validator_for

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
    error = _compile_error(Draft202012Validator if "$schema" not in text else validator_for, schema)
    # Many callers write draft 7 without saying so.
    if error is None or ("$schema" not in text and _compile_error(Draft7Validator, schema) is None):
        return ""
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
    return f"{where}: not a JSON Schema: {error.message[:300]}"


def _compile_error(compile_: Callable[..., object], schema: dict[str, Any] | bool) -> ValidationError | None:
    try:
        compile_(schema, retriever=retrieve_nothing)
    except ValidationError as error:
        # What stands elsewhere cannot be judged here, and a vendor may know it.
        elsewhere = isinstance(error.kind, ValidationErrorKind.Referencing) and "retrieving" in error.message
        return None if elsewhere else error
    return None


def retrieve_nothing(uri: str) -> NoReturn:
    """In place of fetching what a schema refers to: a caller's schema never makes the service open a connection."""
    raise ValueError(f"{uri} is not fetched")


@lru_cache(maxsize=256)
def _template_problem(text: str) -> str:
    try:
        ImmutableSandboxedEnvironment(extensions=["jinja2.ext.loopcontrols"]).parse(text)
    except TemplateSyntaxError as error:
        return f"line {error.lineno}: not a Jinja template: {error.message}"
    except RecursionError:
        return "not a Jinja template that can be read: nested too deep"
    return ""
