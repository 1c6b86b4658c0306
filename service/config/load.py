"""Reads parley.yaml, and says of everything wrong in it where it stands and what would be right."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from service.config.key import SHA256
from service.config.model import MODEL_NAME, PLAIN_NAME, VENDOR_URL, VENDORS_MODEL, Config
from service.config.names import PlacedError
from service.config.watching import URL

Location = tuple[str | int, ...]

_PATTERNS = {
    MODEL_NAME: "expected vendor/model_name, vendor/* for any model of the vendor, or your own name without slashes",
    VENDORS_MODEL: "expected vendor/model_name or vendor/model_name/deployment, such as openai/gpt-4o",
    SHA256: "expected the SHA-256 of the key in 64 lower-case hex digits, as `parley key new NAME` prints it",
    URL: "expected a URL that starts with http:// or https://",
    VENDOR_URL: "expected a URL that starts with http://, https://, grpc:// or grpcs://",
    PLAIN_NAME: "expected a name without slashes, stars and spaces",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a configuration file."""

    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.line}:{self.column}: {where}{self.message}"


class ConfigError(Exception):
    """A configuration file cannot be used; `problems` says why, all at once."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        super().__init__("\n".join(f"{file}:{problem}" for problem in problems))
        self.problems = problems


def load(path: Path | None) -> Config:
    """The configuration in a file; without one, the embedded model alone on loopback. ConfigError if it is wrong."""
    if path is None:
        return Config()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(str(path), [Problem(1, 1, "", f"the file cannot be read: {reason}")]) from None
    return parse(text, str(path))


def parse(text: str, file: str = "parley.yaml") -> Config:
    """The configuration in a YAML text; `file` is the name that errors give it."""
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        twice = [] if root is None else list(_duplicates(root))
        if twice:
            raise ConfigError(file, twice)
        data: object = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ConfigError(file, [Problem(line, column, "", f"not YAML: {error.problem}")]) from None
    except yaml.YAMLError as error:
        raise ConfigError(file, [Problem(1, 1, "", f"not YAML: {error}")]) from None
    try:
        return Config.model_validate({} if data is None else data)
    except ValidationError as error:
        raise ConfigError(file, _problems(error, root)) from None


def _problems(error: ValidationError, root: yaml.Node | None) -> list[Problem]:
    problems: list[Problem] = []
    for detail in error.errors(include_url=False, include_input=False):
        location = tuple(part for part in detail["loc"] if part != "[key]")
        message = detail["msg"].removeprefix("Value error, ")
        cause: object = detail.get("ctx", {}).get("error")
        if isinstance(cause, PlacedError):
            location += cause.location
            if cause.also is not None:
                line, _ = _position(root, cause.also, key=False)
                message += f" ({_path(cause.also)}, line {line})"
        if detail["type"] == "extra_forbidden":
            message = _unknown_key(location)
        elif detail["type"] == "string_pattern_mismatch":
            message = _PATTERNS.get(str(detail.get("ctx", {}).get("pattern")), message)
        location = _written(root, location)
        line, column = _position(root, location, key=detail["type"] == "extra_forbidden")
        problems.append(Problem(line, column, _path(location), message))
    return problems


def _unknown_key(location: Location) -> str:
    name = str(location[-1])
    known = sorted(_keys_at(location[:-1]))
    close = difflib.get_close_matches(name, known, n=1)
    return "unknown key" + (f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(known)}")


def _keys_at(location: Location) -> Iterable[str]:
    at: object = Config
    for part in location:
        at = _plain(at)
        if isinstance(at, type) and issubclass(at, BaseModel):
            field = at.model_fields.get(str(part))
            at = field.annotation if field else object
        else:
            at = next((a for a in reversed(get_args(at)) if a is not Ellipsis), object)
    at = _plain(at)
    return at.model_fields if isinstance(at, type) and issubclass(at, BaseModel) else ()


def _plain(annotation: object) -> object:
    """The annotation without Annotated and without `| None`."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, UnionType):
            annotation = next(a for a in get_args(annotation) if a is not type(None))
        else:
            return annotation


def _path(location: Location) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _written(root: yaml.Node | None, location: Location) -> Location:
    """A location as the file has it: what is short for a list of one has no number."""
    node = root
    for depth, part in enumerate(location):
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        elif isinstance(node, yaml.ScalarNode) and isinstance(part, int):
            return location[:depth]
    return location


def _position(root: yaml.Node | None, location: Location, *, key: bool) -> tuple[int, int]:
    """Line and column, from 1, of the value at a location, or of its key; of the nearest that exists."""
    node = root
    mark = node.start_mark if node else None
    for depth, part in enumerate(location):
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if found is None:
                break
            node = found[1]
            mark = found[0].start_mark if key and depth == len(location) - 1 else node.start_mark
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            mark = node.start_mark
        else:
            break
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _duplicates(node: yaml.Node, path: str = "") -> Iterable[Problem]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = f"{path}.{key.value}" if path else str(key.value)
            if key.value in seen:
                yield Problem(key.start_mark.line + 1, key.start_mark.column + 1, name, "the key is given twice")
            seen.add(key.value)
            yield from _duplicates(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _duplicates(item, f"{path}[{index}]")


def json_schema() -> Mapping[str, object]:
    """JSON Schema of parley.yaml, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Config.model_json_schema(mode="validation"),
        "title": "parley.yaml",
    }
