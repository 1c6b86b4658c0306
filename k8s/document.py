"""Reading in documents that came out of YAML, whose shape only their schema knows."""

import functools
from collections.abc import Iterator, Mapping
from typing import cast

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C parser takes a tenth of the time, where it is there."""

Node = dict[str, object]
"""A mapping of a document."""


def parse(text: str) -> Node:
    """One document."""
    return cast("Node", yaml.load(text, Loader=_LOADER))  # noqa: S506 (as safe as SafeLoader)


@functools.lru_cache(maxsize=64)
def read(text: str) -> Node:
    """As `parse`, of a document that is only looked at: the same text gives the same object."""
    return parse(text)


def parse_all(text: str) -> list[Node]:
    """A stream of documents, without those that are empty."""
    return [cast("Node", document) for document in yaml.load_all(text, Loader=_LOADER) if document]


def at(parent: object, *path: str | int) -> object:
    """What is at a path. LookupError where there is nothing."""
    for step in path:
        parent = cast("dict[str | int, object]", parent)[step]
    return parent


def find(parent: object, *path: str | int) -> object:
    """What is at a path, or None."""
    try:
        return at(parent, *path)
    except (LookupError, TypeError):
        return None


def node(parent: object, *path: str | int) -> Node:
    """The mapping at a path. LookupError where there is nothing."""
    return cast("Node", at(parent, *path))


def mapping(parent: object, *path: str | int) -> Node | None:
    """The mapping at a path; None where there is none."""
    found = find(parent, *path)
    return cast("Node", found) if isinstance(found, dict) else None


def items(parent: object, *path: str | int) -> list[object]:
    """The list at a path, itself and not a copy. LookupError where there is nothing."""
    return cast("list[object]", at(parent, *path))


def nodes(parent: object, *path: str | int) -> list[Node]:
    """The mappings in the list at a path; none where there is no list."""
    found = find(parent, *path)
    return [cast("Node", each) for each in cast("list[object]", found)] if isinstance(found, list) else []


def text(parent: object, *path: str | int) -> str:
    """The scalar at a path, as text; empty where there is nothing."""
    found = find(parent, *path)
    return "" if found is None else str(found)


def strings(parent: object, *path: str | int) -> list[str]:
    """The scalars in the list at a path, as text; none where there is no list."""
    found = find(parent, *path)
    return [str(each) for each in cast("list[object]", found)] if isinstance(found, list) else []


def labels(parent: object, *path: str | int) -> Mapping[str, str]:
    """The mapping of text to text at a path; empty where there is none."""
    found = find(parent, *path)
    return cast("Mapping[str, str]", found) if isinstance(found, dict) else {}


def walk(value: object) -> Iterator[Node]:
    """Every mapping in a document, however deep."""
    if isinstance(value, dict):
        yield cast("Node", value)
        for member in cast("Node", value).values():
            yield from walk(member)
    elif isinstance(value, list):
        for member in cast("list[object]", value):
            yield from walk(member)
