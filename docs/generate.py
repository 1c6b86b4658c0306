"""Writes the pages that are made of the code's own tables: `python docs/generate.py`."""

import sys
from collections.abc import Iterable
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs.pages import errors, failover, observability
from service.backends.fields import KNOBS, NAMES, Emulated, Refused, Sent
from service.backends.vendors import DIALECTS, VENDORS
from service.config.model import Config, Timeouts
from service.config.values import Address, Duration

HERE = Path(__file__).parent


def configuration() -> str:
    """Every key of parley.yaml."""
    lines = [
        "# parley.yaml",
        "",
        "Every key. Unknown keys are errors, with a suggestion. Durations are written `500ms`, `2s`, `10m` or `1h`.",
        "`parley check FILE` says what is wrong with a file and where.",
        "",
        "| key | type | default | meaning |",
        "|---|---|---|---|",
        *_rows(Config, ""),
    ]
    return "\n".join([*lines, ""])


def _rows(model: type[BaseModel], prefix: str) -> Iterable[str]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        inner, suffix = _inner(field.annotation)
        if inner is Timeouts and prefix:
            yield f"| `{path}` | | those above it | {_summary(inner)} Its members are those of `timeouts`. |"
        elif inner is not None:
            yield f"| `{path}` | | {_default(field)} | {field.description or _summary(inner)} |"
            yield from _rows(inner, f"{path}{suffix}.")
        else:
            yield f"| `{path}` | {_type_of(field)} | {_default(field)} | {field.description or ''} |"


def _inner(annotation: object) -> tuple[type[BaseModel] | None, str]:
    """The model that a key holds, and how its members are reached."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return next((found for arg in args if (found := _inner(arg))[0]), (None, ""))
    if origin is tuple:
        return _inner(args[0])[0], "[]"
    if origin is dict:
        return _inner(args[1])[0], ".NAME"
    return None, ""


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0] if model.__doc__ else ""


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "required"
    if value is None or isinstance(value, BaseModel) or value in ({}, ()):
        return ""
    if isinstance(value, dict):
        return f"`{', '.join(map(str, cast('dict[str, object]', value)))}`"
    if value == ("*",):
        return "all"
    if isinstance(value, Address):
        return f"`{value}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _type_of(field: FieldInfo) -> str:
    # What makes a duration of a number is kept apart from the type, or, where there may be none, within it.
    parts = [field.metadata, *(getattr(arg, "__metadata__", ()) for arg in get_args(field.annotation))]
    is_duration = any(item is get_args(Duration)[1] for part in parts for item in part)
    return "duration" if is_duration else _type(field.annotation)


def _type(annotation: object) -> str:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(_type(arg) for arg in get_args(annotation) if arg is not type(None))
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{word}`" for word in get_args(annotation))
    if get_origin(annotation) is tuple:
        return f"list of {_type(get_args(annotation)[0])}"
    if get_origin(annotation) is dict:
        return f"map to {_type(get_args(annotation)[1])}"
    return _NAMES.get(annotation, "")  # type: ignore[arg-type]


_NAMES = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "`true` or `false`",
    Path: "path",
    Address: "address:port",
}


def vendors() -> str:
    """Every vendor's settings, and every field at every dialect."""
    lines = [
        "# Vendors and fields",
        "",
        "## Vendors",
        "",
        "The first part of a model's name. Each setting can be replaced under `vendors.NAME` or for one deployment.",
        "",
        "| vendor | dialect | base URL | key from | sent as | API version |",
        "|---|---|---|---|---|---|",
    ]
    for name, known in sorted(VENDORS.items()):
        url = f"`{known.base_url}`" if known.base_url else "to be set"
        key = f"`{known.api_key_env}`" if known.api_key_env else ""
        lines.append(f"| `{name}` | `{known.dialect}` | {url} | {key} | {known.auth} | {known.version} |")
    lines += [
        "",
        "## Fields",
        "",
        "What becomes of each request field at each dialect: **sent** (under its own name, or as said), **emulated**",
        "by the service, or **refused**. A refused field that only tunes (*knob*) is by default left out and named in",
        "the header `x-parley-dropped`; any other is answered with 400. The header `x-parley-unsupported`: strict,",
        "warn or drop, says otherwise for one request; `unsupported` in parley.yaml for a key or for all. A value that",
        "asks for what every vendor does anyway (`n: 1`, `store: false`) is never a loss.",
    ]
    for name, dialect in sorted(DIALECTS.items()):
        lines += ["", f"### {name}", "", "| field | handling | |", "|---|---|---|"]
        for field in NAMES:
            match dialect.fields[field]:
                case Sent(name=other):
                    row = f"sent | {f'as {other}' if other else ''}"
                case Emulated(by=by):
                    row = f"emulated | {by}"
                case Refused(why=why):
                    row = f"refused{' (knob)' if field in KNOBS else ''} | {why}"
            lines.append(f"| `{field}` | {row} |")
    return "\n".join([*lines, ""])


PAGES = {
    "errors.md": errors.page,
    "failover.md": failover.page,
    "observability.md": observability.page,
    "configuration.md": configuration,
    "vendors.md": vendors,
}


def main() -> int:
    """Write all pages."""
    for name, page in PAGES.items():
        (HERE / name).write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
