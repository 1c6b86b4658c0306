"""Reads members of Bedrock's JSON, so that one of another type than documented is a malformed answer and no crash."""

from service.codec import JsonObject, JsonValue


class WireError(ValueError):
    """A member is missing, or of another type than Bedrock's documents say."""


def object_of(value: JsonObject, name: str) -> JsonObject:
    """A member that is an object."""
    member = value.get(name)
    if isinstance(member, dict):
        return member
    raise WireError(f"{name}: expected an object")


def list_of(value: JsonObject, name: str) -> list[JsonValue]:
    """A member that is a list; empty where it is absent."""
    member = value.get(name, [])
    if isinstance(member, list):
        return member
    raise WireError(f"{name}: expected a list")


def text_of(value: JsonObject, name: str) -> str:
    """A member that is text."""
    member = value.get(name)
    if isinstance(member, str):
        return member
    raise WireError(f"{name}: expected text")


def count_of(value: JsonObject, name: str) -> int:
    """A member that is a whole number of at least 0; 0 where it is absent."""
    member = value.get(name, 0)
    if isinstance(member, int) and not isinstance(member, bool) and 0 <= member < 2**32:
        return member
    raise WireError(f"{name}: expected a whole number")


def as_object(value: JsonValue) -> JsonObject:
    """An item that is an object."""
    if isinstance(value, dict):
        return value
    raise WireError("expected an object")
